using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>A row of <c>repositories</c>, with its project's name.</summary>
public sealed record RepositoryRow
{
    public required RepositoryId Id { get; init; }

    public required ProjectId ProjectId { get; init; }

    public required string ProjectName { get; init; }

    /// <summary>Unique in its project.</summary>
    public required string Name { get; init; }

    /// <summary><c>git</c>, <c>github</c>, <c>gitea</c>.</summary>
    public required string VcsProvider { get; init; }

    /// <summary>A URL or an absolute local path.</summary>
    public required string CloneUrl { get; init; }

    /// <summary>The branch whose pipeline file a sync reads.</summary>
    public required string DefaultBranch { get; init; }

    /// <summary>The executor of its runs; null: the installation's default.</summary>
    public string? Executor { get; init; }

    /// <summary>The path of its pipeline file relative to its root; null: <c>.shipinator.yaml</c>.</summary>
    public string? PipelineFile { get; init; }

    /// <summary>Whether everybody can load its badge.</summary>
    public bool PublicBadge { get; init; }

    /// <summary>When its pipelines were last synchronized with its file.</summary>
    public DateTimeOffset? LastSyncedAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>A repository to register.</summary>
public sealed record NewRepository(
    ProjectId ProjectId,
    string Name,
    string VcsProvider,
    string CloneUrl,
    string DefaultBranch,
    string? Executor = null
)
{
    /// <summary>The path of the pipeline file; null or empty: <c>.shipinator.yaml</c>.</summary>
    public string? PipelineFile { get; init; }
}

/// <summary>
/// A change of a repository: null leaves a field unchanged; an empty <see cref="Executor"/> or <see cref="PipelineFile"/> resets it.
/// </summary>
public sealed record RepositoryChange(
    string? Name = null,
    string? VcsProvider = null,
    string? CloneUrl = null,
    string? DefaultBranch = null,
    string? Executor = null
)
{
    /// <summary>The path of the pipeline file.</summary>
    public string? PipelineFile { get; init; }

    /// <summary>Whether everybody can load its badge.</summary>
    public bool? PublicBadge { get; init; }
}

/// <summary>
/// Repositories. Errors of every method: <see cref="StorageUnavailableException"/>; <see cref="ConflictException"/>
/// <c>name_taken</c> for a name that another repository of the project has.
/// </summary>
public sealed class RepositoryStore(NpgsqlDataSource source, TimeProvider time)
{
    private const string List = "repositories";

    private const string Columns =
        "r.id, r.project_id, p.name AS project_name, r.name, r.vcs_provider, r.clone_url, r.default_branch, r.executor, r.pipeline_file, "
        + "r.public_badge, r.last_synced_at, r.created_at, r.updated_at";
    private const string Select = $"SELECT {Columns} FROM repositories r JOIN projects p ON p.id = r.project_id";

    /// <summary>A new repository. Errors: <see cref="NotFoundException"/> for its project.</summary>
    public async Task<RepositoryRow> CreateAsync(NewRepository repository, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(repository);
        var id = RepositoryId.New(time);
        try
        {
            await source.ExecuteAsync(
                """
                INSERT INTO repositories (id, project_id, name, vcs_provider, clone_url, default_branch, executor, created_at, updated_at,
                  pipeline_file)
                VALUES ($1, $2, $3, $4, $5, $6, nullif($7, ''), $8, $8, nullif($9, ''))
                """,
                cancellationToken,
                Uuid(id.Value),
                Uuid(repository.ProjectId.Value),
                Text(repository.Name),
                Text(repository.VcsProvider),
                Text(repository.CloneUrl),
                Text(repository.DefaultBranch),
                Text(repository.Executor),
                Time(time.GetUtcNow()),
                Text(repository.PipelineFile)
            );
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw Taken(repository.Name);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            throw new NotFoundException("project", repository.ProjectId.ToString());
        }

        return await GetAsync(id, cancellationToken) ?? throw new NotFoundException("repository", id.ToString());
    }

