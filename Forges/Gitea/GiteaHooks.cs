using Shipinator.Forges.Api;

namespace Shipinator.Forges.Gitea;

/// <summary>Webhooks of a repository on Gitea, Forgejo or Gogs.</summary>
/// <param name="Types">The kinds of webhook to ask for, until the server knows one.</param>
/// <param name="Events">The events: deleted branches are never pushed, so <c>delete</c> is one of them.</param>
internal sealed record GiteaHooks(string[] Types, string[] Events)
{
    private const string What = "create the webhook";

    /// <summary>
    /// One webhook with this URL. The secret of an existing one can't be read or changed, so a new one is created and the others are
    /// removed afterwards: deliveries may come twice for a moment, but none is missed.
    /// </summary>
    public async Task<ForgeHook> EnsureAsync(ApiSession session, Uri url, string secret, CancellationToken cancellationToken)
    {
        var existing = await GiteaApi.Hooks.OursAsync(session, url, cancellationToken);
        var hook = await CreateAsync(session, url, secret, cancellationToken);
        foreach (var other in existing)
        {
            await GiteaApi.Hooks.DeleteAsync(session, other.Id, cancellationToken);
        }

        return hook.Shown();
    }

    public static async Task<ForgeHook?> FindAsync(ApiSession session, Uri url, CancellationToken cancellationToken) =>
        // The newest one has the current secret.
        (await GiteaApi.Hooks.OursAsync(session, url, cancellationToken)).MaxBy(h => h.Id)
            is { } hook
            ? hook.Shown()
            : null;

    public static Task RemoveAsync(ApiSession session, Uri url, CancellationToken cancellationToken) =>
        GiteaApi.Hooks.RemoveAsync(session, url, cancellationToken);

    /// <summary>The server sends a push from a commit to itself; nothing when the repository is empty.</summary>
    public static async Task TestAsync(ApiSession session, ForgeHook hook, CancellationToken cancellationToken)
    {
        // An id that is no number would be read as 0 and mean some other hook.
        if (!hook.Id.All(char.IsAsciiDigit) || hook.Id.Length is 0 or > 18)
        {
            throw new ArgumentException($"'{hook.Id}' is not the id of a webhook.", nameof(hook));
        }

        session.Succeeded(
            await session.SendAsync(HttpMethod.Post, session.Api.InRepository("hooks", hook.Id, "tests"), null, cancellationToken),
            "send a test delivery",
            GiteaApi.HookRights
        );
    }

    private async Task<ListedHook> CreateAsync(ApiSession session, Uri url, string secret, CancellationToken cancellationToken)
    {
        ApiResponse response = null!;
        foreach (var type in Types)
        {
            response = await session.SendAsync(
                HttpMethod.Post,
                session.Api.InRepository("hooks"),
                new
                {
                    Type = type,
                    Active = true,
                    Events,
                    // Every value must be a text.
                    Config = new Dictionary<string, string>
                    {
                        ["url"] = url.AbsoluteUri,
                        ["content_type"] = "json",
                        ["secret"] = secret,
                    },
                },
                cancellationToken
            );
            if (response.Status != 422)
            {
                break;
            }
        }

        var hook = session.Read<ListedHook>(session.Succeeded(response, What, GiteaApi.HookRights), What);
        // Unknown events are dropped without an error.
        var dropped = Events.Except(hook.Events ?? []).ToList();
        if (dropped.Count == 0)
        {
            return hook;
        }

        await GiteaApi.Hooks.DeleteAsync(session, hook.Id, cancellationToken);
        throw new ForgeRequestException(
            ForgeRequestException.Refused,
            $"{session.Api.Base.Host} has no webhook event '{string.Join("', '", dropped)}'. Update it.",
            isTransient: false
        );
    }
}
