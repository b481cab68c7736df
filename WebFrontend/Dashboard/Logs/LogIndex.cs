using System.Text;

namespace Shipinator.WebFrontend.Dashboard.Logs;

/// <summary>A line of a log.</summary>
/// <param name="Number">The line number, from 1.</param>
/// <param name="At">When the line was printed, if known.</param>
/// <param name="Spans">The text by style.</param>
public sealed record LogLine(int Number, DateTimeOffset? At, IReadOnlyList<LogSpan> Spans);

/// <summary>The size of a log so far.</summary>
/// <param name="Lines">The number of lines, including an incomplete last one.</param>
/// <param name="Length">The number of bytes.</param>
/// <param name="Sealed">Whether the log is complete.</param>
public sealed record LogState(int Lines, long Length, bool Sealed);

/// <summary>The numbers of the lines that contain a text.</summary>
/// <param name="Lines">In ascending order.</param>
/// <param name="More">Whether there may be more matches, after the maximum number.</param>
/// <param name="Cut">Whether only the beginning of a very long line was searched.</param>
/// <param name="Last">The last line that was searched; it may have been incomplete.</param>
public sealed record LogMatches(IReadOnlyList<int> Lines, bool More, bool Cut, int Last);

/// <summary>
/// The offset of every 200th line of a log, so that any part of a log of any length is found by a short read. Grows with the log; the
/// bytes themselves are not stored.
/// </summary>
#pragma warning disable CA1001 // A semaphore without a wait handle and a memory stream hold no unmanaged resources.
public sealed class LogIndex(ILogStore logs, ExecutionId execution)
{
#pragma warning restore CA1001
    private const int Stride = 200;
    private const int Chunk = 256 * 1024;
    private const int MaxMatches = 10_000;

    /// <summary>How many bytes of a line are read: an endless line must not fill the memory.</summary>
    private const int MaxLineBytes = 64 * 1024;

    private readonly SemaphoreSlim _growing = new(1, 1);
    private readonly List<Mark> _marks = [new(0, AnsiStyle.Plain)];
    private readonly byte[] _buffer = new byte[Chunk];
    private AnsiStyle _style = AnsiStyle.Plain;
    private OpenLine _open = new();
    private long _read;
    private int _lines;

    /// <summary>Indexes what was appended since the last call.</summary>
    public async Task<LogState> GrowAsync(CancellationToken cancellationToken)
    {
        await _growing.WaitAsync(cancellationToken);
        try
        {
            // Before reading: when the log is sealed now, what is read next is all of it.
            var info = await logs.Info(execution, cancellationToken);
            while (_read < info.Length)
            {
                var read = await logs.Read(execution, _read, _buffer, cancellationToken);
                if (read == 0)
                {
                    break;
                }

                Take(_buffer.AsSpan(0, read));
                _read += read;
            }

            return new(_lines + (_open.Length > 0 ? 1 : 0), _read, info.Sealed);
        }
        finally
        {
            _growing.Release();
        }
    }

    /// <summary>At most <paramref name="count"/> lines, starting with line number <paramref name="first"/>, from 1.</summary>
    public async Task<IReadOnlyList<LogLine>> ReadAsync(int first, int count, CancellationToken cancellationToken)
    {
        var lines = new List<LogLine>();
        var offsets = new List<long>();
        await foreach (var (number, offset, text, style, unread) in LinesAsync(first, cancellationToken))
        {
            if (lines.Count == count)
            {
                break;
            }

            var local = style;
            lines.Add(new(number, null, Ansi.Spans(text, ref local, unread)));
            offsets.Add(offset);
        }

        if (lines.Count == 0)
        {
            return lines;
        }

        var times = await logs.Times(execution, offsets[0], offsets[^1] + 1, cancellationToken);
        for (var (i, mark) = (0, -1); i < lines.Count; i++)
        {
            while (mark + 1 < times.Count && times[mark + 1].Offset <= offsets[i])
            {
                mark++;
            }

            lines[i] = mark < 0 ? lines[i] : lines[i] with { At = times[mark].At };
        }

        return lines;
    }

