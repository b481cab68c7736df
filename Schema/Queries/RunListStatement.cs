using Npgsql;
using Shipinator.Schema.Stores;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>
/// The statement of a list of runs, newest first. It reads little more than it returns, however long the history is, whatever values the
/// filters have and however rarely these occur together.
/// </summary>
/// <remarks>
/// <para>
/// All runs, and those of a project, repository or pipeline, are read from an index that contains exactly these runs in order. The range
/// is selected by comparing whole rows, in the order that only this index provides: with <c>=</c> alone the planner may prefer to walk all
/// runs backwards, because it assumes that they are evenly distributed, which the runs of an inactive project are not.
/// </para>
/// <para>
/// Status and event are words of small, closed sets. A list with a status, a branch or an event therefore merges at most 20 ranges, one for
/// each status and event that it includes, and each range is a part of one index of migration 0019. Such an index answers every
/// combination, since a filter that is absent only adds ranges; a range costs its first run, not a page.
/// </para>
/// <para>
/// The plan depends neither on values nor on statistics: each list is in the order of one index only, and <see cref="PlannerSettings"/>
/// exclude the other ways, which sort. So one plan for all values is enough, and saves the planning of up to 20 ranges.
/// </para>
/// </remarks>
internal sealed class RunListStatement(RunFilter filter, Guid? before, int limit)
{
    /// <summary>The settings of the transaction in which the statement is planned and executed.</summary>
    public const string PlannerSettings = """
        set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_sort', 'off', true),
        set_config('enable_incremental_sort', 'off', true), set_config('enable_seqscan', 'off', true),
        set_config('enable_bitmapscan', 'off', true), set_config('max_parallel_workers_per_gather', '0', true),
        set_config('jit', 'off', true)
        """;

    private static readonly Status[] Statuses = [Status.Pending, Status.Running, Status.Success, Status.Failed, Status.Canceled];
    private readonly List<NpgsqlParameter> _parameters = [];

    public (string Sql, NpgsqlParameter[] Parameters) Build()
    {
        var page =
            filter.PrNumber is not null || filter.Tag is not null ? Narrow()
            : filter is { Status: null, Branch: null, Event: null, IsTerminal: false } ? Walk()
            : Merge();
        // Pipelines are joined only for the rows of the page.
        var sql = $"""
            {ViewReading.RunSelect.Replace("FROM pipeline_runs r", $"FROM ({page}) r", StringComparison.Ordinal)}
            ORDER BY r.id DESC NULLS LAST
            """;
        return (sql, [.. _parameters]);
    }

    /// <summary>Of pipeline, repository and project the narrowest, since the others include it.</summary>
    private (string Column, Guid Id)? Scope =>
        filter switch
        {
            { Pipeline: { } pipeline } => ("pipeline_id", pipeline.Value),
            { Repository: { } repository } => ("repository_id", repository.Value),
            { Project: { } project } => ("project_id", project.Value),
            _ => null,
        };

    /// <summary>The part of one index, backwards from the cursor.</summary>
    private string Walk()
    {
        if (Scope is not { } scope)
        {
            var beforeLast = Where(before is { } cursor ? [$"r.id < {Next(Uuid(cursor))}"] : []);
            return $"SELECT r.* FROM pipeline_runs r {beforeLast} ORDER BY r.id DESC LIMIT {limit + 1}";
        }

        var value = Next(Uuid(scope.Id));
        var until = before is { } last ? $"< ({value}, {Next(Uuid(last))})" : $"<= ({value}, 'ffffffff-ffff-ffff-ffff-ffffffffffff')";
        return $"""
            SELECT r.* FROM pipeline_runs r
            {Where(
                [
                    $"(r.{scope.Column}, r.id) >= ({value}, '00000000-0000-0000-0000-000000000000')",
                    $"(r.{scope.Column}, r.id) {until}",
                    .. WiderScopes(value),
                ]
            )}
            ORDER BY r.{scope.Column} DESC, r.id DESC LIMIT {limit + 1}
            """;
    }

