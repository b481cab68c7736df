using Npgsql;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Queries;

/// <summary>
/// The statement of a list of runs, newest first. It must read little more than it returns, however long the history is and whatever
/// values the filters have.
/// </summary>
/// <remarks>
/// With one filter there is an index that contains exactly these runs in order. The range is selected by comparing whole rows, in the
/// order that only this index provides. With <c>=</c> alone the planner may prefer to walk all runs backwards: it knows how many match
/// and assumes that they are evenly distributed, which the runs of an inactive project are not. With more filters the planner decides,
/// for each page's own values (<see cref="SqlReading.ListAsync"/>) and with statistics of their combinations (migration 0018). Two
/// filters that each match many old runs but rarely occur together can still read much of the table.
/// </remarks>
internal sealed class RunListStatement(RunFilter filter, Guid? before, int limit)
{
    private readonly List<NpgsqlParameter> _parameters = [];

    public (string Sql, NpgsqlParameter[] Parameters) Build()
    {
        var scopes = new List<(string Column, NpgsqlParameter Value)>();
        Add(scopes, "pipeline_id", filter.Pipeline is { } pipeline ? Uuid(pipeline.Value) : null);
        Add(scopes, "repository_id", filter.Repository is { } repository ? Uuid(repository.Value) : null);
        Add(scopes, "project_id", filter.Project is { } project ? Uuid(project.Value) : null);
        var others = new List<(string Column, NpgsqlParameter Value)>();
        Add(others, "status", filter.Status is { } status ? Text(status.Word()) : null);
        Add(others, "branch", filter.Branch is { } branch ? Text(branch) : null);
        Add(others, "event", filter.Event is { } of ? Text(of) : null);
        // Each has an index of its own, which begins with the repository and contains only runs that have a value.
        var narrow = new List<(string Column, NpgsqlParameter Value)>();
        Add(narrow, "pr_number", filter.PrNumber is { } number ? Number(number) : null);
        Add(narrow, "tag", filter.Tag is { } tag ? Text(tag) : null);

        // Of pipeline, repository and project the narrowest leads, since the others include it.
        var lead =
            narrow.Count > 0 ? []
            : others.Count == 0 ? scopes.Take(1).ToList()
            : scopes.Count == 0 && others.Count == 1 ? others
            : [];
        var conditions =
            lead.Count == 0
                ? before is { } id
                    ? [$"r.id < {Next(Uuid(id))}"]
                    : []
                : Range(lead);
        conditions.AddRange(scopes.Concat(others).Concat(narrow).Except(lead).Select(f => $"r.{f.Column} = {Next(f.Value)}"));
        if (filter.IsTerminal)
        {
            conditions.Add("r.finished_at IS NOT NULL");
        }

        var where = conditions.Count == 0 ? "" : "WHERE " + string.Join(" AND ", conditions);
        var order = string.Join(", ", lead.Select(l => $"r.{l.Column} DESC").Append("r.id DESC"));
        // Pipelines are joined only for the rows of the page.
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

    /// <summary>From the lowest possible id to the highest, or to before the cursor.</summary>
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
