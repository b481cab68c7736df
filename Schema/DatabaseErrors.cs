using Npgsql;

namespace Shipinator.Schema;

/// <summary>
/// What errors of the database become for callers. Npgsql's own types never leave this room: they can't cross a grain
/// boundary, and their texts may name what callers need not know.
/// </summary>
internal static class DatabaseErrors
{
    /// <summary>Raised by <c>shipinator_expect</c>.</summary>
    public const string VersionConflict = "SHP01";

    /// <summary>
    /// Whether the database itself, not what was asked of it, is the cause: lost connections (08), no resources (53),
    /// shut down or starting (57P), system errors (58), a standby (25006).
    /// </summary>
    public static bool IsUnavailable(Exception error) => error switch
    {
        PostgresException { SqlState: var state } =>
            state.StartsWith("08", StringComparison.Ordinal) || state.StartsWith("53", StringComparison.Ordinal)
            || state.StartsWith("57P", StringComparison.Ordinal) || state.StartsWith("58", StringComparison.Ordinal)
            || state == PostgresErrorCodes.ReadOnlySqlTransaction,
        NpgsqlException or IOException or System.Net.Sockets.SocketException or TimeoutException => true,
        _ => false,
    };

    public static StorageUnavailableException Unavailable(Exception error) =>
        new($"The database can't be reached now ({Sentence(error)}). Nothing is lost; the call may be repeated.");

    /// <summary>The database answered, and refused this very write.</summary>
    public static ShipinatorException Rejected(PostgresException error, string what) =>
        new("storage_rejected", $"The database refused {what}: {error.MessageText} ({error.SqlState}{(error.ConstraintName is { } name ? $", {name}" : "")}).");

    private static string Sentence(Exception error) => (error as PostgresException)?.MessageText ?? error.Message.TrimEnd('.');
}
