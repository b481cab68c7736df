using Shipinator.Forges.Git;

namespace Shipinator.Forges.GitHub;

/// <summary>GitHub, and GitHub Enterprise Server at any address.</summary>
public sealed class GitHubForge(GitForge git) : MirroredForge(git), IWebhookForge
{
    /// <inheritdoc/>
    public override string Provider => "github";

    /// <inheritdoc/>
    public int RecognitionOrder => 40;

    /// <inheritdoc/>
    public bool Recognizes(WebhookRequest request) => GitHubWebhooks.Recognizes(request);

    /// <inheritdoc/>
    public bool IsSigned(WebhookRequest request, IReadOnlyList<string> secrets) => GitHubWebhooks.IsSigned(request, secrets);

    /// <inheritdoc/>
    public WebhookDelivery Parse(WebhookRequest request) => GitHubWebhooks.Parse(request);
}
