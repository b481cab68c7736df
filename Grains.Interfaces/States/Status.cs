using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shipinator;

/// <summary>The state of a run, job, step or execution. <see cref="StateMachines"/> has those that each machine may enter.</summary>
[JsonConverter(typeof(StatusJsonConverter))]
public enum Status
{
    /// <summary>Created, not started. <c>waiting_for</c> always says why.</summary>
    Pending = 0,

    /// <summary>Executions only: submitted to the executor; not seen running yet.</summary>
    Submitted = 1,

    /// <summary>Something of it is running.</summary>
    Running = 2,

    /// <summary>Terminal: everything succeeded.</summary>
    Success = 3,

    /// <summary>Terminal: see its <see cref="Reason"/>.</summary>
    Failed = 4,

    /// <summary>Terminal: the executor confirmed that nothing of it is running.</summary>
    Canceled = 5,

    /// <summary>Terminal, jobs and steps only: a condition or an earlier outcome made it unnecessary.</summary>
    Skipped = 6,
}

/// <summary>The state machine of an entity.</summary>
public enum Machine
{
    Run = 0,

    Job = 1,

    Step = 2,

    Execution = 3,
}

/// <summary>The words that the database, the API and the screens use for the closed sets.</summary>
public static class Words
{
    private static readonly FrozenDictionary<string, Status> Statuses = Table<Status>();
    private static readonly FrozenDictionary<string, Reason> Reasons = Table<Reason>();
    private static readonly FrozenDictionary<string, Machine> Machines = Table<Machine>();

    /// <summary>The word of a status: <c>pending</c>, <c>running</c>, …</summary>
    public static string Word(this Status status) => Snake(status.ToString());

    /// <summary>The word of a reason: <c>exit_code</c>, <c>timeout</c>, …</summary>
    public static string Word(this Reason reason) => Snake(reason.ToString());

    /// <summary>The word of a machine: <c>run</c>, <c>job</c>, <c>step</c>, <c>execution</c>.</summary>
    public static string Word(this Machine machine) => Snake(machine.ToString());

    /// <summary>Reads a status word. Errors: <see cref="FormatException"/> names the word and the set.</summary>
    public static Status ParseStatus(string word) => Parse(Statuses, word, "status");

    /// <summary>Reads a reason word.</summary>
    public static Reason ParseReason(string word) => Parse(Reasons, word, "reason");

    /// <summary>Reads a machine word.</summary>
    public static Machine ParseMachine(string word) => Parse(Machines, word, "machine");

    /// <summary>Whether <paramref name="word"/> is a status word.</summary>
    public static bool TryParseStatus(string word, out Status status) => Statuses.TryGetValue(word, out status);

    /// <summary>Whether <paramref name="word"/> is a reason word.</summary>
    public static bool TryParseReason(string word, out Reason reason) => Reasons.TryGetValue(word, out reason);

    internal static FrozenDictionary<string, T> Table<T>()
        where T : struct, Enum => Enum.GetValues<T>().ToFrozenDictionary(v => Snake(v.ToString()), StringComparer.Ordinal);

    private static T Parse<T>(FrozenDictionary<string, T> table, string word, string what) =>
        table.TryGetValue(word, out var value)
            ? value
            : throw new FormatException(
                $"'{word}' is not a valid {what}; expected one of {string.Join(", ", table.Keys.Order(StringComparer.Ordinal))}."
            );

    internal static string Snake(string pascal) => JsonNamingPolicy.SnakeCaseLower.ConvertName(pascal);
}

/// <summary>
/// Serializes a member of a closed set as its word, and accepts exactly that word: the stock converter also accepts other letter cases and
/// lists, and reads <c>"submitted, running"</c> as <c>success</c>.
/// </summary>
public abstract class WordJsonConverter<T> : JsonConverter<T>
    where T : struct, Enum
{
    private static readonly FrozenDictionary<string, T> Values = Words.Table<T>();

    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && Values.TryGetValue(reader.GetString()!, out var value)
            ? value
            : throw new JsonException(
                $"Expected a {typeof(T).Name}: one of {string.Join(", ", Values.Keys.Order(StringComparer.Ordinal))}."
            );

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Words.Snake(value.ToString()));
}

/// <summary>Serializes statuses as their words.</summary>
public sealed class StatusJsonConverter : WordJsonConverter<Status>;
