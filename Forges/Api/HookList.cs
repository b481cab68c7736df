namespace Shipinator.Forges.Api;

/// <summary>The webhooks of a repository: what is the same on every forge. Errors: <see cref="ForgeRequestException"/>.</summary>
/// <param name="pages">How the forge pages its lists.</param>
/// <param name="rights">The rights that are needed, in the forge's words.</param>
internal sealed class HookList(Paging pages, string rights)
{
    private const int Most = 1000;

    /// <summary>All webhooks.</summary>
    public async Task<IReadOnlyList<ListedHook>> AllAsync(ApiSession session, CancellationToken cancellationToken) =>
        await session.PagesAsync<ListedHook>(session.Api.InRepository("hooks"), pages, Most, "list webhooks", rights, cancellationToken)
        ?? throw new ForgeRequestException(
            ForgeRequestException.Refused,
            $"{session.Api.Base.Host} has {Most} or more webhooks for the repository; remove those that are not used.",
            isTransient: false
        );

    /// <summary>Those with our URL.</summary>
    public async Task<List<ListedHook>> OursAsync(ApiSession session, Uri url, CancellationToken cancellationToken) =>
        [.. (await AllAsync(session, cancellationToken)).Where(h => h.Config?.Url == url.AbsoluteUri)];

    /// <summary>Removes those with our URL.</summary>
    public async Task RemoveAsync(ApiSession session, Uri url, CancellationToken cancellationToken)
    {
        foreach (var hook in await OursAsync(session, url, cancellationToken))
        {
            await DeleteAsync(session, hook.Id, cancellationToken);
        }
    }

    /// <summary>Removes one. Idempotent.</summary>
    public async Task DeleteAsync(ApiSession session, long id, CancellationToken cancellationToken)
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
            session.Succeeded(response, "remove the webhook", rights);
        }
    }
}