    public Task<RepositoryRow?> GetAsync(RepositoryId id, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync($"{Select} WHERE r.id = $1", Map, cancellationToken, Uuid(id.Value));

    public Task<RepositoryRow?> FindByNameAsync(ProjectId project, string name, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync(
            $"{Select} WHERE r.project_id = $1 AND r.name = $2",
            Map,
            cancellationToken,
            Uuid(project.Value),
            Text(name)
        );

    /// <summary>A page of a project's repositories, by name.</summary>
    public async Task<Page<RepositoryRow>> ListAsync(ProjectId project, PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        var rows = await source.ListAsync(
            $"{Select} WHERE r.project_id = $1 AND ($2::text IS NULL OR r.name > $2) ORDER BY r.name LIMIT $3",
            Map,
            cancellationToken,
            Uuid(project.Value),
            Text(Cursors.Decode(List, page.Cursor)),
            Number(page.Limit + 1)
        );
        return Cursors.Cut(List, rows, page.Limit, r => r.Name);
    }

    /// <summary>The repositories of several projects, by name, at most <paramref name="most"/> of each.</summary>
    public async Task<IReadOnlyList<RepositoryRow>> ListAsync(
        IReadOnlyCollection<ProjectId> projects,
        int most,
        CancellationToken cancellationToken = default
    ) =>
        await source.QueryAsync(
            $"""
            SELECT {Columns}
            FROM projects p CROSS JOIN LATERAL (SELECT * FROM repositories WHERE project_id = p.id ORDER BY name LIMIT $2) r
            WHERE p.id = ANY ($1) ORDER BY r.name, r.id
            """,
            Map,
            cancellationToken,
            Uuids(projects.Select(p => p.Value)),
            Number(most)
        );

    /// <summary>
    /// The repositories whose <c>project / name</c> contains all of the words, ignoring case; most recently changed first.
    /// </summary>
    public async Task<IReadOnlyList<RepositoryRow>> SearchAsync(
        IReadOnlyCollection<string> words,
        int limit,
        CancellationToken cancellationToken = default
    ) =>
        await source.QueryAsync(
            $"{Select} WHERE p.name || ' / ' || r.name ILIKE ALL ($1) ORDER BY r.updated_at DESC, r.id LIMIT $2",
            Map,
            cancellationToken,
            Like(words),
            Number(limit)
        );

    /// <summary>Errors: <see cref="NotFoundException"/>.</summary>
    public async Task<RepositoryRow> UpdateAsync(RepositoryId id, RepositoryChange change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        try
        {
            var touched = await source.ExecuteAsync(
                """
                UPDATE repositories
                SET name = coalesce($2, name), vcs_provider = coalesce($3, vcs_provider), clone_url = coalesce($4, clone_url),
                    default_branch = coalesce($5, default_branch),
                    executor = CASE WHEN $6 IS NULL THEN executor ELSE nullif($6, '') END, updated_at = $7,
                    pipeline_file = CASE WHEN $8 IS NULL THEN pipeline_file ELSE nullif($8, '') END,
                    public_badge = coalesce($9, public_badge)
                WHERE id = $1
                """,
                cancellationToken,
                Uuid(id.Value),
                Text(change.Name),
                Text(change.VcsProvider),
                Text(change.CloneUrl),
                Text(change.DefaultBranch),
                Text(change.Executor),
                Time(time.GetUtcNow()),
                Text(change.PipelineFile),
                Flag(change.PublicBadge)
            );
            return (touched == 0 ? null : await GetAsync(id, cancellationToken))
                ?? throw new NotFoundException("repository", id.ToString());
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw Taken(change.Name!);
        }
    }

    /// <summary>
    /// Deletes a repository with its pipelines. Errors: <see cref="NotFoundException"/>; <see cref="ConflictException"/> <c>in_use</c> once
    /// it has runs.
    /// </summary>
    public async Task DeleteAsync(RepositoryId id, CancellationToken cancellationToken = default)
    {
        try
        {
            // One statement and therefore one transaction; foreign keys are checked at its end.
            if (
                await source.ExecuteAsync(
                    """
                    WITH removed AS (DELETE FROM pipelines WHERE repository_id = $1)
                    DELETE FROM repositories WHERE id = $1
                    """,
                    cancellationToken,
                    Uuid(id.Value)
                ) == 0
            )
            {
                throw new NotFoundException("repository", id.ToString());
            }
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            throw new ConflictException("in_use", $"Repository {id} can't be deleted because it has runs, whose history would be lost.");
        }
    }

    private static ConflictException Taken(string name) =>
        new("name_taken", $"A repository named '{name}' already exists in the project. Choose another name.");

    private static RepositoryRow Map(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            ProjectId = new(r.Uuid("project_id")),
            ProjectName = r.Text("project_name"),
            Name = r.Text("name"),
            VcsProvider = r.Text("vcs_provider"),
            CloneUrl = r.Text("clone_url"),
            DefaultBranch = r.Text("default_branch"),
            Executor = r.TextOrNull("executor"),
            PipelineFile = r.TextOrNull("pipeline_file"),
            PublicBadge = r.GetBoolean(r.GetOrdinal("public_badge")),
            LastSyncedAt = r.TimeOrNull("last_synced_at"),
            CreatedAt = r.Time("created_at"),
            UpdatedAt = r.Time("updated_at"),
        };
}
