using Shipinator.Forges.Api;
using Shipinator.Forges.Git;

namespace Shipinator.Forges.Gitea;

/// <summary>What Gitea, Forgejo and Gogs have in common.</summary>
public abstract class GiteaFamilyForge : MirroredForge, IHookForge
{
    private readonly GiteaWebhooks _webhooks;
    private readonly GiteaHooks _hooks;
    private readonly GiteaApi _api;

    private protected GiteaFamilyForge(GitForge git, ForgeApi api, GiteaWebhooks webhooks, GiteaHooks hooks)
        : base(git)
    {
        _api = new(api);
        _webhooks = webhooks;
        _hooks = hooks;
    }

    /// <inheritdoc/>
    public abstract int RecognitionOrder { get; }

    /// <summary>Whether the forge has commit statuses, and the right to post them is one that it can grant.</summary>
    private protected virtual bool HasStatuses => true;

    /// <inheritdoc/>
    public bool Recognizes(WebhookRequest request) => _webhooks.Recognizes(request);

    /// <inheritdoc/>
    public bool IsSigned(WebhookRequest request, IReadOnlyList<string> secrets) => _webhooks.IsSigned(request, secrets);

    /// <inheritdoc/>
    public WebhookDelivery Parse(WebhookRequest request) => _webhooks.Parse(request);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ForgeRight>> CheckRights(ForgeRepository repository, CancellationToken cancellationToken) =>
        await GiteaRights.CheckAsync(await OpenAsync(repository, cancellationToken), HasStatuses, cancellationToken);

    /// <inheritdoc/>
    public async Task<ForgeHook> EnsureHook(ForgeRepository repository, Uri url, string secret, CancellationToken cancellationToken) =>
        await _hooks.EnsureAsync(await OpenAsync(repository, cancellationToken), url, secret, cancellationToken);

    /// <inheritdoc/>
    public async Task<ForgeHook?> FindHook(ForgeRepository repository, Uri url, CancellationToken cancellationToken) =>
        await GiteaHooks.FindAsync(await OpenAsync(repository, cancellationToken), url, cancellationToken);

    /// <inheritdoc/>
    public async Task RemoveHook(ForgeRepository repository, Uri url, CancellationToken cancellationToken) =>
        await GiteaHooks.RemoveAsync(await OpenAsync(repository, cancellationToken), url, cancellationToken);

    /// <inheritdoc/>
    public virtual async Task TestHook(ForgeRepository repository, ForgeHook hook, CancellationToken cancellationToken) =>
        await GiteaHooks.TestAsync(await OpenAsync(repository, cancellationToken), hook, cancellationToken);

    private protected Task<ApiSession> OpenAsync(ForgeRepository repository, CancellationToken cancellationToken) =>
        _api.OpenAsync(repository, cancellationToken);
}
