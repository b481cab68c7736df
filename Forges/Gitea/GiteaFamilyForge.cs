using Shipinator.Forges.Git;

namespace Shipinator.Forges.Gitea;

/// <summary>What Gitea, Forgejo and Gogs have in common.</summary>
public abstract class GiteaFamilyForge : MirroredForge, IWebhookForge
{
    private readonly GiteaWebhooks _webhooks;

    private protected GiteaFamilyForge(GitForge git, GiteaWebhooks webhooks)
        : base(git) => _webhooks = webhooks;

    /// <inheritdoc/>
    public abstract int RecognitionOrder { get; }

    /// <inheritdoc/>
    public bool Recognizes(WebhookRequest request) => _webhooks.Recognizes(request);

    /// <inheritdoc/>
    public bool IsSigned(WebhookRequest request, IReadOnlyList<string> secrets) => _webhooks.IsSigned(request, secrets);

    /// <inheritdoc/>
    public WebhookDelivery Parse(WebhookRequest request) => _webhooks.Parse(request);
}
