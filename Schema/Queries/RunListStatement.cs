using Npgsql;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>
/// The statement of a list of runs, newest first. It must read what it finds and little more, however long the history is and
/// whatever the filters' values are.
/// </summary>
/// <remarks>
/// With one filter there is an index that holds just these runs in order. Their range of it is asked for by comparing whole rows, in
/// the order that only this index gives. By <c>=</c> alone the planner may prefer to walk all runs backwards: it knows how many match,
/// and takes them to be spread evenly, which the runs of a project that is quiet are not. With more filters it has to weigh them,
/// which it does for each page's own values (<see cref="SqlReading.ListAsync"/>) and by the statistics of their combinations
/// (migration 0018).
/// </remarks>
internal sealed class RunListStatement(RunFilter filter, Guid? before, int limit)
{
    private readonly List<NpgsqlParameter> _parameters = [];

    public (string Sql, NpgsqlParameter[] Parameters) Build()
    {
        var places = new List<(string Column, NpgsqlParameter Value)>();
        Add(places, "pipeline_id", filter.Pipeline is { } pipeline ? Uuid(pipeline.Value) : null);
        Add(places, "repository_id", filter.Repository is { } repository ? Uuid(repository.Value) : null);
        Add(places, "project_id", filter.Project is { } project ? Uuid(project.Value) : null);
        var others = new List<(string Column, NpgsqlParameter Value)>();
        Add(others, "status", filter.Status is { } status ? Text(status.Word()) : null);
        Add(others, "branch", filter.Branch is { } branch ? Text(branch) : null);
        Add(others, "event", filter.Event is { } of ? Text(of) : null);

        // Of several places the narrowest leads: the others hold it.
        var lead =
            others.Count == 0 ? places.Take(1).ToList()
            : places.Count == 0 && others.Count == 1 ? others
            : [];
        var conditions =
            lead.Count == 0
                ? before is { } id
                    ? [$"r.id < {Next(Uuid(id))}"]
                    : []
                : Range(lead);
        conditions.AddRange(places.Concat(others).Except(lead).Select(f => $"r.{f.Column} = {Next(f.Value)}"));
        if (filter.IsOver)
        {
            conditions.Add("r.finished_at IS NOT NULL");
        }

        var where = conditions.Count == 0 ? "" : "WHERE " + string.Join(" AND ", conditions);
        var order = string.Join(", ", lead.Select(l => $"r.{l.Column} DESC").Append("r.id DESC"));
        // The pipelines are looked up for the rows of the page alone.
        var sql = $"""
            {ViewReading.RunSelect.Replace(
                "FROM pipeline_runs r",
                $"FROM (SELECT * FROM pipeline_runs r {where} ORDER BY {order} LIMIT {limit + 1}) r",
                StringComparison.Ordinal
            )}
            ORDER BY r.id DESC
            """;
        return (sql, [.. _parameters]);
    }

    private static void Add(List<(string, NpgsqlParameter)> filters, string column, NpgsqlParameter? value)
    {
        if (value is not null)
        {
            filters.Add((column, value));
        }
    }

    /// <summary>From the first id that there can be to the last, or to before the cursor.</summary>
    private List<string> Range(List<(string Column, NpgsqlParameter Value)> lead)
    {
        var columns = string.Join(", ", lead.Select(l => "r." + l.Column));
        var values = string.Join(", ", lead.Select(l => Next(l.Value)).ToList());
        var until = before is { } id ? $"< ({values}, {Next(Uuid(id))})" : $"<= ({values}, 'ffffffff-ffff-ffff-ffff-ffffffffffff')";
        return [$"({columns}, r.id) >= ({values}, '00000000-0000-0000-0000-000000000000')", $"({columns}, r.id) {until}"];
    }

    private string Next(NpgsqlParameter parameter)
    {
        _parameters.Add(parameter);
        return $"${_parameters.Count}";
    }
}
