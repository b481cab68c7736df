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
    /// Whether the database itself, not what was asked of it, is the cause, so that the same call may succeed later: what Npgsql
    /// calls transient (lost connections, no resources, deadlocks), shut down or starting (57P), canceled by an operator or a
    /// time-out (57014), a standby (25006). A misuse of the connection is our own bug and no loss.
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
        new($"The database can't be reached now ({Sentence(error)}). Nothing is lost; the call may be repeated.");

    /// <summary>The database answered, and refused this very write.</summary>
    public static ShipinatorException Rejected(PostgresException error, string what) =>
        new(
            "storage_rejected",
            $"The database refused {what}: {error.MessageText} ({error.SqlState}{(error.ConstraintName is { } name ? $", {name}" : "")})."
        );

    /// <summary>A write that fails before or without the database's own word.</summary>
    public static ShipinatorException Unwritable(Exception error, string what) =>
        new("storage_rejected", $"{Capital(what)} can't be written: {error.Message}");

    /// <summary>Nobody knows whether it was written.</summary>
    public static StorageUnavailableException Unknown(Exception error, string what) =>
        new($"{Capital(what)} may not have been written ({error.Message.TrimEnd('.')}). Read it again; the call may be repeated.");

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static string Sentence(Exception error) => (error as PostgresException)?.MessageText ?? error.Message.TrimEnd('.');
}
