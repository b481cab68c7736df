using Npgsql;

namespace Shipinator.Schema.Queries;

/// <summary>Helpers that run queries with this project's errors and read columns by name.</summary>
internal static class SqlReading
{
    /// <summary>The setting with which a prepared statement is planned for the values of each execution.</summary>
    public const string CustomPlan = "set_config('plan_cache_mode', 'force_custom_plan', true)";

    public static async Task<List<T>> QueryAsync<T>(
        this NpgsqlDataSource source,
        string sql,
        Func<NpgsqlDataReader, T> map,
        CancellationToken cancellationToken,
        params NpgsqlParameter[] parameters
    )
    {
        try
        {
            await using var command = source.CreateCommand(sql);
            command.Parameters.AddRange(parameters);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            var rows = new List<T>();
            while (await reader.ReadAsync(cancellationToken))
            {
                rows.Add(map(reader));
            }

            return rows;
        }
        catch (Exception e) when (e is not OperationCanceledException && DatabaseErrors.IsUnavailable(e))
        {
            throw DatabaseErrors.Unavailable(e);
        }
    }

    /// <summary>
    /// As <see cref="QueryAsync"/>, but planned for the given values. A prepared statement otherwise soon gets one plan for all values,
    /// which reads the whole history for rare ones.
    /// </summary>
    public static Task<List<T>> ListAsync<T>(
        this NpgsqlDataSource source,
        string sql,
        Func<NpgsqlDataReader, T> map,
        CancellationToken cancellationToken,
        params NpgsqlParameter[] parameters
    ) => source.ListAsync(CustomPlan, sql, map, cancellationToken, parameters);

    /// <summary>
    /// As <see cref="QueryAsync"/>, but planned with settings: a list of <c>set_config(name, value, true)</c>. One round trip: a batch is
    /// one transaction, and the settings end with it.
    /// </summary>
    public static async Task<List<T>> ListAsync<T>(
        this NpgsqlDataSource source,
        string settings,
        string sql,
        Func<NpgsqlDataReader, T> map,
        CancellationToken cancellationToken,
        params NpgsqlParameter[] parameters
    )
    {
        try
        {
            await using var batch = source.CreateBatch();
            batch.BatchCommands.Add(new($"SELECT {settings}"));
            var command = new NpgsqlBatchCommand(sql);
            command.Parameters.AddRange(parameters);
            batch.BatchCommands.Add(command);
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            await reader.NextResultAsync(cancellationToken);
            var rows = new List<T>();
            while (await reader.ReadAsync(cancellationToken))
            {
                rows.Add(map(reader));
            }

            return rows;
        }
        catch (Exception e) when (e is not OperationCanceledException && DatabaseErrors.IsUnavailable(e))
        {
            throw DatabaseErrors.Unavailable(e);
        }
    }

    public static async Task<T?> QuerySingleAsync<T>(
        this NpgsqlDataSource source,
        string sql,
        Func<NpgsqlDataReader, T> map,
        CancellationToken cancellationToken,
        params NpgsqlParameter[] parameters
    )
        where T : class => (await source.QueryAsync(sql, map, cancellationToken, parameters)).SingleOrDefault();

    /// <summary>The number of affected rows.</summary>
    public static async Task<int> ExecuteAsync(
        this NpgsqlDataSource source,
        string sql,
        CancellationToken cancellationToken,
        params NpgsqlParameter[] parameters
    )
    {
        try
        {
            await using var command = source.CreateCommand(sql);
            command.Parameters.AddRange(parameters);
            return await command.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException && DatabaseErrors.IsUnavailable(e))
        {
            throw DatabaseErrors.Unavailable(e);
        }
    }

    public static NpgsqlParameter Uuid(Guid value) => new NpgsqlParameter<Guid> { TypedValue = value };

