using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>A value that a step left for later ones; a secret when one of the step's secrets is in it.</summary>
internal sealed record HandedValue(string Name, string Value, bool IsSecret);

/// <summary>What a step left.</summary>
internal sealed record HandedFile(IReadOnlyList<HandedValue> Variables, IReadOnlyList<HandedValue> Outputs);

/// <summary>The same in JSON, generated at build time: the runner is compiled ahead of time.</summary>
[JsonSerializable(typeof(HandedFile))]
internal sealed partial class HandedJson : JsonSerializerContext;

/// <summary>
/// Variables and outputs that steps of a job attempt leave for later ones. The step writes two files of its own; its runner
/// checks them and puts one file beside the workspace, which the later steps' runners read. Which of them count, and in which
/// order, is the server's word.
/// </summary>
internal sealed class HandedOn
{
    /// <summary>Bytes of all that a step is given: more would leave a command no room for its arguments.</summary>
    private const int MostBytes = 512 * 1024;

    /// <summary>As JSON, where one byte may become six.</summary>
    private const int MostFileBytes = 16 * VariableFile.MostBytes;

    private readonly Dictionary<string, string> _given = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _named = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _outputs = new(StringComparer.Ordinal);

    /// <summary>Variables that become the step's by themselves.</summary>
    public IReadOnlyDictionary<string, string> Given => _given;

    /// <summary>Those that the step's <c>env</c> may name where the environment has nothing of that name.</summary>
    public IReadOnlyDictionary<string, string> Named => _named;

    /// <summary>By <c>STEP.NAME</c>.</summary>
    public IReadOnlyDictionary<string, string> Outputs => _outputs;

    /// <summary>Values that must not appear in the log.</summary>
    public List<string> Secrets { get; } = [];

    /// <summary>Why what was left can't be used; null when it can.</summary>
    public string? Problem { get; private set; }

    public static HandedOn Read(ClaimResponse work, RunnerSettings settings)
    {
        var handed = new HandedOn();
        var bytes = 0L;
        foreach (var step in work.Earlier ?? [])
        {
            try
            {
                if (SmallFile.Read(Place(settings, step.ExecutionId), MostFileBytes) is not { } text)
                {
                    continue;
                }

                var file = JsonSerializer.Deserialize(text, HandedJson.Default.HandedFile);
                bytes += (file?.Variables ?? [])
                    .Concat(file?.Outputs ?? [])
                    .Sum(v => (long)Encoding.UTF8.GetByteCount(v.Name) + Encoding.UTF8.GetByteCount(v.Value));
                if (bytes > MostBytes)
                {
                    throw new StepMistakeException($"with those before it, it has more than {MostBytes} bytes");
                }

                handed.Add(step, file);
            }
            catch (Exception e) when (e is StepMistakeException or JsonException or ArgumentNullException)
            {
                handed.Problem ??=
                    $"What step {step.StepName} left for later steps can't be used: {(e is StepMistakeException ? e.Message : "it was changed")}.";
            }
        }

        return handed;
    }

    /// <summary>Makes the step's own two files.</summary>
    public static void Prepare(RunnerSettings settings)
    {
        File.WriteAllText(settings.EnvFile, "");
        File.WriteAllText(settings.OutputFile, "");
    }

    /// <summary>Takes what the step wrote. Errors: <see cref="StepMistakeException"/>, and then later steps see nothing of it.</summary>
    public static void Publish(ClaimResponse work, RunnerSettings settings, IEnumerable<string> secrets)
    {
        List<string> hidden = [.. secrets];
        var left = new HandedFile(
            Values(settings.EnvFile, "SHIPINATOR_ENV", isEnvironment: true, hidden),
            Values(settings.OutputFile, "SHIPINATOR_OUTPUT", isEnvironment: false, hidden)
        );
        if (left.Variables.Count == 0 && left.Outputs.Count == 0)
        {
            return;
        }

        var place = Place(settings, work.ExecutionId);
        var folder = Path.GetDirectoryName(place)!;
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        File.WriteAllBytes(place + ".new", JsonSerializer.SerializeToUtf8Bytes(left, HandedJson.Default.HandedFile));
        if (settings.IsContainer)
        {
            // The steps of a pod may have different users; nobody else sees the pod's volume.
            File.SetUnixFileMode(
                place + ".new",
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead
            );
        }

        File.Move(place + ".new", place, overwrite: true);
    }

    private void Add(EarlierResponse step, HandedFile? file)
    {
        foreach (
            var value in (file?.Variables ?? []).Where(v =>
                VariableFile.Problem(v.Name, isEnvironment: true) is null && !v.Value.Contains('\0', StringComparison.Ordinal)
            )
        )
        {
            (step.GivesVariables ? _given : _named)[value.Name] = value.Value;
            Hide(value);
        }

        foreach (var value in (file?.Outputs ?? []).Where(v => !v.Value.Contains('\0', StringComparison.Ordinal)))
        {
            _outputs[$"{step.StepName}.{value.Name}"] = value.Value;
            Hide(value);
        }
    }

    private void Hide(HandedValue value)
    {
        if (value.IsSecret)
        {
            Secrets.Add(value.Value);
        }
    }

    private static List<HandedValue> Values(string file, string name, bool isEnvironment, List<string> secrets)
    {
        try
        {
            return
            [
                .. VariableFile
                    .Parse(SmallFile.Read(file, VariableFile.MostBytes) ?? [], isEnvironment)
                    .Select(v => new HandedValue(v.Key, v.Value, Holds(v.Value, secrets))),
            ];
        }
        catch (StepMistakeException e)
        {
            throw new StepMistakeException($"${name}: {e.Message}.");
        }
    }

    /// <summary>Whether a log would have to hide a part of it.</summary>
    private static bool Holds(string value, List<string> secrets)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        using var passed = new MemoryStream();
        var masker = new Masker(secrets, b => passed.Write(b.Span));
        masker.Write(bytes);
        masker.Flush();
        return !passed.ToArray().AsSpan().SequenceEqual(bytes);
    }

    private static string Place(RunnerSettings settings, string execution) =>
        Path.Combine(settings.HandedOn, $"{Path.GetFileName(execution)}.json");
}
