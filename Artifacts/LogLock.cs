namespace Shipinator.Artifacts;

/// <summary>
/// Exclusive access to the logs of a folder: within this process by a queue, against other processes by a lock on a file that is never
/// removed. (A removed lock file could be held twice: by a process that opened it before, and by one that creates it again.)
/// </summary>
internal sealed class LogLock(TimeProvider time)
{
    private const string FileName = ".lock";

    /// <summary>The error number for a file that another process has locked.</summary>
    private const int WouldBlock = 11;

    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, SemaphoreSlim> _queues = new(StringComparer.Ordinal);

    /// <summary>
    /// Creates the folder when it is missing. Errors: <see cref="StorageUnavailableException"/> when another process does not release the
    /// lock within 10 s.
    /// </summary>
    public async Task<IDisposable> TakeAsync(string folder, CancellationToken cancellationToken)
    {
        var queue = _queues.GetOrAdd(folder, _ => new(1));
        await queue.WaitAsync(cancellationToken);
        try
        {
            return new Held(queue, await OpenAsync(folder, cancellationToken));
        }
        catch
        {
            queue.Release();
            throw;
        }
    }

    private async Task<FileStream> OpenAsync(string folder, CancellationToken cancellationToken)
    {
        var file = Path.Combine(folder, FileName);
        var start = time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
            }
            catch (DirectoryNotFoundException)
            {
                Directory.CreateDirectory(folder);
                await Durable.FlushFolderAsync(Path.GetDirectoryName(folder)!);
            }
            catch (IOException e) when (e.HResult == WouldBlock)
            {
                if (time.GetElapsedTime(start) > Timeout)
                {
                    throw new StorageUnavailableException($"The logs in {folder} are locked by another process. Retry the request.", e);
                }

                await Task.Delay(Retry * (0.5 + Random.Shared.NextDouble()), time, cancellationToken);
            }
        }
    }

    private sealed class Held(SemaphoreSlim queue, FileStream file) : IDisposable
    {
        public void Dispose()
        {
            file.Dispose();
            queue.Release();
        }
    }
}
