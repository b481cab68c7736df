using System.Runtime.CompilerServices;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>The secrets of a project or repository, without their values.</summary>
public sealed record SecretsSnapshot
{
    /// <summary>The project itself, or the project of the repository.</summary>
    public required ProjectRow Project { get; init; }

    /// <summary>The repository; null for a project.</summary>
    public RepositoryRow? Repository { get; init; }

    /// <summary>The secrets of the scope itself, by name.</summary>
    public required IReadOnlyList<SecretInfo> Own { get; init; }

    /// <summary>For a repository: the secrets of its project.</summary>
    public IReadOnlyList<SecretInfo> Inherited { get; init; } = [];
}

/// <summary>Reads secrets without their values. Errors: <see cref="NotFoundException"/>.</summary>
public sealed class SecretsSource(ProjectStore projects, RepositoryStore repositories, SecretStore secrets, IChangeFeed feed)
    : IViewSource<SecretScope, SecretsSnapshot>
{
    /// <inheritdoc/>
    public async Task<SecretsSnapshot> ReadAsync(SecretScope key, SecretsSnapshot? previous, CancellationToken cancellationToken)
    {
        var repository = key.Repository is { } id
            ? await repositories.GetAsync(id, cancellationToken) ?? throw new NotFoundException("repository", id.ToString())
            : null;
        var projectId = repository?.ProjectId ?? key.Project!.Value;
        return new()
        {
            Project = await projects.GetAsync(projectId, cancellationToken) ?? throw new NotFoundException("project", projectId.ToString()),
            Repository = repository,
            Own = await secrets.ListAsync(key, SecretKinds.Secret, cancellationToken),
            Inherited = repository is null ? [] : await secrets.ListAsync(SecretScope.Of(projectId), SecretKinds.Secret, cancellationToken),
        };
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<bool> ChangesAsync(SecretScope key, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var run in feed.Changes(null, cancellationToken))
        {
            // Changes of runs do not affect secrets.
            if (run == default)
            {
                yield return true;
            }
        }
    }

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(SecretsSnapshot view) => null;
}
