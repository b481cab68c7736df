namespace Shipinator.Forges.Api;

/// <summary>A webhook, as GitHub, Gitea, Forgejo and Gogs list it; the secret is never shown.</summary>
internal sealed record ListedHook(long Id, bool Active, string[]? Events, ListedHookConfig? Config)
{
    public ForgeHook Shown() => new(ApiAddress.Text(Id), Active, Events ?? []);
}

/// <summary>The part of a webhook's configuration that it is recognized by.</summary>
internal sealed record ListedHookConfig(string? Url);
