namespace Shipinator.Client;

/// <summary>
/// Reads exactly the announced number of bytes of a file that may be written concurrently. Errors: <see cref="ContentChangedException"/>
/// when it has become shorter.
/// </summary>
public sealed class FixedStream(Stream inner, long length) : Stream
{
    private long _position;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => length;

    /// <inheritdoc/>
    public override long Position
    {
        get => _position;
        set => Seek(value, SeekOrigin.Begin);
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer) =>
        Count(Room(buffer.Length) is var room and > 0 ? inner.Read(buffer[..room]) : 0, buffer.Length);

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Count(Room(buffer.Length) is var room and > 0 ? await inner.ReadAsync(buffer[..room], cancellationToken) : 0, buffer.Length);

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin)
    {
        var target = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            _ => length + offset,
        };
        inner.Seek(target - _position, SeekOrigin.Current);
        return _position = target;
    }

    /// <inheritdoc/>
    public override void Flush() { }

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private int Room(int wanted) => (int)Math.Min(wanted, length - _position);

    private int Count(int read, int wanted)
    {
        if (read == 0 && wanted > 0 && _position < length)
        {
            throw new ContentChangedException($"The file had {length} bytes, but now has only {_position}.");
        }

        _position += read;
        return read;
    }
}

/// <summary>A file was changed while it was read.</summary>
public sealed class ContentChangedException(string message) : Exception(message);

/// <summary>A local file could not be written: the disk is full, or the folder does not exist. Retrying does not help.</summary>
public sealed class LocalFileException(string message, Exception inner) : Exception(message, inner);

/// <summary>The server responded with an error.</summary>
public sealed class ServerResponseException(string message, System.Net.HttpStatusCode status, string? code, string? detail)
    : HttpRequestException(message, null, status)
{
    /// <summary>The stable code of the problem.</summary>
    public string? Code { get; } = code;

    /// <summary>The detail of the problem.</summary>
    public string? Detail { get; } = detail;
}
