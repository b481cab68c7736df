using Npgsql;
using Shipinator.Schema.Queries;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>A row of <c>projects</c>.</summary>
public sealed record ProjectRow(ProjectId Id, string Name, string? Description, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <summary>
/// Projects. Errors of every method: <see cref="StorageUnavailableException"/>; <see cref="ConflictException"/>
/// <c>name_taken</c> for a name that another project has.
/// </summary>
public sealed class ProjectStore(NpgsqlDataSource source, TimeProvider time)
{
    private const string List = "projects";
    private const string Columns = "id, name, description, created_at, updated_at";

    public async Task<ProjectRow> CreateAsync(string name, string? description, CancellationToken cancellationToken = default)
    {
        var now = time.GetUtcNow();
        return (
                await source.QueryAsync(
                    $"INSERT INTO projects ({Columns}) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (name) DO NOTHING RETURNING {Columns}",
                    Map,
                    cancellationToken,
                    Uuid(ProjectId.New(time).Value),
                    Text(name),
                    Text(description),
                    Time(now)
                )
            ).SingleOrDefault() ?? throw Taken(name);
    }

    public Task<ProjectRow?> GetAsync(ProjectId id, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync($"SELECT {Columns} FROM projects WHERE id = $1", Map, cancellationToken, Uuid(id.Value));

    public Task<ProjectRow?> FindByNameAsync(string name, CancellationToken cancellationToken = default) =>
        source.QuerySingleAsync($"SELECT {Columns} FROM projects WHERE name = $1", Map, cancellationToken, Text(name));

    /// <summary>A page of projects, by name.</summary>
    public async Task<Page<ProjectRow>> ListAsync(PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        var rows = await source.ListAsync(
            $"SELECT {Columns} FROM projects WHERE ($1::text IS NULL OR name > $1) ORDER BY name LIMIT $2",
            Map,
            cancellationToken,
            Text(Cursors.Decode(List, page.Cursor)),
            Number(page.Limit + 1)
        );
        return Cursors.Cut(List, rows, page.Limit, r => r.Name);
    }

    /// <summary>The projects whose name contains all of the words, ignoring case; by name.</summary>
    public async Task<IReadOnlyList<ProjectRow>> SearchAsync(
        IReadOnlyCollection<string> words,
        int limit,
        CancellationToken cancellationToken = default
    ) =>
        await source.QueryAsync(
            $"SELECT {Columns} FROM projects WHERE name ILIKE ALL ($1) ORDER BY name LIMIT $2",
            Map,
            cancellationToken,
            Like(words),
            Number(limit)
        );

    /// <summary>Null leaves a value unchanged; an empty description removes it. Errors: <see cref="NotFoundException"/>.</summary>
    public async Task<ProjectRow> UpdateAsync(
        ProjectId id,
        string? name,
        string? description,
        CancellationToken cancellationToken = default
    )
    {
        try
        {
            return await source.QuerySingleAsync(
                    $"""
                    UPDATE projects
                    SET name = coalesce($2, name), updated_at = $4,
                      description = CASE WHEN $3 IS NULL THEN description ELSE nullif($3, '') END
                    WHERE id = $1
                    RETURNING {Columns}
                    """,
                    Map,
                    cancellationToken,
                    Uuid(id.Value),
                    Text(name),
                    Text(description),
                    Time(time.GetUtcNow())
                ) ?? throw new NotFoundException("project", id.ToString());
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw Taken(name!);
        }
    }

    /// <summary>
    /// Errors: <see cref="NotFoundException"/>; <see cref="ConflictException"/> <c>in_use</c> while it has repositories or runs.
    /// </summary>
    public async Task DeleteAsync(ProjectId id, CancellationToken cancellationToken = default)
    {
        try
        {
            if (await source.ExecuteAsync("DELETE FROM projects WHERE id = $1", cancellationToken, Uuid(id.Value)) == 0)
            {
                throw new NotFoundException("project", id.ToString());
            }
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            throw new ConflictException("in_use", $"Project {id} still has repositories. Delete them first.");
        }
    }

    private static ConflictException Taken(string name) =>
        new("name_taken", $"A project named '{name}' already exists. Choose another name.");

    private static ProjectRow Map(NpgsqlDataReader r) =>
        new(new(r.Uuid("id")), r.Text("name"), r.TextOrNull("description"), r.Time("created_at"), r.Time("updated_at"));
}
