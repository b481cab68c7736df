using System.Text.Json;

namespace Shipinator.Executors.Process;

/// <summary>
/// What one job attempt has on disk: a folder for its steps, and beside it, where no step gets to when steps have users of
/// their own, what the executor keeps of its runners. A runner holds a lock for as long as it lives and leaves its result
/// before it ends, so what became of it can be read here by any server process of this machine, after any restart.
/// </summary>
internal sealed class WorkerFolder(string root, string externalName)
{
    /// <summary>rwx------.</summary>
    public const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>rwx--x--x: to be passed through.</summary>
    public const UnixFileMode Passable = OwnerOnly | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>The steps' folder: the runners' <c>SHIPINATOR_JOB_DIR</c>.</summary>
    public string Path { get; } = System.IO.Path.Combine(root, externalName);

    /// <summary>The folder while it is being made.</summary>
    public string Unfinished { get; } = System.IO.Path.Combine(root, ".new-" + externalName);

    /// <summary>The executor's own folder.</summary>
    public string Own { get; } = System.IO.Path.Combine(ControlFolder(root), externalName);

    /// <summary>The repository whose caches the job uses, as written down by the executor.</summary>
    public string CacheScopeFile => System.IO.Path.Combine(Own, "cache-scope");

    /// <summary>A copy of a repository that only the server can read.</summary>
    public string Source => System.IO.Path.Combine(Own, "source.git");

    /// <summary>Where the executor keeps what is its own.</summary>
    public static string ControlFolder(string root) => System.IO.Path.Combine(root, ".control");

    public string Control(ExecutionId execution) => System.IO.Path.Combine(Own, execution.ToString());

    /// <summary>Whether anything of it is there.</summary>
    public bool Exists => Directory.Exists(Path) || Directory.Exists(Own);

    /// <summary>The executions that ever had a runner here.</summary>
    public IEnumerable<ExecutionId> Executions() =>
        Directory.Exists(Own)
            ? Directory
                .EnumerateDirectories(Own)
                .Select(d => EntityId.TryParse<ExecutionId>(System.IO.Path.GetFileName(d), out var id) ? id : (ExecutionId?)null)
                .OfType<ExecutionId>()
            : [];

    /// <summary>Whether a runner was ever asked for.</summary>
    public bool WasStarted(ExecutionId execution) => Directory.Exists(Control(execution));

    /// <summary>Whether its runner lives: the kernel lets go of the lock when it does not.</summary>
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

    /// <summary>What its runner wrote down before it ended; half a result is none.</summary>
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

/// <summary>What a runner leaves in <c>result.json</c>.</summary>
internal sealed record RunnerResult(string Status, int? ExitCode, string? Reason, string? Detail);
