using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>A page of a list of runs.</summary>
public sealed record RunListKey(RunFilter Filter, string? Cursor);

/// <summary>A page of runs, and the names of the project, repository and pipeline in its filter.</summary>
public sealed record RunListSnapshot(Page<RunView> Runs, string? Project, string? Repository, string? Pipeline);

/// <summary>Reads lists of runs. Errors: <see cref="NotFoundException"/> for an unknown id in the filter.</summary>
public sealed class RunListSource(
    RunQueries runs,
    ProjectStore projects,
    RepositoryStore repositories,
    PipelineStore pipelines,
    IChangeFeed feed,
    TimeProvider time
) : IViewSource<RunListKey, RunListSnapshot>
{
    private const int PageSize = 50;
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromMilliseconds(500);

    /// <inheritdoc/>
    public async Task<RunListSnapshot> ReadAsync(RunListKey key, RunListSnapshot? previous, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        return new(
            await runs.ListAsync(key.Filter, new PageRequest(PageSize, key.Cursor), cancellationToken),
            key.Filter.Project is { } project
                ? (await projects.GetAsync(project, cancellationToken) ?? throw new NotFoundException("project", project.ToString())).Name
                : null,
            key.Filter.Repository is { } repository ? await NameAsync(repository, cancellationToken) : null,
            key.Filter.Pipeline is { } pipeline ? await NameAsync(pipeline, cancellationToken) : null
        );
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<bool> ChangesAsync(RunListKey key, CancellationToken cancellationToken) =>
        feed.ThrottledChangesAsync(RefreshInterval, time, cancellationToken);

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(RunListSnapshot view) => null;

    private async Task<string> NameAsync(RepositoryId id, CancellationToken cancellationToken) =>
        await repositories.GetAsync(id, cancellationToken) is { } row
            ? $"{row.ProjectName} / {row.Name}"
            : throw new NotFoundException("repository", id.ToString());

    private async Task<string> NameAsync(PipelineId id, CancellationToken cancellationToken)
    {
        var row = await pipelines.GetAsync(id, cancellationToken) ?? throw new NotFoundException("pipeline", id.ToString());
        return $"{await NameAsync(row.RepositoryId, cancellationToken)} / {row.Name} ({row.TriggerType})";
    }
}
