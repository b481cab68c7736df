using System.Collections.Immutable;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>A page of the list of projects; a null cursor is the first page.</summary>
public sealed record ProjectsKey(string? Cursor);

/// <summary>Projects by name, with their repositories and the latest run of each repository.</summary>
public sealed record ProjectsSnapshot(
    Page<ProjectRow> Projects,
    ILookup<ProjectId, RepositoryRow> Repositories,
    ImmutableDictionary<RepositoryId, RunView> Newest
);

/// <summary>Reads the list of projects.</summary>
public sealed class ProjectsSource(
    ProjectStore projects,
    RepositoryStore repositories,
    TrendQueries trends,
    IChangeFeed feed,
    TimeProvider time
) : IViewSource<ProjectsKey, ProjectsSnapshot>
{
    /// <summary>How many repositories of a project the list shows; the page of the project shows all.</summary>
    public const int MaxRepositories = 12;
    private const int PageSize = 50;
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public async Task<ProjectsSnapshot> ReadAsync(ProjectsKey key, ProjectsSnapshot? previous, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        var page = await projects.ListAsync(new PageRequest(PageSize, key.Cursor), cancellationToken);
        // One more than is shown, to know whether there are more.
        var found = await repositories.ListAsync([.. page.Items.Select(p => p.Id)], MaxRepositories + 1, cancellationToken);
        var newest = await trends.NewestAsync([.. found.Select(r => r.Id)], cancellationToken);
        return new(page, found.ToLookup(r => r.ProjectId), newest.ToImmutableDictionary(r => r.RepositoryId));
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<bool> ChangesAsync(ProjectsKey key, CancellationToken cancellationToken) =>
        feed.ThrottledChangesAsync(RefreshInterval, time, cancellationToken);

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(ProjectsSnapshot view) => null;
}
