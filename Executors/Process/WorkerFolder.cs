using System.Text.Json;

namespace Shipinator.Executors.Process;

/// <summary>
/// What one job attempt has on disk. A runner holds a lock for as long as it lives and leaves its result before it ends, so
/// what became of it can be read here by any process, after any restart.
/// </summary>
internal sealed class WorkerFolder(string root, string externalName)
{
    public string Path { get; } = System.IO.Path.Combine(root, externalName);

    public string ExecutionsFolder => System.IO.Path.Combine(Path, "executions");

    public string Control(ExecutionId execution) => System.IO.Path.Combine(ExecutionsFolder, execution.ToString());

    public string TokenFile(ExecutionId execution) => System.IO.Path.Combine(Control(execution), "token");

    /// <summary>The executions that ever had a runner here.</summary>
    public IEnumerable<ExecutionId> Executions() => Directory.Exists(ExecutionsFolder)
        ? Directory.EnumerateDirectories(ExecutionsFolder)
            .Select(d => EntityId.TryParse<ExecutionId>(System.IO.Path.GetFileName(d), out var id) ? id : (ExecutionId?)null)
            .OfType<ExecutionId>()
        : [];

    /// <summary>Whether a runner was ever asked for.</summary>
    public bool WasStarted(ExecutionId execution) => File.Exists(TokenFile(execution));

    /// <summary>Whether its runner lives: the kernel lets go of the lock when it does not.</summary>
    public bool IsAlive(ExecutionId execution)
    {
        try
        {
            using var probe = new FileStream(System.IO.Path.Combine(Control(execution), "runner.lock"), FileMode.Open, FileAccess.Read, FileShare.Read);
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

    /// <summary>What its runner wrote down before it ended.</summary>
    public RunnerResult? Result(ExecutionId execution)
    {
        var file = System.IO.Path.Combine(Control(execution), "result.json");
        try
        {
            return File.Exists(file) ? JsonSerializer.Deserialize<RunnerResult>(File.ReadAllText(file), Format) : null;
        }
        catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException)
        {
            return null;
        }
    }

    private static readonly JsonSerializerOptions Format = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}

/// <summary>What a runner leaves in <c>result.json</c>.</summary>
internal sealed record RunnerResult(string Status, int? ExitCode, string? Reason, string? Detail);
