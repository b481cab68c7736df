namespace Shipinator.Artifacts;

/// <summary>
/// Holds the logs of a folder alone: in this process by a queue, against other processes by a lock on a file that is never removed.
/// (A lock file that is removed can be held twice: by who opened it before and by who makes it anew.)
/// </summary>
internal sealed class LogLock(TimeProvider time)
{
    private const string FileName = ".lock";

    /// <summary>What the kernel says of a file that somebody else has locked.</summary>
    private const int WouldBlock = 11;

    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, SemaphoreSlim> _queues = new(StringComparer.Ordinal);

    /// <summary>Makes the folder when it is not there. Errors: <see cref="StorageUnavailableException"/> when another process does not give it back.</summary>
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
                if (time.GetElapsedTime(start) > Patience)
                {
                    throw new StorageUnavailableException(
                        $"The logs in {folder} are held by another process; the same request may succeed later.",
                        e
                    );
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
