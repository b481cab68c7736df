using System.Net.Http.Headers;
using Shipinator.Forges.Api;

namespace Shipinator.Forges.Gitea;

/// <summary>The REST API of Gitea, version 1, and of Forgejo and Gogs, which have parts of it.</summary>
internal sealed class GiteaApi(ForgeApi forges)
{
    /// <summary>The server gives at most 50, however many are asked for, and has no limit for all pages.</summary>
    public static readonly Paging Pages = new("limit", 50, AlwaysLinks: false);

    private const int MostFiles = 10_000;
    private const int TokenLength = 40;

    public const string HookRights = "'write:repository' of a user who administers the repository";
    private const string WriteRights = "'write:repository' of a user who may write to the repository";
    private const string ReadRights = "'read:repository'";

    public static HookList Hooks { get; } = new(Pages, HookRights);

    /// <summary>A session with a repository's API. Errors: <see cref="ForgeRequestException"/>.</summary>
    public Task<ApiSession> OpenAsync(ForgeRepository repository, CancellationToken cancellationToken) =>
        forges.OpenAsync(repository, ApiAddress.Of(repository.CloneUrl, "api/v1/"), Authorization, "application/json", cancellationToken);

    /// <summary>
    /// A token by its own scheme, in the lower case that older versions need. Gogs does not take it as a password; anything else is one.
    /// </summary>
    internal static AuthenticationHeaderValue Authorization(GitCredential credential) =>
        credential.Password.Length == TokenLength && credential.Password.All(char.IsAsciiHexDigitLower)
            ? new("token", credential.Password)
            : ForgeApi.Basic(credential);

    public static async Task PostStatusAsync(ApiSession session, string commit, CommitStatus status, CancellationToken cancellationToken)
    {
        const string what = "post a commit status";
        var id = CommitIds.Full(commit);
        var response = await session.SendAsync(
            HttpMethod.Post,
            session.Api.InRepository("statuses", id),
            new
            {
                State = StatusWords.Of(status.State),
                status.Context,
                status.Description,
                TargetUrl = status.TargetUrl?.AbsoluteUri ?? "",
            },
            cancellationToken
        );
        if (response.Status == 500)
        {
            // Also the response for an unknown commit and for an empty repository, which a retry would never change.
            var found = await session.SendAsync(HttpMethod.Get, session.Api.InRepository("git", "commits", id), null, cancellationToken);
            if (found.Status is 404 or 409)
            {
                throw new ForgeRequestException(
                    ForgeRequestException.NotFound,
                    $"{session.Api.Base.Host} could not {what}: it has no commit {id} in the repository.",
                    isTransient: false,
                    response.Status
                );
            }
        }

        session.Succeeded(response, what, WriteRights);
    }

    /// <summary>The files of a pull request; null when this version can't list them, or there are too many.</summary>
    public static async Task<IReadOnlyList<string>?> PullRequestFilesAsync(
        ApiSession session,
        int number,
        CancellationToken cancellationToken
    )
    {
        try
        {
            var files = await session.PagesAsync<ChangedFile>(
                session.Api.InRepository("pulls", ApiAddress.Text(number), "files"),
                Pages,
                MostFiles,
                "list the files of a pull request",
                ReadRights,
                cancellationToken
            );
            return ChangedFile.Names(files);
        }
        catch (ForgeRequestException e) when (e.Code == ForgeRequestException.NotFound)
        {
            return null;
        }
    }

    /// <summary>The pull request's base and head. Errors: <see cref="ForgeRequestException"/>.</summary>
    public static Task<Pull> PullAsync(ApiSession session, int number, CancellationToken cancellationToken) =>
        session.GetAsync<Pull>(
            session.Api.InRepository("pulls", ApiAddress.Text(number)),
            "read a pull request",
            ReadRights,
            cancellationToken
        );

    /// <summary>The files that the commits between two change; null when they are not all listed. From 1.22; 404 before.</summary>
    public static async Task<IReadOnlyList<string>?> ComparedFilesAsync(
        ApiSession session,
        string baseCommit,
        string headCommit,
        CancellationToken cancellationToken
    )
    {
        var compared = await session.GetAsync<Comparison>(
            session.Api.InRepository("compare", $"{CommitIds.Full(baseCommit)}...{CommitIds.Full(headCommit)}"),
            "compare two commits",
            ReadRights,
            cancellationToken
        );
        return
            compared.Commits is { Length: > 0 } commits
            && compared.TotalCommits == commits.Length
            && commits.All(c => c?.Files is { Length: > 0 })
            ? ChangedFile.Names([.. commits.SelectMany(c => c.Files!)])
            : null;
    }

    internal sealed record Comparison(int TotalCommits, ComparedCommit[]? Commits);

    internal sealed record ComparedCommit(ChangedFile[]? Files);

    internal sealed record Pull(PullSide? Base, PullSide? Head);

    internal sealed record PullSide(string? Sha);
}
