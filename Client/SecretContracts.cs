namespace Shipinator.Client;

/// <summary>A secret of a project or repository. There is no way to read its value.</summary>
public sealed record SecretResponse
{
    /// <summary>The name of the environment variable.</summary>
    public required string Name { get; init; }

    /// <summary><c>project</c> or <c>repository</c>.</summary>
    public required string Scope { get; init; }

    /// <summary>From 1; each change is a new version.</summary>
    public required int Version { get; init; }

    /// <summary>The events of runs that get it; empty: all.</summary>
    public required IReadOnlyList<string> Events { get; init; }

    /// <summary>Globs of the branches whose runs get it; empty: all.</summary>
    public required IReadOnlyList<string> Branches { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Who set it first, such as <c>token:ada</c>.</summary>
    public required string CreatedBy { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Who changed it last.</summary>
    public required string UpdatedBy { get; init; }
}

/// <summary>Body of <c>PUT /v1/projects/{id}/secrets/{name}</c> and <c>…/repositories/…</c>: absent members stay unchanged.</summary>
public sealed record SetSecretRequest
{
    /// <summary>The value, 4 characters to 65,536 bytes of UTF-8; required for a new secret.</summary>
    public string? Value { get; init; }

    /// <summary>Only runs of these events get it: <c>push</c>, <c>pr</c>, <c>manual</c>, <c>schedule</c>; empty: all.</summary>
    public IReadOnlyList<string>? Events { get; init; }

    /// <summary>Only runs of branches that match one of these globs get it; empty: all.</summary>
    public IReadOnlyList<string>? Branches { get; init; }
}

/// <summary>A repository's own credential, without its password.</summary>
public sealed record CredentialResponse
{
    /// <summary>The user name.</summary>
    public required string Username { get; init; }

    /// <summary>The clone URL that it was set for, and the only one that it is sent to.</summary>
    public required string Url { get; init; }

    /// <summary>Whether that is still the repository's clone URL; else the credential is not used and must be set again.</summary>
    public required bool IsUsed { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Who set it.</summary>
    public required string UpdatedBy { get; init; }
}

/// <summary>Body of <c>PUT /v1/repositories/{id}/credential</c>.</summary>
public sealed record SetCredentialRequest
{
    /// <summary>The user name; absent: <c>git</c>, which forges accept with a token.</summary>
    public string? Username { get; init; }

    /// <summary>A password or token: one line.</summary>
    public required string Password { get; init; }
}

/// <summary>A repository's webhook secret, without its value.</summary>
public sealed record WebhookSecretResponse
{
    /// <summary>From 1; each change is a new version.</summary>
    public required int Version { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Who set it.</summary>
    public required string UpdatedBy { get; init; }

    /// <summary>Until when the one before is accepted as well; absent when there is none.</summary>
    public DateTimeOffset? PreviousUntil { get; init; }
}

/// <summary>Body of <c>PUT /v1/repositories/{id}/webhook-secret</c>.</summary>
public sealed record SetWebhookSecretRequest
{
    /// <summary>The secret with which the forge signs, 16 to 250 characters.</summary>
    public required string Value { get; init; }
}

/// <summary>The outcome of <c>POST /v1/admin/rotate-keys</c>.</summary>
public sealed record RotateKeysResponse
{
    /// <summary>The id of the newest key.</summary>
    public required string KeyId { get; init; }

    /// <summary>How many values were re-encrypted.</summary>
    public required int Reencrypted { get; init; }

    /// <summary>
    /// How many values are encrypted with another key, because another server still uses it; 0 when old keys can be removed.
    /// </summary>
    public required long Remaining { get; init; }
}
