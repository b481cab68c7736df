using System.Text.Json;

namespace Shipinator.Executors.Process;

/// <summary>
/// The files of one job attempt: a folder for its steps, and next to it the executor's own folder for its runners, which steps with
/// separate users can't access. A runner holds a lock while it runs and writes its result before it ends, so any server process of this
/// machine can determine its state, also after a restart.
/// </summary>
internal sealed class WorkerFolder(string root, string externalName)
{
    /// <summary>rwx------.</summary>
    public const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>rwx--x--x: others may pass through, but not list it.</summary>
    public const UnixFileMode Passable = OwnerOnly | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>The steps' folder: the runners' <c>SHIPINATOR_JOB_DIR</c>.</summary>
    public string Path { get; } = System.IO.Path.Combine(root, externalName);

    /// <summary>The folder while it is being created.</summary>
    public string Unfinished { get; } = System.IO.Path.Combine(root, ".new-" + externalName);

    /// <summary>The executor's own folder.</summary>
    public string Own { get; } = System.IO.Path.Combine(ControlFolder(root), externalName);

    /// <summary>A file with the id of the repository whose caches the job uses.</summary>
    public string CacheScopeFile => System.IO.Path.Combine(Own, "cache-scope");

    /// <summary>A copy of a repository that only the server can read.</summary>
    public string Source => System.IO.Path.Combine(Own, "source.git");

    /// <summary>The parent of the executor's own folders.</summary>
    public static string ControlFolder(string root) => System.IO.Path.Combine(root, ".control");

    public string Control(ExecutionId execution) => System.IO.Path.Combine(Own, execution.ToString());

    public bool Exists => Directory.Exists(Path) || Directory.Exists(Own);

    /// <summary>The executions whose runner was started here.</summary>
    public IEnumerable<ExecutionId> Executions() =>
        Directory.Exists(Own)
            ? Directory
                .EnumerateDirectories(Own)
                .Select(d => EntityId.TryParse<ExecutionId>(System.IO.Path.GetFileName(d), out var id) ? id : (ExecutionId?)null)
                .OfType<ExecutionId>()
            : [];

    public bool WasStarted(ExecutionId execution) => Directory.Exists(Control(execution));

    /// <summary>Whether its runner is running: the kernel releases the lock when it ends.</summary>
    public bool IsAlive(ExecutionId execution)
    {
        try
        {
            using var probe = new FileStream(
                System.IO.Path.Combine(Control(execution), "runner.lock"),
                FileMode.Open,
                FileAccess.Read,
                FileShare.Read
            );
            return false;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>The result that its runner wrote before it ended; null when there is none, or only a part of one.</summary>
    public RunnerResult? Result(ExecutionId execution)
    {
        var file = System.IO.Path.Combine(Control(execution), "result.json");
        try
        {
            return File.Exists(file) && File.ReadAllText(file) is { Length: > 0 } text
                ? JsonSerializer.Deserialize<RunnerResult>(text, Format)
                : null;
        }
        catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException or JsonException)
        {
            return null;
        }
    }

    private static readonly JsonSerializerOptions Format = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}

/// <summary>The content of <c>result.json</c>.</summary>
internal sealed record RunnerResult(string Status, int? ExitCode, string? Reason, string? Detail);
