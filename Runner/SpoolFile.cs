using System.Text;

namespace Shipinator.Runner;

/// <summary>
/// The log's bytes until the server has them: a file, and when the disk is full a small buffer in memory, whose writers wait
/// for the server. A full disk slows the command down but loses no data.
/// </summary>
internal sealed class SpoolFile : IAsyncDisposable
{
    private const int MemoryBytes = 1024 * 1024;
    private readonly Stream _write;
    private readonly Stream _read;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _room = new(0);
    private readonly MemoryStream _memory = new();
    private long _inFile;
    private long _length;
    private long _memoryStart;
    private bool _isFull;
    private volatile bool _isClosed;

    public SpoolFile(string file)
        : this(
            new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.ReadWrite, 0),
            new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 0)
        ) { }

    internal SpoolFile(Stream write, Stream read)
    {
        _write = write;
        _read = read;
    }

    /// <summary>The number of bytes written.</summary>
    public long Length => Interlocked.Read(ref _length);

    /// <summary>The first byte that can still be read: 0 unless memory had to be used and was freed again.</summary>
    public long First
    {
        get
        {
            lock (_gate)
            {
                return _memoryStart > _inFile ? _memoryStart : 0;
            }
        }
    }

    /// <summary>Appends; calls <paramref name="wake"/> when there is something to read.</summary>
    public void Write(ReadOnlySpan<byte> bytes, Action wake)
    {
        while (!_isClosed)
        {
            lock (_gate)
            {
                if (!_isFull && TryFile(bytes))
                {
                    break;
                }

                // A piece larger than the buffer is taken when the buffer is empty.
                if (_memory.Length == 0 || _memory.Length + bytes.Length <= MemoryBytes)
                {
                    Buffer(bytes);
                    break;
                }
            }

            wake();
            _room.Wait();
        }

        wake();
    }

    /// <summary>Reads from an offset; returns the number of bytes.</summary>
    public async Task<int> ReadAsync(long offset, Memory<byte> buffer)
    {
        int fromFile;
        lock (_gate)
        {
            if (offset >= _inFile)
            {
                var skip = (int)(offset - _memoryStart);
                var count = Math.Min(buffer.Length, (int)_memory.Length - skip);
                _memory.GetBuffer().AsSpan(skip, count).CopyTo(buffer.Span);
                return count;
            }

            fromFile = (int)Math.Min(buffer.Length, _inFile - offset);
        }

        _read.Position = offset;
        return await _read.ReadAsync(buffer[..fromFile]);
    }

    /// <summary>Frees the memory of all bytes before the offset, which the server has; the file keeps them.</summary>
    public void Forget(long offset)
    {
        lock (_gate)
        {
            if (!_isFull || offset <= _memoryStart)
            {
                return;
            }

            var known = (int)Math.Min(offset - _memoryStart, _memory.Length);
            var rest = _memory.GetBuffer().AsSpan(known, (int)_memory.Length - known).ToArray();
            _memory.SetLength(0);
            _memory.Write(rest);
            _memoryStart += known;
        }

        _room.Release();
    }

    /// <summary>Stops storing: further writes return immediately and are dropped.</summary>
    public void Close()
    {
        _isClosed = true;
        _room.Release();
    }

    public async ValueTask DisposeAsync()
    {
        Close();
        await _write.DisposeAsync();
        await _read.DisposeAsync();
        await _memory.DisposeAsync();
    }

    private bool TryFile(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _write.Position = _inFile;
            _write.Write(bytes);
            _inFile += bytes.Length;
            Interlocked.Add(ref _length, bytes.Length);
            return true;
        }
        catch (IOException e)
        {
            _isFull = true;
            _memoryStart = _inFile;
            Buffer(
                Encoding.UTF8.GetBytes(
                    $"[shipinator] The log can no longer be written to this disk ({e.Message}); "
                        + "it continues at the speed of the connection to the server.\n"
                )
            );
            return false;
        }
    }

    private void Buffer(ReadOnlySpan<byte> bytes)
    {
        _memory.Seek(0, SeekOrigin.End);
        _memory.Write(bytes);
        Interlocked.Add(ref _length, bytes.Length);
    }
}
