using Shipinator.Forges.Api;
using Shipinator.Forges.Git;

namespace Shipinator.Forges.GitHub;

/// <summary>GitHub, and GitHub Enterprise Server at any address.</summary>
public sealed class GitHubForge : MirroredForge, IHookForge, IStatusForge, IPullRequestForge
{
    private readonly GitHubApi _api;

    internal GitHubForge(GitForge git, ForgeApi api)
        : base(git) => _api = new(api);

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

    /// <inheritdoc/>
    public async Task PostStatus(ForgeRepository repository, string commit, CommitStatus status, CancellationToken cancellationToken) =>
        await GitHubApi.PostStatusAsync(await _api.OpenAsync(repository, cancellationToken), commit, status, cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>?> PullRequestFiles(
        ForgeRepository repository,
        int number,
        CancellationToken cancellationToken
    ) => await GitHubApi.PullRequestFilesAsync(await _api.OpenAsync(repository, cancellationToken), number, cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ForgeRight>> CheckRights(ForgeRepository repository, CancellationToken cancellationToken) =>
        await GitHubRights.CheckAsync(await _api.OpenAsync(repository, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public async Task<ForgeHook> EnsureHook(ForgeRepository repository, Uri url, string secret, CancellationToken cancellationToken) =>
        await GitHubHooks.EnsureAsync(await _api.OpenAsync(repository, cancellationToken), url, secret, cancellationToken);

    /// <inheritdoc/>
    public async Task<ForgeHook?> FindHook(ForgeRepository repository, Uri url, CancellationToken cancellationToken) =>
        await GitHubHooks.FindAsync(await _api.OpenAsync(repository, cancellationToken), url, cancellationToken);

    /// <inheritdoc/>
    public async Task RemoveHook(ForgeRepository repository, Uri url, CancellationToken cancellationToken) =>
        await GitHubHooks.RemoveAsync(await _api.OpenAsync(repository, cancellationToken), url, cancellationToken);

    /// <inheritdoc/>
    public async Task TestHook(ForgeRepository repository, ForgeHook hook, CancellationToken cancellationToken) =>
        await GitHubHooks.TestAsync(await _api.OpenAsync(repository, cancellationToken), hook, cancellationToken);

    /// <inheritdoc/>
    private protected override async Task<IReadOnlyList<string>?> ComparedFiles(
        ForgeRepository repository,
        string baseCommit,
        string headCommit,
        CancellationToken cancellationToken
    ) => await GitHubApi.ComparedFilesAsync(await _api.OpenAsync(repository, cancellationToken), baseCommit, headCommit, cancellationToken);
}