    /// <summary>
    /// The runs of a pull request or a tag: few, and each has an index of its own, which begins with the repository and contains only runs
    /// that have one.
    /// </summary>
    private string Narrow()
    {
        var conditions = new List<string>();
        Add("pipeline_id", filter.Pipeline is { } pipeline ? Uuid(pipeline.Value) : null);
        Add("repository_id", filter.Repository is { } repository ? Uuid(repository.Value) : null);
        Add("project_id", filter.Project is { } project ? Uuid(project.Value) : null);
        Add("pr_number", filter.PrNumber is { } number ? Number(number) : null);
        Add("tag", filter.Tag is { } tag ? Text(tag) : null);
        Add("status", filter.Status is { } status ? Text(status.Word()) : null);
        Add("branch", filter.Branch is { } branch ? Text(branch) : null);
        Add("event", filter.Event is { } of ? Text(of) : null);
        if (before is { } id)
        {
            conditions.Add($"r.id < {Next(Uuid(id))}");
        }

        if (filter.IsTerminal)
        {
            conditions.Add("r.finished_at IS NOT NULL");
        }

        return $"SELECT r.* FROM pipeline_runs r {Where(conditions)} ORDER BY r.id DESC LIMIT {limit + 1}";

        void Add(string column, NpgsqlParameter? value)
        {
            if (value is not null)
            {
                conditions.Add($"r.{column} = {Next(value)}");
            }
        }
    }

    /// <summary>The runs of all ranges, merged; each is read only as far as the page needs.</summary>
    private string Merge()
    {
        var conditions = new List<string>();
        var gates = new List<string>();
        if (Scope is { } scope)
        {
            var value = Next(Uuid(scope.Id));
            conditions.Add($"r.{scope.Column} = {value}");
            gates.AddRange(WiderScopes(value));
        }

        if (before is { } id)
        {
            conditions.Add($"r.id < {Next(Uuid(id))}");
        }

        // Exactly as in migration 0019, or the index does not apply.
        var (all, allText) = Scope is null ? ("'all ' || ", "all ") : ("", "");
        var (branch, branchText) = filter.Branch is { } name ? (" || ' ' || r.branch", " " + name) : ("", "");
        var key = $"({all}r.status || ' ' || r.event{branch})";
        var newest = $"ORDER BY id DESC NULLS LAST LIMIT {limit + 1}";
        var ranges = Ranges()
            .Select(range => Next(Text(allText + range + branchText)))
            .Select(text => $"(SELECT r.* FROM pipeline_runs r {Where([$"{key} = {text}", .. conditions])} {newest})")
            .ToList();
        return ranges.Count == 0
            ? "SELECT r.* FROM pipeline_runs r WHERE false"
            : $"SELECT n.* FROM ({string.Join(" UNION ALL ", ranges)}) n {Where(gates)} {newest}";
    }

    /// <summary>
    /// The statuses and events that the filter includes; none when it contradicts itself or asks for an event that does not exist.
    /// </summary>
    private IEnumerable<string> Ranges() =>
        from status in Statuses
        where (filter.Status ?? status) == status && (!filter.IsTerminal || status.IsTerminal())
        from @event in PipelineStore.TriggerTypes
        where (filter.Event ?? @event) == @event
        select $"{status.Word()} {@event}";

    /// <summary>
    /// That a pipeline belongs to the repository and project that are also asked for, or a repository to the project, which never changes.
    /// Evaluated once: as conditions on runs they would read all runs of the pipeline when they contradict it.
    /// </summary>
    private IEnumerable<string> WiderScopes(string narrowest)
    {
        if (filter is { Pipeline: not null, Repository: { } repository })
        {
            yield return $"EXISTS (SELECT FROM pipelines WHERE id = {narrowest} AND repository_id = {Next(Uuid(repository.Value))})";
        }

        if (filter is { Project: { } project } and ({ Pipeline: not null } or { Repository: not null }))
        {
            var within = filter.Pipeline is null ? narrowest : $"(SELECT repository_id FROM pipelines WHERE id = {narrowest})";
            yield return $"EXISTS (SELECT FROM repositories WHERE id = {within} AND project_id = {Next(Uuid(project.Value))})";
        }
    }

    private static string Where(List<string> conditions) => conditions.Count == 0 ? "" : "WHERE " + string.Join(" AND ", conditions);

    private string Next(NpgsqlParameter parameter)
    {
        _parameters.Add(parameter);
        return $"${_parameters.Count}";
    }
}
