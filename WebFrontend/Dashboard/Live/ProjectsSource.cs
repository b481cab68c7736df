using System.Collections.Immutable;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>A page of the list of projects; null is the first.</summary>
public sealed record ProjectsKey(string? Cursor);

/// <summary>Projects by name, with their repositories and how each of those stands.</summary>
public sealed record ProjectsSnapshot(
    Page<ProjectRow> Projects,
    ILookup<ProjectId, RepositoryRow> Repositories,
    ImmutableDictionary<RepositoryId, RunView> Newest
);

/// <summary>Reads the list of projects for screens.</summary>
public sealed class ProjectsSource(
    ProjectStore projects,
    RepositoryStore repositories,
    TrendQueries trends,
    IChangeFeed feed,
    TimeProvider time
) : IViewSource<ProjectsKey, ProjectsSnapshot>
{
    /// <summary>How many repositories of a project are shown; its own page has the others.</summary>
    public const int MostRepositories = 12;
    private const int PageSize = 50;
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public async Task<ProjectsSnapshot> ReadAsync(ProjectsKey key, ProjectsSnapshot? previous, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        var page = await projects.ListAsync(new PageRequest(PageSize, key.Cursor), cancellationToken);
        // One more than is shown tells that there are more.
        var found = await repositories.ListAsync([.. page.Items.Select(p => p.Id)], MostRepositories + 1, cancellationToken);
        var newest = await trends.NewestAsync([.. found.Select(r => r.Id)], cancellationToken);
        return new(page, found.ToLookup(r => r.ProjectId), newest.ToImmutableDictionary(r => r.RepositoryId));
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<bool> ChangesAsync(ProjectsKey key, CancellationToken cancellationToken) =>
        feed.ChangesAsync(Calm, time, cancellationToken);

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(ProjectsSnapshot view) => null;
}
