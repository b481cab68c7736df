using System.Collections.Concurrent;
using Microsoft.Extensions.Options;

namespace Shipinator.Artifacts;

/// <summary>
/// Logs as files: <c>logs/AA/ID.log</c>, with <c>ID.times</c> (<see cref="TimesFile"/>) and, once sealed, an empty
/// <c>ID.sealed</c> beside it. Appending holds the file alone, also against other processes, so that two silos that get the
/// same chunk write it once.
/// </summary>
public sealed class FileSystemLogStore : ILogStore, IDisposable
{
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);
    private readonly string _root;
    private readonly TimeSpan _interval;
    private readonly ILogNews? _news;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<ExecutionId, TaskCompletionSource> _followers = new();

    /// <summary>Without <paramref name="news"/> it finds by looking what other silos append.</summary>
    public FileSystemLogStore(IOptions<FileStoreOptions> options, TimeProvider time, ILogNews? news = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_root, _interval, _time, _news) = (Path.Combine(options.Value.Root, "logs"), options.Value.FollowInterval, time, news);
        if (_news is not null)
        {
            _news.Grew += Wake;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_news is not null)
        {
            _news.Grew -= Wake;
        }
    }

    /// <inheritdoc/>
    public async Task<long> Append(ExecutionId execution, long offset, ReadOnlyMemory<byte> bytes, IReadOnlyList<LogTime> times, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(times);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var complete = await Info(execution, cancellationToken);
        if (complete.Sealed && offset + bytes.Length <= complete.Length)
        {
            return complete.Length;
        }

        long length;
        await using (var alone = await OpenAloneAsync(execution, cancellationToken))
        {
            var file = alone.Log;
            length = file.Length;
            if (offset > length)
            {
                throw new ConflictException("log_gap", $"The log of execution {execution} has {length} bytes; a chunk at offset {offset} would leave a gap: go on from {length}.");
            }

            var known = (int)Math.Min(length - offset, bytes.Length);
            if (known < bytes.Length)
            {
                if (File.Exists(SealPath(execution)))
                {
                    throw new ConflictException("log_sealed", $"The log of execution {execution} is complete with {length} bytes; nothing can be added.");
                }

                file.Seek(0, SeekOrigin.End);
                await file.WriteAsync(bytes[known..], cancellationToken);
                await file.FlushAsync(cancellationToken);
                await TimesFile.AppendAsync(TimesPath(execution), times, length, file.Length, _time.GetUtcNow(), cancellationToken);
                length = file.Length;
            }
        }

        Tell(execution);
        return length;
    }

    /// <inheritdoc/>
    public async Task Seal(ExecutionId execution, CancellationToken cancellationToken)
    {
        if (File.Exists(SealPath(execution)))
        {
            return;
        }

        await using (var alone = await OpenAloneAsync(execution, cancellationToken))
        {
            alone.Log.Flush(flushToDisk: true);
            await File.WriteAllBytesAsync(SealPath(execution), [], cancellationToken);
            File.Delete(Name(execution) + ".lock");
        }

        Tell(execution);
        _followers.TryRemove(execution, out _);
    }

    /// <inheritdoc/>
    public Task<LogInfo> Info(ExecutionId execution, CancellationToken cancellationToken)
    {
        // The seal first: bytes can only have come before it.
        var isSealed = File.Exists(SealPath(execution));
        var file = new FileInfo(LogPath(execution));
        return Task.FromResult(new LogInfo(file.Exists ? file.Length : 0, isSealed));
    }

    /// <inheritdoc/>
    public async Task<int> Read(ExecutionId execution, long offset, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            using var handle = File.OpenHandle(LogPath(execution), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous);
            return await RandomAccess.ReadAsync(handle, buffer, offset, cancellationToken);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return 0;
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<LogTime>> Times(ExecutionId execution, long from, long to, CancellationToken cancellationToken) =>
        TimesFile.ReadAsync(TimesPath(execution), from, to, cancellationToken);

    /// <inheritdoc/>
    public async Task WaitForMore(ExecutionId execution, long length, CancellationToken cancellationToken)
    {
        var start = _time.GetTimestamp();
        while (_time.GetElapsedTime(start) < LongestWait)
        {
            var info = await Info(execution, cancellationToken);
            if (info.Sealed || info.Length > length)
            {
                return;
            }

            var signal = _followers.GetOrAdd(execution, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
            // Again, now that nothing can be missed.
            info = await Info(execution, cancellationToken);
            if (info.Sealed || info.Length > length)
            {
                Wake(execution);
                return;
            }

            // The interval finds what another silo appended when no news of it came.
            await Task.WhenAny(signal.Task, Task.Delay(_interval, _time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private async Task<LockedFile> OpenAloneAsync(ExecutionId execution, CancellationToken cancellationToken)
    {
        var path = LogPath(execution);
        var start = _time.GetTimestamp();
        while (true)
        {
            try
            {
                // A file of its own is locked: a lock on the log itself would shut out its readers.
                var heldLock = new FileStream(Name(execution) + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
                return new(heldLock, new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, 1, FileOptions.Asynchronous));
            }
            catch (DirectoryNotFoundException)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            }
            catch (IOException) when (_time.GetElapsedTime(start) < LockPatience)
            {
                await Task.Delay(LockRetry, _time, cancellationToken);
            }
        }
    }

    private void Tell(ExecutionId execution)
    {
        Wake(execution);
        _news?.Tell(execution);
    }

    private void Wake(ExecutionId execution)
    {
        if (_followers.TryRemove(execution, out var signal))
        {
            signal.TrySetResult();
        }
    }

    private string LogPath(ExecutionId execution) => Name(execution) + ".log";

    private string TimesPath(ExecutionId execution) => Name(execution) + ".times";

    private string SealPath(ExecutionId execution) => Name(execution) + ".sealed";

    /// <summary>Spread over 256 folders by the last byte, which is random in a UUID version 7.</summary>
    private string Name(ExecutionId execution)
    {
        var id = execution.ToString();
        return Path.Combine(_root, id[^2..], id);
    }

    private sealed record LockedFile(FileStream Lock, FileStream Log) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Log.DisposeAsync();
            await Lock.DisposeAsync();
        }
    }
}
