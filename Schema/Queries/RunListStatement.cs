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
/// All runs, and those of a project, repository or pipeline, are read from an index that contains exactly these runs in order. The range is
/// selected by comparing whole rows, in the order that only this index provides: with <c>=</c> alone the planner may prefer to walk all runs
/// backwards, because it assumes that they are evenly distributed, which the runs of an inactive project are not.
/// </para>
/// <para>
/// Status and event are words of small, closed sets. A list with a status, a branch or an event is therefore the newest of at most 20
/// ranges, one for each status and event that it includes, and each range is a part of one index of migration 0019. Such an index answers
/// every combination, since a filter that is absent only adds ranges.
/// </para>
/// <para>
/// Two things keep the planner from any other way. The order of these indexes, <c>DESC NULLS LAST</c>, is the same for ids, which are never
/// null, but the primary key does not provide it. And <see cref="PlannerSettings"/> makes pages free, so that the plan that visits the
/// fewest rows wins; otherwise a table that was not vacuumed yet makes a shorter index with many more entries look cheaper.
/// </para>
/// </remarks>
internal sealed class RunListStatement(RunFilter filter, Guid? before, int limit)
{
    /// <summary>The settings of the transaction in which the statement is planned and executed.</summary>
    public const string PlannerSettings =
        CustomPlan + ", set_config('seq_page_cost', '0', true), set_config('random_page_cost', '0', true)";

    private static readonly Status[] Statuses = [Status.Pending, Status.Running, Status.Success, Status.Failed, Status.Canceled];
    private readonly List<NpgsqlParameter> _parameters = [];

    public (string Sql, NpgsqlParameter[] Parameters) Build()
    {
        var page = filter is { Status: null, Branch: null, Event: null, IsTerminal: false }
            ? Walk()
            : $"FROM ({NewestIds()}) page JOIN pipeline_runs r ON r.id = page.id";
        // Pipelines are joined only for the rows of the page.
        var sql = $"""
            {ViewReading.RunSelect.Replace("FROM pipeline_runs r", $"FROM (SELECT r.* {page}) r", StringComparison.Ordinal)}
            ORDER BY r.id DESC
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
            return $"FROM pipeline_runs r {Where(before is { } id ? [$"r.id < {Next(Uuid(id))}"] : [])} ORDER BY r.id DESC LIMIT {limit + 1}";
        }

        var value = Next(Uuid(scope.Id));
        var until = before is { } last ? $"< ({value}, {Next(Uuid(last))})" : $"<= ({value}, 'ffffffff-ffff-ffff-ffff-ffffffffffff')";
        return $"""
            FROM pipeline_runs r
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

    /// <summary>The newest ids of all ranges together; a range contributes a page at most.</summary>
    private string NewestIds()
    {
        var statuses = Statuses.Where(s => (filter.Status ?? s) == s && (!filter.IsTerminal || s.IsTerminal())).Select(s => s.Word());
        var events = filter.Event is { } of ? [of] : PipelineStore.TriggerTypes;
        var (status, @event) = (Next(Texts(statuses)), Next(Texts(events)));
        var conditions = new List<string>();
        if (Scope is { } scope)
        {
            var value = Next(Uuid(scope.Id));
            conditions.Add($"r.{scope.Column} = {value}");
            conditions.AddRange(WiderScopes(value));
        }

        if (filter.Branch is { } branch)
        {
            conditions.Add($"r.branch = {Next(Text(branch))}");
        }

        conditions.AddRange(["r.status = s.status", "r.event = e.event"]);
        if (before is { } id)
        {
            conditions.Add($"r.id < {Next(Uuid(id))}");
        }

        return $"""
            SELECT n.id
            FROM unnest({status}) s (status) CROSS JOIN unnest({@event}) e (event) CROSS JOIN LATERAL (
              SELECT r.id FROM pipeline_runs r {Where(conditions)} ORDER BY r.id DESC NULLS LAST LIMIT {limit + 1}) n
            ORDER BY n.id DESC LIMIT {limit + 1}
            """;
    }

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
