using Shipinator.Forges.Api;

namespace Shipinator.Forges.GitHub;

/// <summary>Webhooks of a repository on GitHub.</summary>
internal static class GitHubHooks
{
    private static readonly string[] Events = ["push", "pull_request"];

    /// <summary>One webhook with this URL, as it should be: an existing one is changed, further ones are removed.</summary>
    public static async Task<ForgeHook> EnsureAsync(ApiSession session, Uri url, string secret, CancellationToken cancellationToken)
    {
        var ours = await OursAsync(session, url, cancellationToken);
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
        var hook = session.Read<GitHubApi.Hook>(session.Succeeded(response, what, GitHubApi.HookRights), what);
        foreach (var further in ours.Skip(1))
        {
            await DeleteAsync(session, further.Id, cancellationToken);
        }

        return Shown(hook);
    }

    public static async Task<ForgeHook?> FindAsync(ApiSession session, Uri url, CancellationToken cancellationToken) =>
        (await OursAsync(session, url, cancellationToken)) is [var first, ..] ? Shown(first) : null;

    public static async Task RemoveAsync(ApiSession session, Uri url, CancellationToken cancellationToken)
    {
        foreach (var hook in await OursAsync(session, url, cancellationToken))
        {
            await DeleteAsync(session, hook.Id, cancellationToken);
        }
    }

    public static async Task TestAsync(ApiSession session, ForgeHook hook, CancellationToken cancellationToken) =>
        session.Succeeded(
            await session.SendAsync(HttpMethod.Post, session.Api.InRepository("hooks", hook.Id, "pings"), null, cancellationToken),
            "send a test delivery",
            GitHubApi.HookRights
        );

    private static async Task<List<GitHubApi.Hook>> OursAsync(ApiSession session, Uri url, CancellationToken cancellationToken) =>
        [.. (await GitHubApi.HooksAsync(session, cancellationToken)).Where(h => h.Config?.Url == url.AbsoluteUri)];

    private static async Task DeleteAsync(ApiSession session, long id, CancellationToken cancellationToken)
    {
        var response = await session.SendAsync(
            HttpMethod.Delete,
            session.Api.InRepository("hooks", ApiAddress.Text(id)),
            null,
            cancellationToken
        );
        // Somebody else was faster.
        if (response.Status != 404)
        {
            session.Succeeded(response, "remove the webhook", GitHubApi.HookRights);
        }
    }

    private static ForgeHook Shown(GitHubApi.Hook hook) => new(ApiAddress.Text(hook.Id), hook.Active, hook.Events ?? []);
}
