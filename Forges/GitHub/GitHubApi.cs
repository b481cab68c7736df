using System.Net.Http.Headers;
using Shipinator.Forges.Api;

namespace Shipinator.Forges.GitHub;

/// <summary>
/// The REST API of GitHub, version 3: <c>https://api.github.com</c>, <c>https://api.TENANT.ghe.com</c>, and <c>/api/v3</c> of an
/// Enterprise Server.
/// </summary>
internal sealed class GitHubApi(ForgeApi forges)
{
    /// <summary>The comparison of two commits lists at most this many files, without a sign that there are more.</summary>
    public const int MostComparedFiles = 300;

    /// <summary>The list of a pull request's files ends here.</summary>
    public const int MostPullRequestFiles = 3000;

    private static readonly Paging Pages = new("per_page", 100, AlwaysLinks: true);

    /// <summary>A session with a repository's API. Errors: <see cref="ForgeRequestException"/>.</summary>
    public Task<ApiSession> OpenAsync(ForgeRepository repository, CancellationToken cancellationToken) =>
        forges.OpenAsync(
            repository,
            Address(repository.CloneUrl),
            credential => Bearer(repository.CloneUrl, credential.Password),
            "application/vnd.github+json",
            cancellationToken
        );

    private static AuthenticationHeaderValue Bearer(string cloneUrl, string token) =>
        token.Length > 0 && token.All(c => c is > ' ' and <= '~')
            ? new("Bearer", token)
            : throw new ForgeRequestException(
                ForgeRequestException.Unauthorized,
                $"The credential of '{cloneUrl}' is not a token of GitHub: it is empty, or has spaces, line breaks or other characters "
                    + "that tokens don't have. Replace the repository's credential.",
                isTransient: false
            );

    /// <summary>Where the API of a clone URL is.</summary>
    public static ApiAddress Address(string cloneUrl) =>
        ApiAddress.Of(
            cloneUrl,
            "api/v3/",
            clone =>
                clone.Origin is "https://github.com" or "https://www.github.com" ? "https://api.github.com/"
                : clone.Host.EndsWith(".ghe.com", StringComparison.Ordinal) && clone.Port == 443 && clone.Scheme == "https"
                    ? $"https://api.{clone.Host}/"
                : null
        );

    public static async Task PostStatusAsync(ApiSession session, string commit, CommitStatus status, CancellationToken cancellationToken)
    {
        const string what = "post a commit status";
        const string rights = "'repo:status' (classic token) or 'Commit statuses: write' (fine-grained token)";
        var response = await session.SendAsync(
            HttpMethod.Post,
            session.Api.InRepository("statuses", CommitIds.Full(commit)),
            new
            {
                State = StatusWords.Of(status.State),
                status.Context,
                status.Description,
                TargetUrl = status.TargetUrl?.AbsoluteUri,
            },
            cancellationToken
        );
        if (response.Status == 422 && response.Text.Contains("maximum number of statuses", StringComparison.OrdinalIgnoreCase))
        {
            throw new ForgeRequestException(
                ForgeRequestException.Refused,
                $"{session.Api.Base.Host} takes no more statuses for commit {commit} and context '{status.Context}': "
                    + "there are 1,000 of them.",
                isTransient: false,
                response.Status
            );
        }

        session.Succeeded(response, what, rights);
    }

    /// <summary>Null when GitHub does not list all of them.</summary>
    public static async Task<IReadOnlyList<string>?> PullRequestFilesAsync(
        ApiSession session,
        int number,
        CancellationToken cancellationToken
    ) =>
        ChangedFile.Names(
            await session.PagesAsync<ChangedFile>(
                session.Api.InRepository("pulls", ApiAddress.Text(number), "files"),
                Pages,
                MostPullRequestFiles,
                "list the files of a pull request",
                "'repo' (classic token) or 'Pull requests: read' (fine-grained token)",
                cancellationToken
            )
        );

    /// <summary>Null when GitHub does not list all of them.</summary>
    public static async Task<IReadOnlyList<string>?> ComparedFilesAsync(
        ApiSession session,
        string baseCommit,
        string headCommit,
        CancellationToken cancellationToken
    )
    {
        var compared = await session.GetAsync<Comparison>(
            // Files are on the first page only; one commit is enough.
            new(
                session.Api.InRepository("compare", $"{CommitIds.Full(baseCommit)}...{CommitIds.Full(headCommit)}").AbsoluteUri
                    + "?per_page=1&page=1"
            ),
            "compare two commits",
            "'repo' (classic token) or 'Contents: read' (fine-grained token)",
            cancellationToken
        );
        return compared.Files is { Length: < MostComparedFiles } files ? ChangedFile.Names(files) : null;
    }

    public const string HookRights =
        "'admin:repo_hook' (classic token) or 'Webhooks: read and write' (fine-grained token), of a user who administers the repository";

    public static HookList Hooks { get; } = new(Pages, HookRights);

    internal sealed record Comparison(ChangedFile[]? Files);
}
