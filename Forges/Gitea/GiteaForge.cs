using Shipinator.Forges.Api;
using Shipinator.Forges.Git;

namespace Shipinator.Forges.Gitea;

/// <summary>Gitea from 1.15.</summary>
public class GiteaForge : GiteaFamilyForge, IStatusForge, IPullRequestForge
{
    private protected static readonly string[] Events = ["push", "delete", "pull_request"];

    internal GiteaForge(GitForge git, ForgeApi api)
        : this(git, api, new("Gitea"), new(["gitea"], Events)) { }

    private protected GiteaForge(GitForge git, ForgeApi api, GiteaWebhooks webhooks, GiteaHooks hooks)
        : base(git, api, webhooks, hooks) { }

    /// <inheritdoc/>
    public override string Provider => "gitea";

    /// <inheritdoc/>
    public override int RecognitionOrder => 20;

    /// <inheritdoc/>
    public async Task PostStatus(ForgeRepository repository, string commit, CommitStatus status, CancellationToken cancellationToken) =>
        await GiteaApi.PostStatusAsync(await OpenAsync(repository, cancellationToken), commit, status, cancellationToken);

    /// <summary>By the API; by the mirror where the version has no such list.</summary>
    public async Task<IReadOnlyList<string>?> PullRequestFiles(ForgeRepository repository, int number, CancellationToken cancellationToken)
    {
        var session = await OpenAsync(repository, cancellationToken);
        if (await GiteaApi.PullRequestFilesAsync(session, number, cancellationToken) is { } files)
        {
            return files;
        }

        var pull = await GiteaApi.PullAsync(session, number, cancellationToken);
        return pull is { Base.Sha: { } baseCommit, Head.Sha: { } headCommit }
            ? await MirroredFiles(repository, baseCommit, headCommit, cancellationToken)
            : null;
    }

    /// <inheritdoc/>
    private protected override async Task<IReadOnlyList<string>?> ComparedFiles(
        ForgeRepository repository,
        string baseCommit,
        string headCommit,
        CancellationToken cancellationToken
    ) => await GiteaApi.ComparedFilesAsync(await OpenAsync(repository, cancellationToken), baseCommit, headCommit, cancellationToken);
}