    /// <summary>The lines from <paramref name="first"/> on whose displayed text contains a text, ignoring case.</summary>
    public async Task<LogMatches> FindAsync(string text, int first, CancellationToken cancellationToken)
    {
        var found = new List<int>();
        var (isCut, last) = (false, first);
        await foreach (var (number, _, line, _, unread) in LinesAsync(first, cancellationToken))
        {
            last = number;
            isCut |= unread > 0;
            if (Ansi.Text(line).Contains(text, StringComparison.OrdinalIgnoreCase))
            {
                if (found.Count == MaxMatches)
                {
                    return new(found, true, isCut, last);
                }

                found.Add(number);
            }
        }

        return new(found, false, isCut, last);
    }

    private async IAsyncEnumerable<(int Number, long Offset, string Text, AnsiStyle Style, long Unread)> LinesAsync(
        int first,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        Mark mark;
        int number;
        long end;
        lock (_marks)
        {
            var index = Math.Clamp((first - 1) / Stride, 0, _marks.Count - 1);
            mark = _marks[index];
            number = (index * Stride) + 1;
            end = _read;
        }

        var style = mark.Style;
        var position = mark.Offset;
        var begin = position;
        var buffer = new byte[Chunk];
        using var open = new OpenLine();
        while (position < end)
        {
            var read = await logs.Read(
                execution,
                position,
                buffer.AsMemory(0, (int)Math.Min(buffer.Length, end - position)),
                cancellationToken
            );
            if (read == 0)
            {
                break;
            }

            var start = 0;
            while (Array.IndexOf(buffer, (byte)'\n', start, read - start) is var at and >= 0)
            {
                open.Add(buffer.AsSpan(start, at - start));
                start = at + 1;
                var (text, before, unread) = Finish(open, ref style);
                if (number >= first)
                {
                    yield return (number, begin, text, before, unread);
                }

                number++;
                begin = position + start;
            }

            open.Add(buffer.AsSpan(start, read - start));
            position += read;
        }

        if (open.Length > 0 && number >= first)
        {
            var (text, before, unread) = Finish(open, ref style);
            yield return (number, begin, text, before, unread);
        }
    }

    private static (string Text, AnsiStyle Before, long Unread) Finish(OpenLine open, ref AnsiStyle style)
    {
        var (before, unread) = (style, open.Unread);
        var text = Encoding.UTF8.GetString(open.Bytes);
        Ansi.Skip(open.Bytes, ref style);
        open.Clear();
        return (text, before, unread);
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        var position = _read;
        while (bytes.IndexOf((byte)'\n') is var at and >= 0)
        {
            if (_open.Length > 0)
            {
                _open.Add(bytes[..at]);
                Ansi.Skip(_open.Bytes, ref _style);
                _open = new OpenLine();
            }
            else
            {
                Ansi.Skip(bytes[..at], ref _style);
            }

            position += at + 1;
            bytes = bytes[(at + 1)..];
            if (++_lines % Stride == 0)
            {
                lock (_marks)
                {
                    _marks.Add(new(position, _style));
                }
            }
        }

        _open.Add(bytes);
    }

    private readonly record struct Mark(long Offset, AnsiStyle Style);

    /// <summary>
    /// A line that is not complete yet. Of a long line, only the beginning is stored, or what follows its last carriage return.
    /// </summary>
    private sealed class OpenLine : IDisposable
    {
        private readonly MemoryStream _kept = new();

        public long Length => _kept.Length;

        public ReadOnlySpan<byte> Bytes => _kept.GetBuffer().AsSpan(0, (int)_kept.Length);

        /// <summary>The number of characters that were not stored.</summary>
        public long Unread { get; private set; }

        public void Add(ReadOnlySpan<byte> bytes)
        {
            if (
                _kept.Length + bytes.Length > MaxLineBytes
                && bytes.LastIndexOf((byte)'\r') is var carriage and >= 0
                && carriage < bytes.Length - 1
            )
            {
                Clear();
                bytes = bytes[carriage..];
            }

            var room = (int)Math.Clamp(MaxLineBytes - _kept.Length, 0, bytes.Length);
            _kept.Write(bytes[..room]);
            foreach (var b in bytes[room..])
            {
                // Count characters: skip the continuation bytes of UTF-8.
                Unread += (b & 0xC0) == 0x80 ? 0 : 1;
            }
        }

        public void Clear()
        {
            _kept.SetLength(0);
            Unread = 0;
        }

        public void Dispose() => _kept.Dispose();
    }
}
