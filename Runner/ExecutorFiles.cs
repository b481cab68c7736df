using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>
/// The lock and the result by which an executor on the same machine detects whether a runner is running and how its execution ended.
/// Both are in the control folder, or are inherited as open files from an executor that keeps them where no step has access.
/// </summary>
internal sealed class ExecutorFiles : IDisposable
{
    private readonly SafeFileHandle? _result;
    private readonly RunnerSettings _settings;
    private readonly IDisposable _lock;

    private ExecutorFiles(RunnerSettings settings, IDisposable heldLock, SafeFileHandle? result) =>
        (_settings, _lock, _result) = (settings, heldLock, result);

    private string ResultFile => Path.Combine(_settings.Control, "result.json");

    /// <summary>
    /// Takes the lock, which the kernel holds until this process exits. Null when another runner of the same
    /// execution holds it, or held it and left a result.
    /// </summary>
    public static async Task<ExecutorFiles?> TakeAsync(RunnerSettings settings)
    {
        var held = settings.LockDescriptor is { } descriptor
            ? await Detach.TakeLockAsync(descriptor)
            : await Detach.TakeLockAsync(Path.Combine(settings.Control, "runner.lock"));
        if (held is null)
        {
            return null;
        }

        var files = new ExecutorFiles(settings, held, settings.ResultDescriptor is { } result ? new(result, ownsHandle: true) : null);
        if (!files.HasResult)
        {
            return files;
        }

        files.Dispose();
        return null;
    }

    private bool HasResult => _result is null ? File.Exists(ResultFile) : RandomAccess.GetLength(_result) > 0;

    /// <summary>
    /// Writes the result, completely or not at all. Errors: <see cref="IOException"/>, <see cref="UnauthorizedAccessException"/>.
    /// </summary>
    public async Task WriteResultAsync(StatusReport report)
    {
        var text = JsonSerializer.SerializeToUtf8Bytes(report, RunnerJson.Default.StatusReport);
        if (_result is not null)
        {
            await RandomAccess.WriteAsync(_result, text, 0);
            return;
        }

        await File.WriteAllBytesAsync(ResultFile + ".new", text);
        File.Move(ResultFile + ".new", ResultFile, overwrite: true);
    }

    public void Dispose()
    {
        _result?.Dispose();
        _lock.Dispose();
    }
}
