using Npgsql;
using Shipinator.Schema.Stores;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>
/// The statement of a list of runs, newest first. It must read little more than it returns, however long the history is and whatever
/// values the filters have.
/// </summary>
/// <remarks>
/// The runs are read from an index that contains exactly these runs in order. The range is selected by comparing whole rows, in the order
/// that only this index provides. With <c>=</c> alone the planner may prefer to walk all runs backwards: it knows how many match and
/// assumes that they are evenly distributed, which the runs of an inactive project, or of two filters that rarely occur together, are not.
/// Where the index has a status or event that is not filtered, each of its few values is a range of its own, and the ranges are merged.
/// Only for a project, repository or pipeline with one other filter the planner decides, for each page's own values
/// (<see cref="SqlReading.ListAsync"/>) and with statistics of their combinations (migration 0018).
/// </remarks>
internal sealed class RunListStatement(RunFilter filter, Guid? before, int limit)
{
    private static readonly IReadOnlyList<Status> Statuses =
    [
        Status.Pending,
        Status.Running,
        Status.Success,
        Status.Failed,
        Status.Canceled,
    ];

    private readonly List<NpgsqlParameter> _parameters = [];

    public (string Sql, NpgsqlParameter[] Parameters) Build()
    {
        var scopes = new List<Filter>();
        Add(scopes, "pipeline_id", filter.Pipeline is { } pipeline ? Uuid(pipeline.Value) : null);
        Add(scopes, "repository_id", filter.Repository is { } repository ? Uuid(repository.Value) : null);
        Add(scopes, "project_id", filter.Project is { } project ? Uuid(project.Value) : null);
        var others = new List<Filter>();
        Add(others, "status", filter.Status is { } status ? Text(status.Word()) : null);
        Add(others, "branch", filter.Branch is { } branch ? Text(branch) : null);
        Add(others, "event", filter.Event is { } of ? Text(of) : null);

        // Of pipeline, repository and project the narrowest leads, since the others include it.
        var scope = scopes.Take(1).ToList();
        List<List<Filter>> ranges = (scopes.Count, others.Count) switch
        {
            (_, 0) => [scope],
            (0, 1) => [others],
            (_, 1) =>
            [
                [],
            ],
            _ => [.. Ranges(scope)],
        };
        var all = scopes.Concat(others).ToList();
        var parts = ranges.ConvertAll(lead => Part(lead, all));
        // Pipelines are joined only for the rows of the page.
        var page =
            parts.Count == 1 ? parts[0] : $"SELECT * FROM (({string.Join(") UNION ALL (", parts)})) r ORDER BY r.id DESC LIMIT {limit + 1}";
        var sql = $"""
            {ViewReading.RunSelect.Replace("FROM pipeline_runs r", $"FROM ({page}) r", StringComparison.Ordinal)}
            ORDER BY r.id DESC
            """;
        return (sql, [.. _parameters]);
    }

    private static void Add(List<Filter> filters, string column, NpgsqlParameter? value)
    {
        if (value is not null)
        {
            filters.Add(new(column, value));
        }
    }

    /// <summary>
    /// With two or three of status, branch and event: the leading columns of their index (migration 0019), with all values to read.
    /// </summary>
    private IEnumerable<List<Filter>> Ranges(List<Filter> scope)
    {
        var statuses = filter.Status is { } status ? [status] : Statuses;
        var events = filter.Event is { } of ? [of] : PipelineStore.TriggerTypes;
        List<Filter> first = filter.Branch is { } branch ? [.. scope, new("branch", Text(branch))] : scope;
        return from s in statuses from e in events select (List<Filter>)[.. first, new("status", Text(s.Word())), new("event", Text(e))];
    }

    /// <summary>The newest runs of one range, on which the filters that it does not lead with are checked.</summary>
    private string Part(List<Filter> lead, List<Filter> all)
    {
        var conditions =
            lead.Count > 0 ? Range(lead)
            : before is { } id ? [$"r.id < {Next(Uuid(id))}"]
            : [];
        conditions.AddRange(
            all.Where(f => lead.TrueForAll(l => l.Column != f.Column)).Select(f => $"r.{f.Column} = {Next(f.Value.Clone())}")
        );
        if (filter.IsTerminal)
        {
            conditions.Add("r.finished_at IS NOT NULL");
        }

        var where = conditions.Count == 0 ? "" : "WHERE " + string.Join(" AND ", conditions);
        var order = string.Join(", ", lead.Select(l => $"r.{l.Column} DESC").Append("r.id DESC"));
        return $"SELECT * FROM pipeline_runs r {where} ORDER BY {order} LIMIT {limit + 1}";
    }

    /// <summary>From the lowest possible id to the highest, or to before the cursor.</summary>
    private List<string> Range(List<Filter> lead)
    {
        var columns = string.Join(", ", lead.Select(l => "r." + l.Column));
        var values = string.Join(", ", lead.Select(l => Next(l.Value.Clone())).ToList());
        var until = before is { } id ? $"< ({values}, {Next(Uuid(id))})" : $"<= ({values}, 'ffffffff-ffff-ffff-ffff-ffffffffffff')";
        return [$"({columns}, r.id) >= ({values}, '00000000-0000-0000-0000-000000000000')", $"({columns}, r.id) {until}"];
    }

    private string Next(NpgsqlParameter parameter)
    {
        _parameters.Add(parameter);
        return $"${_parameters.Count}";
    }

    private sealed record Filter(string Column, NpgsqlParameter Value);
}
