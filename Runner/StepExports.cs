using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>A value that a step exported to later ones; a secret when it contains one of the step's secrets.</summary>
internal sealed record ExportedValue(string Name, string Value, bool IsSecret);

/// <summary>What one step exported.</summary>
internal sealed record ExportFile(IReadOnlyList<ExportedValue> Variables, IReadOnlyList<ExportedValue> Outputs);

/// <summary>Generated at build time: the runner is compiled ahead of time.</summary>
[JsonSerializable(typeof(ExportFile))]
internal sealed partial class ExportJson : JsonSerializerContext;

/// <summary>
/// Variables and outputs that steps of a job attempt export to later ones. The step writes two files; its runner checks them
/// and writes one file to a folder next to the workspace, which the later steps' runners read. The server decides which of them
/// apply, and in which order.
/// </summary>
internal sealed class StepExports
{
    /// <summary>The maximum total size of a step's imports, in bytes: more would leave a command no room for its arguments.</summary>
    private const int MaxBytes = 512 * 1024;

    /// <summary>Bytes of one stored file: in JSON one byte may become six.</summary>
    private const int MaxFileBytes = 16 * VariableFile.MaxBytes;

    private readonly Dictionary<string, string> _variables = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _onRequest = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _outputs = new(StringComparer.Ordinal);

    /// <summary>Variables that are added to the step's environment.</summary>
    public IReadOnlyDictionary<string, string> Variables => _variables;

    /// <summary>Variables that the step's <c>env</c> may name where the environment has none of that name.</summary>
    public IReadOnlyDictionary<string, string> VariablesOnRequest => _onRequest;

    /// <summary>By <c>STEP.NAME</c>.</summary>
    public IReadOnlyDictionary<string, string> Outputs => _outputs;

    /// <summary>Values that must not appear in the log.</summary>
    public List<string> Secrets { get; } = [];

    /// <summary>Whether an earlier step stored a file, so that the folder must be there.</summary>
    public bool HasFiles { get; private set; }

    /// <summary>Why the exports can't be used; null when they can.</summary>
    public string? Problem { get; private set; }

    /// <summary>Reads what the earlier steps exported; what is wrong with it is in <see cref="Problem"/>.</summary>
    public static StepExports Read(ClaimResponse work, RunnerSettings settings)
    {
        var exports = new StepExports();
        var bytes = 0L;
        foreach (var step in work.Earlier ?? [])
        {
            try
            {
                if (FolderProblem(settings, mustExist: settings.IsContainer) is { } replaced)
                {
                    throw new StepConfigException(replaced);
                }

                if (SmallFile.Read(PathOf(settings, step.ExecutionId), MaxFileBytes) is not { } text)
                {
                    continue;
                }

                exports.HasFiles = true;
                var file = JsonSerializer.Deserialize(text, ExportJson.Default.ExportFile);
                bytes += (file?.Variables ?? [])
                    .Concat(file?.Outputs ?? [])
                    .Sum(v => (long)Encoding.UTF8.GetByteCount(v.Name) + Encoding.UTF8.GetByteCount(v.Value));
                if (bytes > MaxBytes)
                {
                    throw new StepConfigException($"together with earlier steps' values it has more than {MaxBytes} bytes");
                }

                exports.Add(step, file);
            }
            catch (Exception e) when (e is StepConfigException or JsonException or ArgumentNullException)
            {
                var detail = e is StepConfigException ? e.Message : "the file was changed after the step ended";
                exports.Problem ??= $"The values that step {step.StepName} exported can't be used: {detail}.";
            }
        }

        return exports;
    }

    /// <summary>Creates the step's own two files.</summary>
    public static void Prepare(RunnerSettings settings)
    {
        File.WriteAllText(settings.EnvFile, "");
        File.WriteAllText(settings.OutputFile, "");
    }

