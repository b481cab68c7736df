using Npgsql;

namespace Shipinator.Schema.Storage;

/// <summary>A statement that writes any number of rows of one table, given as one array per column.</summary>
internal sealed class Statement<T>
{
    private readonly string _sql;
    private readonly Column<T>[] _columns;
    private readonly bool _checked;

    private Statement(string sql, Column<T>[] columns, bool @checked)
    {
        _sql = @checked
            ? $"WITH written AS ({sql} RETURNING 1) SELECT shipinator_expect((SELECT count(*) FROM written), ${columns.Length + 1})"
            : sql;
        _columns = columns;
        _checked = @checked;
    }

    /// <summary>First writes, with version 1. The whole batch fails when one of the rows already exists.</summary>
    public static Statement<T> First(string table, params Column<T>[] columns) =>
        new(
            $"INSERT INTO {table} ({Names(columns)}, version) SELECT {Values(columns)}, 1 {From(columns)} ON CONFLICT (id) DO NOTHING",
            columns,
            @checked: true
        );

    /// <summary>
    /// Later writes, with only the columns that can change. The whole batch fails when one of the rows has another version than expected.
    /// The first column is the id, the second the expected version.
    /// </summary>
    public static Statement<T> Next(string table, params Column<T>[] columns) =>
        new(
            $"UPDATE {table} t SET {Sets(columns[2..])}, version = t.version + 1 {From(columns)} "
                + $"WHERE t.id = u.{columns[0].Name} AND t.version = u.{columns[1].Name}",
            columns,
            @checked: true
        );

    /// <summary>Rows guarded by another row's version: added, or updated where the condition <paramref name="differs"/> holds.</summary>
    public static Statement<T> Guarded(string table, string differs, Column<T>[] added, Column<T>[] changed) =>
        new(
            $"""
            INSERT INTO {table} AS t ({Names([.. added, .. changed])}) SELECT {Values([.. added, .. changed])} {From([
                .. added,
                .. changed,
            ])}
            ON CONFLICT (id) DO UPDATE SET {string.Join(", ", changed.Select(c => $"{c.Name} = excluded.{c.Name}"))} WHERE {differs}
            """,
            [.. added, .. changed],
            @checked: false
        );

    /// <summary>Rows that are only added.</summary>
    public static Statement<T> Append(string table, params Column<T>[] columns) =>
        new($"INSERT INTO {table} ({Names(columns)}) SELECT {Values(columns)} {From(columns)}", columns, @checked: false);

    /// <summary>Rows that are only added, and may exist already.</summary>
    public static Statement<T> AppendOnce(string table, params Column<T>[] columns) =>
        new(
            $"INSERT INTO {table} ({Names(columns)}) SELECT {Values(columns)} {From(columns)} ON CONFLICT DO NOTHING",
            columns,
            @checked: false
        );

    /// <summary>Deletes rows by their key; missing ones are ignored.</summary>
    public static Statement<T> Remove(string table, Column<T> key) =>
        new(
            $"DELETE FROM {table} t USING (SELECT {Values([key])} AS id {From([key])}) k WHERE t.{key.Name} = k.id",
            [key],
            @checked: false
        );

    /// <summary>Adds the statement to a batch, unless there are no rows.</summary>
    public void AddTo(NpgsqlBatch batch, List<T> rows)
    {
        if (rows.Count == 0)
        {
            return;
        }

        var command = new NpgsqlBatchCommand(_sql);
        foreach (var column in _columns)
        {
            command.Parameters.Add(column.Parameter(rows));
        }

        if (_checked)
        {
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = rows.Count });
        }

        batch.BatchCommands.Add(command);
    }

    private static string Names(Column<T>[] columns) => string.Join(", ", columns.Select(c => c.Name));

    private static string Values(Column<T>[] columns) => string.Join(", ", columns.Select(c => c.Expression));

    private static string Sets(Column<T>[] columns) => string.Join(", ", columns.Select(c => $"{c.Name} = {c.Expression}"));

    private static string From(Column<T>[] columns) =>
        $"FROM unnest({string.Join(", ", columns.Select((c, i) => $"${i + 1}::{c.Type}"))}) AS u ({Names(columns)})";
}
