using Npgsql;

namespace Shipinator.Schema;

/// <summary>
/// Converts database errors for callers. Npgsql's own exceptions never leave this project: they can't cross a grain boundary, and their
/// messages may contain internals.
/// </summary>
internal static class DatabaseErrors
{
    /// <summary>Raised by <c>shipinator_expect</c>.</summary>
    public const string VersionConflict = "SHP01";

    /// <summary>
    /// Whether the cause is the database rather than the call, so that the same call may succeed later: errors that Npgsql calls transient
    /// (lost connections, no resources, deadlocks), shutdown or startup (57P), cancellation by an operator or a timeout (57014), a standby
    /// (25006). Misuse of a connection is a bug and does not count.
    /// </summary>
    public static bool IsUnavailable(Exception error) =>
        error switch
        {
            PostgresException { SqlState: var state } refused => refused.IsTransient
                || state.StartsWith("08", StringComparison.Ordinal)
                || state.StartsWith("53", StringComparison.Ordinal)
                || state.StartsWith("57P", StringComparison.Ordinal)
                || state.StartsWith("58", StringComparison.Ordinal)
                || state is PostgresErrorCodes.ReadOnlySqlTransaction or PostgresErrorCodes.QueryCanceled,
            NpgsqlOperationInProgressException => false,
            NpgsqlException or IOException or System.Net.Sockets.SocketException or TimeoutException => true,
            _ => false,
        };

    public static StorageUnavailableException Unavailable(Exception error) =>
        new($"The database can't be reached ({Sentence(error)}). Nothing was lost; retry the call.");

    /// <summary>The database rejected this write.</summary>
    public static ShipinatorException Rejected(PostgresException error, string what) =>
        new(
            "storage_rejected",
            $"The database rejected the write of {what}: {error.MessageText} "
                + $"({error.SqlState}{(error.ConstraintName is { } name ? $", {name}" : "")})."
        );

    /// <summary>The write failed before it reached the database, or without an error of the database.</summary>
    public static ShipinatorException Unwritable(Exception error, string what) =>
        new("storage_rejected", $"The write of {what} failed: {error.Message}");

    /// <summary>It is unknown whether the write was committed.</summary>
    public static StorageUnavailableException Unknown(Exception error, string what) =>
        new($"It is unknown whether {what} was written ({error.Message.TrimEnd('.')}). Read it again before retrying the call.");

    private static string Sentence(Exception error) => (error as PostgresException)?.MessageText ?? error.Message.TrimEnd('.');
}
