using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>Exactly one of a project, a repository and a pipeline.</summary>
/// <param name="Project">A project.</param>
/// <param name="Repository">A repository.</param>
/// <param name="Pipeline">A pipeline.</param>
/// <param name="Cursor">The page of the repositories of a project; null is the first page.</param>
public readonly record struct Scope(
    ProjectId? Project = null,
    RepositoryId? Repository = null,
    PipelineId? Pipeline = null,
    string? Cursor = null
);

/// <summary>A project, a repository or a pipeline with its runs.</summary>
public sealed record ScopeSnapshot
{
    /// <summary>The project itself, or the project of the repository or pipeline.</summary>
    public required ProjectRow Project { get; init; }

    /// <summary>The repository itself, or the repository of the pipeline; null for a project.</summary>
    public RepositoryRow? Repository { get; init; }

    /// <summary>The pipeline; null for a project or repository.</summary>
    public PipelineRow? Pipeline { get; init; }

    /// <summary>A page of the repositories of a project.</summary>
    public IReadOnlyList<RepositoryRow> Repositories { get; init; } = [];

    /// <summary>The next page of the repositories of a project; null for none.</summary>
    public string? NextCursor { get; init; }

    /// <summary>Commit statuses of a repository that its forge does not accept.</summary>
    public StatusProblems? StatusProblems { get; init; }

    /// <summary>The pipelines of a repository.</summary>
    public IReadOnlyList<PipelineRow> Pipelines { get; init; } = [];

    /// <summary>The latest run of each branch of a repository, newest first: one more than is shown, if there are more.</summary>
    public IReadOnlyList<BranchHead> Branches { get; init; } = [];

    /// <summary>The median duration of the last successful runs of a pipeline; null without any.</summary>
    public TimeSpan? MedianDuration { get; init; }

    public required Trend Trend { get; init; }

    /// <summary>The newest runs, at most 20.</summary>
    public required IReadOnlyList<RunView> Runs { get; init; }
}

/// <summary>Reads a project, repository or pipeline. Errors: <see cref="NotFoundException"/>.</summary>
public sealed class ScopeSource(
    ProjectStore projects,
    RepositoryStore repositories,
    PipelineStore pipelines,
    RunQueries runs,
    TrendQueries trends,
    CommitStatusStore statuses,
    IChangeFeed feed,
    TimeProvider time
) : IViewSource<Scope, ScopeSnapshot>
{
    private const int MaxRuns = 20;
    private const int MaxRepositories = 100;

    /// <summary>How many branches of a repository are shown.</summary>
    public const int MaxBranches = 12;
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(1);

    /// <summary>Statuses that were sent again are announced by nobody.</summary>
    private static readonly TimeSpan StatusInterval = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public Task<ScopeSnapshot> ReadAsync(Scope key, ScopeSnapshot? previous, CancellationToken cancellationToken) =>
        key switch
        {
            { Pipeline: { } pipeline } => PipelineAsync(pipeline, previous?.Trend, cancellationToken),
            { Repository: { } repository } => RepositoryAsync(repository, previous?.Trend, cancellationToken),
            { Project: { } project } => ProjectAsync(project, key.Cursor, previous?.Trend, cancellationToken),
            _ => throw new NotFoundException("page", ""),
        };

    /// <inheritdoc/>
    public IAsyncEnumerable<bool> ChangesAsync(Scope key, CancellationToken cancellationToken) =>
        feed.ThrottledChangesAsync(RefreshInterval, time, cancellationToken);

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(ScopeSnapshot view) => view.StatusProblems is null ? null : StatusInterval;

    private async Task<ScopeSnapshot> ProjectAsync(ProjectId id, string? cursor, Trend? known, CancellationToken cancellationToken)
    {
        var project = await projects.GetAsync(id, cancellationToken) ?? throw new NotFoundException("project", id.ToString());
        var page = await repositories.ListAsync(id, new PageRequest(MaxRepositories, cursor), cancellationToken);
        return new()
        {
            Project = project,
            Repositories = page.Items,
            NextCursor = page.NextCursor,
            Trend = await Trend.ReadAsync(known, time, () => trends.DaysAsync(new() { Project = id }, 14, cancellationToken)),
            Runs = await NewestAsync(new() { Project = id }, cancellationToken),
        };
    }

    private async Task<ScopeSnapshot> RepositoryAsync(RepositoryId id, Trend? known, CancellationToken cancellationToken)
    {
        var repository = await repositories.GetAsync(id, cancellationToken) ?? throw new NotFoundException("repository", id.ToString());
        return new()
        {
            Project =
                await projects.GetAsync(repository.ProjectId, cancellationToken)
                ?? throw new NotFoundException("project", repository.ProjectId.ToString()),
            Repository = repository,
            StatusProblems = await statuses.ProblemsAsync(id, cancellationToken),
            Pipelines = await pipelines.ListAsync(id, cancellationToken),
            Branches = await trends.BranchesAsync(id, MaxBranches + 1, cancellationToken),
            Trend = await Trend.ReadAsync(known, time, () => trends.DaysAsync(new() { Repository = id }, 14, cancellationToken)),
            Runs = await NewestAsync(new() { Repository = id }, cancellationToken),
        };
    }

    private async Task<ScopeSnapshot> PipelineAsync(PipelineId id, Trend? known, CancellationToken cancellationToken)
    {
        var pipeline = await pipelines.GetAsync(id, cancellationToken) ?? throw new NotFoundException("pipeline", id.ToString());
        var repository =
            await repositories.GetAsync(pipeline.RepositoryId, cancellationToken)
            ?? throw new NotFoundException("repository", pipeline.RepositoryId.ToString());
        return new()
        {
            Project =
                await projects.GetAsync(repository.ProjectId, cancellationToken)
                ?? throw new NotFoundException("project", repository.ProjectId.ToString()),
            Repository = repository,
            Pipeline = pipeline,
            MedianDuration = await trends.MedianDurationAsync(id, cancellationToken),
            Trend = await Trend.ReadAsync(known, time, () => trends.DaysAsync(new() { Pipeline = id }, 30, cancellationToken)),
            Runs = await NewestAsync(new() { Pipeline = id }, cancellationToken),
        };
    }

    private async Task<IReadOnlyList<RunView>> NewestAsync(RunFilter filter, CancellationToken cancellationToken) =>
        (await runs.ListAsync(filter, new PageRequest(MaxRuns), cancellationToken)).Items;
}