    public static NpgsqlParameter Uuid(Guid? value) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid, Value = (object?)value ?? DBNull.Value };

    public static NpgsqlParameter Uuids(IEnumerable<Guid> values) => new NpgsqlParameter<Guid[]> { TypedValue = [.. values] };

    /// <summary>Errors: <see cref="InvalidInputException"/> <c>text_malformed</c> for text that PostgreSQL can't store.</summary>
    public static NpgsqlParameter Text(string? value) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text, Value = (object?)StorableText.Require(value) ?? DBNull.Value };

    public static NpgsqlParameter Texts(IEnumerable<string>? values) =>
        new()
        {
            NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Array | NpgsqlTypes.NpgsqlDbType.Text,
            Value = (object?)values?.ToArray() ?? DBNull.Value,
        };

    /// <summary>Patterns for <c>LIKE</c> that match texts containing the words literally.</summary>
    public static NpgsqlParameter Like(IEnumerable<string> words) =>
        new NpgsqlParameter<string[]>
        {
            TypedValue =
            [
                .. words.Select(w =>
                    "%"
                    + StorableText
                        .Require(w)!
                        .Replace(@"\", @"\\", StringComparison.Ordinal)
                        .Replace("%", @"\%", StringComparison.Ordinal)
                        .Replace("_", @"\_", StringComparison.Ordinal)
                    + "%"
                ),
            ],
        };

    public static NpgsqlParameter Number(int value) => new NpgsqlParameter<int> { TypedValue = value };

    public static NpgsqlParameter Flag(bool? value) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Boolean, Value = (object?)value ?? DBNull.Value };

    public static NpgsqlParameter Long(long value) => new NpgsqlParameter<long> { TypedValue = value };

    public static NpgsqlParameter Bytes(byte[] value) => new NpgsqlParameter<byte[]> { TypedValue = value };

    public static NpgsqlParameter Time(DateTimeOffset? value) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz, Value = (object?)value?.UtcDateTime ?? DBNull.Value };

    public static Guid Uuid(this NpgsqlDataReader reader, string column) => reader.GetGuid(reader.GetOrdinal(column));

    public static Guid? UuidOrNull(this NpgsqlDataReader reader, string column) =>
        reader.GetOrdinal(column) is var i && reader.IsDBNull(i) ? null : reader.GetGuid(i);

    public static string Text(this NpgsqlDataReader reader, string column) => reader.GetString(reader.GetOrdinal(column));

    public static string? TextOrNull(this NpgsqlDataReader reader, string column) =>
        reader.GetOrdinal(column) is var i && reader.IsDBNull(i) ? null : reader.GetString(i);

    public static int Number(this NpgsqlDataReader reader, string column) => reader.GetInt32(reader.GetOrdinal(column));

    public static int? NumberOrNull(this NpgsqlDataReader reader, string column) =>
        reader.GetOrdinal(column) is var i && reader.IsDBNull(i) ? null : reader.GetInt32(i);

    public static long Long(this NpgsqlDataReader reader, string column) => reader.GetInt64(reader.GetOrdinal(column));

    public static DateTimeOffset Time(this NpgsqlDataReader reader, string column) =>
        reader.GetFieldValue<DateTimeOffset>(reader.GetOrdinal(column));

    public static DateTimeOffset? TimeOrNull(this NpgsqlDataReader reader, string column) =>
        reader.GetOrdinal(column) is var i && reader.IsDBNull(i) ? null : reader.GetFieldValue<DateTimeOffset>(i);

    public static Status Status(this NpgsqlDataReader reader, string column = "status") => Words.ParseStatus(reader.Text(column));

    public static Reason? ReasonOrNull(this NpgsqlDataReader reader, string column = "reason") =>
        reader.TextOrNull(column) is { } word ? Words.ParseReason(word) : null;

    public static T Json<T>(this NpgsqlDataReader reader, string column) => PlanJson.Deserialize<T>(reader.Text(column));

    /// <summary>The four columns of a cancel request; null when there is none.</summary>
    public static CancelRequest? Cancel(this NpgsqlDataReader reader) =>
        reader.TimeOrNull("cancel_requested_at") is { } at
            ? new(at, Words.ParseReason(reader.Text("cancel_reason")), reader.Text("cancel_detail"), reader.Text("cancel_actor"))
            : null;
}
