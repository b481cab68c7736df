namespace Shipinator.Schema.Stores;

/// <summary>Where a secret belongs: to a project or to a repository.</summary>
public readonly record struct SecretScope
{
    private SecretScope(ProjectId? project, RepositoryId? repository) => (Project, Repository) = (project, repository);

    /// <summary>The project; null for the scope of a repository.</summary>
    public ProjectId? Project { get; }

    /// <summary>The repository; null for the scope of a project.</summary>
    public RepositoryId? Repository { get; }

    /// <summary>The id of the project or repository.</summary>
    public Guid Id => Repository?.Value ?? Project!.Value.Value;

    /// <summary><c>project</c> or <c>repository</c>.</summary>
    public string Word => Repository is null ? "project" : "repository";

    /// <summary>All repositories of a project.</summary>
    public static SecretScope Of(ProjectId project) => new(project, null);

    /// <summary>One repository.</summary>
    public static SecretScope Of(RepositoryId repository) => new(null, repository);

    /// <inheritdoc/>
    public override string ToString() => $"{Word} {Id}";
}

/// <summary>What a secret is for: the column <c>kind</c>.</summary>
public static class SecretKinds
{
    /// <summary>A value for steps.</summary>
    public const string Secret = "secret";

    /// <summary>What a repository is cloned with.</summary>
    public const string Credential = "credential";

    /// <summary>What a forge signs its webhooks with.</summary>
    public const string Webhook = "webhook";
}

/// <summary>An encrypted value.</summary>
public sealed record SealedValue(string KeyId, byte[] Nonce, byte[] Ciphertext, byte[] Tag);

/// <summary>A version of a secret, without its value.</summary>
public sealed record SecretInfo
{
    public required Guid Id { get; init; }

    public required SecretScope Scope { get; init; }

    /// <summary>One of <see cref="SecretKinds"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>Unique in its scope and kind.</summary>
    public required string Name { get; init; }

    /// <summary>From 1; each new value or limit is a new version.</summary>
    public required int Version { get; init; }

    /// <summary>The events of runs that get it; empty: all.</summary>
    public IReadOnlyList<string> Events { get; init; } = [];

    /// <summary>Globs of the branches whose runs get it; empty: all.</summary>
    public IReadOnlyList<string> Branches { get; init; } = [];

    /// <summary>When the first version was written.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Who wrote the first version.</summary>
    public required string CreatedBy { get; init; }

    /// <summary>When this version was written.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Who wrote this version.</summary>
    public required string UpdatedBy { get; init; }

    /// <summary>When a later version replaced it, or when it was removed; null for the current version.</summary>
    public DateTimeOffset? SupersededAt { get; init; }
}

/// <summary>A version of a secret with its encrypted value.</summary>
public sealed record SecretRow(SecretInfo Info, SealedValue Value);
