using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Microsoft.Win32.SafeHandles;

namespace Shipinator.Artifacts;

/// <summary>
/// Logs as files: <c>logs/AA/ID.log</c>, with <c>ID.times</c> (<see cref="TimesFile"/>) and, once sealed, an empty
/// <c>ID.sealed</c> next to it. Appending locks the folder's logs, also against other processes, so that two silos that receive the same
/// chunk write it once. Acknowledged bytes are on the disk.
/// </summary>
public sealed class FileSystemLogStore : ILogStore, IDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);
    private readonly string _root;
    private readonly TimeSpan _interval;
    private readonly ILogNotifier? _news;
    private readonly TimeProvider _time;
    private readonly LogLock _lock;
    private readonly ConcurrentDictionary<ExecutionId, TaskCompletionSource> _followers = new();

    /// <summary>Without <paramref name="news"/> it polls for what other silos append.</summary>
    public FileSystemLogStore(IOptions<FileStoreOptions> options, TimeProvider time, ILogNotifier? news = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_root, _interval, _time, _news) = (Path.Combine(options.Value.Root, "logs"), options.Value.FollowInterval, time, news);
        _lock = new(time);
        Directory.CreateDirectory(_root);
        if (_news is not null)
        {
            _news.Grew += Wake;
        }
    }

    /// <summary>
    /// Writes a file to the disk: nothing is acknowledged before that. Null only to measure what it costs; replaced by tests.
    /// </summary>
    internal Func<SafeFileHandle, CancellationToken, Task>? Flush { get; init; } = Durable.FlushAsync;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_news is not null)
        {
            _news.Grew -= Wake;
        }
    }

    /// <inheritdoc/>
    public async Task<long> Append(
        ExecutionId execution,
        long offset,
        ReadOnlyMemory<byte> bytes,
        IReadOnlyList<LogTime> times,
        CancellationToken cancellationToken
    ) => (await Append(execution, offset, bytes, times, LogRules.None, cancellationToken)).Length;

    /// <inheritdoc/>
    public async Task<LogAppended> Append(
        ExecutionId execution,
        long offset,
        ReadOnlyMemory<byte> bytes,
        IReadOnlyList<LogTime> times,
        LogRules rules,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(times);
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var complete = await Info(execution, cancellationToken);
        if (complete.Sealed)
        {
            // Not offset + length, which may overflow.
            return offset <= complete.Length - bytes.Length
                ? new(complete.Length, LogAppending.IsFull(complete.Length, rules))
                : throw new ConflictException(
                    "log_sealed",
                    $"The log of execution {execution} is sealed at {complete.Length} bytes; nothing can be appended."
                );
        }

        SafeFileHandle file;
        long length;
        using (await _lock.TakeAsync(Folder(execution), cancellationToken))
        {
            file = File.OpenHandle(
                LogPath(execution),
                FileMode.OpenOrCreate,
                FileAccess.ReadWrite,
                FileShare.ReadWrite | FileShare.Delete,
                FileOptions.Asynchronous
            );
            try
            {
                length = await WriteAsync(execution, file, offset, bytes, times, rules, cancellationToken);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }

        using (file)
        {
            // Outside the lock, so that others can write meanwhile. Bytes of earlier appends may not be on the disk yet either.
            if (Flush is { } flush)
            {
                await flush(file, cancellationToken);
            }
        }

        if (offset == 0 && Flush is not null)
        {
            await Durable.FlushFolderAsync(Folder(execution));
        }

        Tell(execution);
        return LogAppending.IsFull(length, rules)
            ? new(offset > long.MaxValue - bytes.Length ? long.MaxValue : offset + bytes.Length, IsFull: true)
            : new(length, IsFull: false);
    }

    /// <inheritdoc/>
    public async Task Seal(ExecutionId execution, CancellationToken cancellationToken)
    {
        if (File.Exists(SealPath(execution)))
        {
            return;
        }

        using (await _lock.TakeAsync(Folder(execution), cancellationToken))
        {
            using (
                var file = File.OpenHandle(
                    LogPath(execution),
                    FileMode.OpenOrCreate,
                    FileAccess.Write,
                    FileShare.ReadWrite | FileShare.Delete
                )
            )
            {
                await (Flush?.Invoke(file, cancellationToken) ?? Task.CompletedTask);
            }

            await File.WriteAllBytesAsync(SealPath(execution), [], cancellationToken);
            // Left by an older version.
            File.Delete(Name(execution) + ".lock");
        }

        await Durable.FlushFolderAsync(Folder(execution));
        Tell(execution);
        _followers.TryRemove(execution, out _);
    }

    /// <inheritdoc/>
    public Task<LogInfo> Info(ExecutionId execution, CancellationToken cancellationToken)
    {
        // The seal first: no byte can follow it.
        var isSealed = File.Exists(SealPath(execution));
        var file = new FileInfo(LogPath(execution));
        return Task.FromResult(new LogInfo(file.Exists ? file.Length : 0, isSealed));
    }

    /// <inheritdoc/>
    public async Task<int> Read(ExecutionId execution, long offset, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            using var handle = File.OpenHandle(
                LogPath(execution),
                FileMode.Open,
                FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete,
                FileOptions.Asynchronous
            );
            return offset < RandomAccess.GetLength(handle) ? await RandomAccess.ReadAsync(handle, buffer, offset, cancellationToken) : 0;
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
            // Check again, now that the signal is registered.
            info = await Info(execution, cancellationToken);
            if (info.Sealed || info.Length > length)
            {
                Wake(execution);
                return;
            }

            // Poll for what another silo appended without a notification.
            await Task.WhenAny(signal.Task, Task.Delay(_interval, _time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private async Task<long> WriteAsync(
        ExecutionId execution,
        SafeFileHandle file,
        long offset,
        ReadOnlyMemory<byte> bytes,
        IReadOnlyList<LogTime> times,
        LogRules rules,
        CancellationToken cancellationToken
    )
    {
        var length = RandomAccess.GetLength(file);
        if (LogAppending.IsFull(length, rules))
        {
            return length;
        }

        if (offset > length)
        {
            throw new ConflictException(
                "log_gap",
                $"The log of execution {execution} has {length} bytes; a chunk at offset {offset} would leave a gap. Continue from "
                    + $"{length}."
            );
        }

        var known = (int)Math.Min(length - offset, bytes.Length);
        if (known == bytes.Length)
        {
            return length;
        }

        if (File.Exists(SealPath(execution)))
        {
            throw new ConflictException(
                "log_sealed",
                $"The log of execution {execution} is sealed at {length} bytes; nothing can be appended."
            );
        }

        var longer = await LogAppending.WriteAsync(file, length, bytes[known..], rules, cancellationToken);
        await TimesFile.AppendAsync(TimesPath(execution), times, length, longer, _time.GetUtcNow(), cancellationToken);
        return longer;
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

    /// <summary>Logs are spread over 256 folders by the last byte of the id, which is random in a UUID version 7.</summary>
    private string Folder(ExecutionId execution) => Path.Combine(_root, execution.ToString()[^2..]);

    private string Name(ExecutionId execution) => Path.Combine(Folder(execution), execution.ToString());
}
