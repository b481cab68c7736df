using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Shipinator.Schema.Storage;

/// <summary>A column of many rows, sent as one array parameter.</summary>
internal abstract class Column<T>(string name, string type)
{
    public string Name => name;

    /// <summary>The array type that the parameter is cast to.</summary>
    public string Type => type;

    /// <summary>The SQL expression for the table's value, over the row source <c>u</c>.</summary>
    public string Expression { get; init; } = "u." + name;

    public abstract NpgsqlParameter Parameter(List<T> rows);
}

/// <inheritdoc/>
internal sealed class Column<T, TValue>(string name, string type, NpgsqlDbType dbType, Func<T, TValue> value) : Column<T>(name, type)
{
    public override NpgsqlParameter Parameter(List<T> rows)
    {
        var values = new TValue[rows.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = value(rows[i]);
        }

        return new NpgsqlParameter<TValue[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | dbType };
    }
}

/// <summary>Columns of the types that the tables use.</summary>
internal static class Column
{
    public static Column<T> Uuid<T>(string name, Func<T, Guid> value) => new Column<T, Guid>(name, "uuid[]", NpgsqlDbType.Uuid, value);

    public static Column<T> UuidOrNull<T>(string name, Func<T, Guid?> value) =>
        new Column<T, Guid?>(name, "uuid[]", NpgsqlDbType.Uuid, value);

    /// <summary>An array per row, sent as text, because arrays of arrays must be rectangular.</summary>
    public static Column<T> Uuids<T>(string name, Func<T, IEnumerable<Guid>> value) =>
        new Column<T, string>(name, "text[]", NpgsqlDbType.Text, r => $"{{{string.Join(',', value(r))}}}")
        {
            Expression = $"u.{name}::uuid[]",
        };

    public static Column<T> Text<T>(string name, Func<T, string?> value) =>
        new Column<T, string?>(name, "text[]", NpgsqlDbType.Text, r => Storable(value(r)));

    public static Column<T> Json<T>(string name, Func<T, string> value) =>
        new Column<T, string>(name, "jsonb[]", NpgsqlDbType.Jsonb, value);

    public static Column<T> JsonOrNull<T>(string name, Func<T, string?> value) =>
        new Column<T, string?>(name, "jsonb[]", NpgsqlDbType.Jsonb, value);

    public static Column<T> Number<T>(string name, Func<T, int> value) => new Column<T, int>(name, "int[]", NpgsqlDbType.Integer, value);

    public static Column<T> NumberOrNull<T>(string name, Func<T, int?> value) =>
        new Column<T, int?>(name, "int[]", NpgsqlDbType.Integer, value);

    public static Column<T> Long<T>(string name, Func<T, long> value) => new Column<T, long>(name, "bigint[]", NpgsqlDbType.Bigint, value);

    public static Column<T> Time<T>(string name, Func<T, DateTimeOffset> value) =>
        new Column<T, DateTime>(name, "timestamptz[]", NpgsqlDbType.TimestampTz, r => value(r).UtcDateTime);

    public static Column<T> TimeOrNull<T>(string name, Func<T, DateTimeOffset?> value) =>
        new Column<T, DateTime?>(name, "timestamptz[]", NpgsqlDbType.TimestampTz, r => value(r)?.UtcDateTime);

    /// <summary>The status and its related columns.</summary>
    public static Column<T>[] Life<T>(Func<T, Lifecycle> life) =>
        [
            Text<T>("status", r => life(r).Status.Word()),
            Text<T>("reason", r => life(r).Reason?.Word()),
            Text<T>("detail", r => life(r).Detail),
            TimeOrNull<T>("started_at", r => life(r).StartedAt),
            Number<T>("sequence", r => life(r).Sequence),
            Time<T>("updated_at", r => life(r).ChangedAt),
        ];

    /// <summary>The columns of a cancel request.</summary>
    public static Column<T>[] Cancel<T>(Func<T, CancelRequest?> cancel) =>
        [
            TimeOrNull<T>("cancel_requested_at", r => cancel(r)?.RequestedAt),
            Text<T>("cancel_reason", r => cancel(r)?.Reason.Word()),
            Text<T>("cancel_detail", r => cancel(r)?.Detail),
            Text<T>("cancel_actor", r => cancel(r)?.Actor),
        ];

    /// <summary>
    /// PostgreSQL stores neither NUL nor unpaired surrogates, which a detail from a platform may contain: they are replaced, so that the
    /// transition is not lost.
    /// </summary>
    private static string? Storable(string? text)
    {
        if (text is null || (!text.Contains('\0', StringComparison.Ordinal) && !text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF')))
        {
            return text;
        }

        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Replace('\0', '\uFFFD');
    }
}
