using Shipinator.Forges.Api;

namespace Shipinator.Forges.GitHub;

/// <summary>Webhooks of a repository on GitHub.</summary>
internal static class GitHubHooks
{
    private static readonly string[] Events = ["push", "pull_request"];

    /// <summary>One webhook with this URL, as it should be: an existing one is changed, further ones are removed.</summary>
    public static async Task<ForgeHook> EnsureAsync(ApiSession session, Uri url, string secret, CancellationToken cancellationToken)
    {
        var ours = await GitHubApi.Hooks.OursAsync(session, url, cancellationToken);
        var config = new Dictionary<string, string>
        {
            ["url"] = url.AbsoluteUri,
            ["content_type"] = "json",
            ["secret"] = secret,
            ["insecure_ssl"] = "0",
        };
        var kept = ours.Count == 0 ? null : ours[0];
        var response = kept is null
            ? await session.SendAsync(
                HttpMethod.Post,
                session.Api.InRepository("hooks"),
                new
                {
                    Name = "web",
                    Active = true,
                    Events,
                    Config = config,
                },
                cancellationToken
            )
            : await session.SendAsync(
                HttpMethod.Patch,
                session.Api.InRepository("hooks", ApiAddress.Text(kept.Id)),
                new
                {
                    Active = true,
                    Events,
                    Config = config,
                },
                cancellationToken
            );
        const string what = "create or change the webhook";
        var hook = session.Read<ListedHook>(session.Succeeded(response, what, GitHubApi.HookRights), what);
        foreach (var further in ours.Skip(1))
        {
            await GitHubApi.Hooks.DeleteAsync(session, further.Id, cancellationToken);
        }

        return hook.Shown();
    }

    public static async Task<ForgeHook?> FindAsync(ApiSession session, Uri url, CancellationToken cancellationToken) =>
        (await GitHubApi.Hooks.OursAsync(session, url, cancellationToken)) is [var first, ..] ? first.Shown() : null;

    public static Task RemoveAsync(ApiSession session, Uri url, CancellationToken cancellationToken) =>
        GitHubApi.Hooks.RemoveAsync(session, url, cancellationToken);

    public static async Task TestAsync(ApiSession session, ForgeHook hook, CancellationToken cancellationToken) =>
        session.Succeeded(
            await session.SendAsync(HttpMethod.Post, session.Api.InRepository("hooks", hook.Id, "pings"), null, cancellationToken),
            "send a test delivery",
            GitHubApi.HookRights
        );
}