    /// <summary>
    /// Stores what the step wrote. Errors: <see cref="StepConfigException"/> when its files are malformed or it changed the
    /// folder of exports, and then later steps get nothing of it; <see cref="IOException"/> when the disk fails.
    /// </summary>
    public static void Publish(ClaimResponse work, RunnerSettings settings, StepExports earlier, IEnumerable<string> secrets)
    {
        if (FolderProblem(settings, mustExist: settings.IsContainer || earlier.HasFiles) is { } replaced)
        {
            throw new StepConfigException($"The step's exports can't be stored: {replaced}.");
        }

        List<string> hidden = [.. secrets];
        var exported = new ExportFile(
            Values(settings.EnvFile, "SHIPINATOR_ENV", isEnvironment: true, hidden),
            Values(settings.OutputFile, "SHIPINATOR_OUTPUT", isEnvironment: false, hidden)
        );
        if (exported.Variables.Count == 0 && exported.Outputs.Count == 0)
        {
            return;
        }

        try
        {
            Store(PathOf(settings, work.ExecutionId), exported, settings.IsContainer);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or DirectoryNotFoundException || IsTaken(e))
        {
            throw new StepConfigException(
                $"The step's exports can't be stored in the folder '{settings.ExportsFolder}', which a step of this job changed or "
                    + $"removed: {e.Message} Steps must not write there."
            );
        }
    }

    private static void Store(string path, ExportFile exported, bool isContainer)
    {
        var folder = Path.GetDirectoryName(path)!;
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var unfinished = path + ".new";
        File.Delete(unfinished);
        // A new file, so that nothing is written through a link that a step put there.
        using (var stream = new FileStream(unfinished, FileMode.CreateNew, FileAccess.Write, FileShare.None))
        {
            JsonSerializer.Serialize(stream, exported, ExportJson.Default.ExportFile);
        }

        if (isContainer)
        {
            // The steps of a pod may have different users; nobody else sees the pod's volume.
            File.SetUnixFileMode(
                unfinished,
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead
            );
        }

        File.Move(unfinished, path, overwrite: true);
    }

    /// <summary>Why the folder of exports can't be used; null when it is a folder, or need not exist yet.</summary>
    private static string? FolderProblem(RunnerSettings settings, bool mustExist) =>
        FileKinds.Of(settings.ExportsFolder, followLinks: false) switch
        {
            FileKind.Folder => null,
            FileKind.Absent when mustExist => $"a step of this job removed the folder '{settings.ExportsFolder}'",
            FileKind.Absent => null,
            FileKind.Link => $"a step of this job replaced the folder '{settings.ExportsFolder}' by a link",
            _ => $"a step of this job replaced the folder '{settings.ExportsFolder}' by a file",
        };

    /// <summary>Whether a step created an entry at the file's path.</summary>
    private static bool IsTaken(Exception e) => e is IOException { HResult: FileExists or IsAFolder or NotAFolder or FolderNotEmpty };

    private const int FileExists = 17;
    private const int NotAFolder = 20;
    private const int IsAFolder = 21;
    private const int FolderNotEmpty = 39;

    private void Add(EarlierResponse step, ExportFile? file)
    {
        var variables = (file?.Variables ?? []).Where(v =>
            VariableFile.NameProblem(v.Name, isEnvironment: true) is null && !v.Value.Contains('\0', StringComparison.Ordinal)
        );
        foreach (var value in variables)
        {
            (step.GivesVariables ? _variables : _onRequest)[value.Name] = value.Value;
            AddSecret(value);
        }

        foreach (var value in (file?.Outputs ?? []).Where(v => !v.Value.Contains('\0', StringComparison.Ordinal)))
        {
            _outputs[$"{step.StepName}.{value.Name}"] = value.Value;
            AddSecret(value);
        }
    }

    private void AddSecret(ExportedValue value)
    {
        if (value.IsSecret)
        {
            Secrets.Add(value.Value);
        }
    }

    private static List<ExportedValue> Values(string file, string name, bool isEnvironment, List<string> secrets)
    {
        try
        {
            return
            [
                .. VariableFile
                    .Parse(SmallFile.Read(file, VariableFile.MaxBytes) ?? [], isEnvironment)
                    .Select(v => new ExportedValue(v.Key, v.Value, ContainsSecret(v.Value, secrets))),
            ];
        }
        catch (StepConfigException e)
        {
            throw new StepConfigException($"${name}: {e.Message}.");
        }
    }

    /// <summary>Whether a log would have to mask a part of it.</summary>
    private static bool ContainsSecret(string value, List<string> secrets)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        using var passed = new MemoryStream();
        var masker = new Masker(secrets, b => passed.Write(b.Span));
        masker.Write(bytes);
        masker.Flush();
        return !passed.ToArray().AsSpan().SequenceEqual(bytes);
    }

    private static string PathOf(RunnerSettings settings, string execution) =>
        Path.Combine(settings.ExportsFolder, $"{Path.GetFileName(execution)}.json");
}
