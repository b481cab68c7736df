using System.Text;

namespace Shipinator.WebFrontend.Logs;

/// <summary>A line of a log; the first has number 1. <paramref name="At"/>: when it was printed, if that is known.</summary>
public sealed record LogLine(int Number, DateTimeOffset? At, IReadOnlyList<LogSpan> Spans);

/// <summary>How far a log is known.</summary>
public sealed record LogState(int Lines, long Length, bool Sealed);

/// <summary>Lines that hold a text: their numbers; <see cref="More"/>: there are others that were not looked for.</summary>
public sealed record LogMatches(IReadOnlyList<int> Lines, bool More);

/// <summary>
/// Where the lines of a log begin: one mark for every so many lines, so that any part of a log of any length is found by one
/// short read. Grows with the log; the bytes themselves are not kept.
/// </summary>
#pragma warning disable CA1001 // Neither a semaphore without a wait handle nor a memory stream holds anything but memory.
public sealed class LogIndex(ILogStore logs, ExecutionId execution)
{
#pragma warning restore CA1001
    private const int Stride = 200;
    private const int Chunk = 256 * 1024;
    private const int MostMatches = 10_000;

    /// <summary>No screen shows more of a line; one without an end must not fill the memory.</summary>
    private const int LongestLine = 64 * 1024;

    private readonly SemaphoreSlim _growing = new(1, 1);
    private readonly List<Mark> _marks = [new(0, AnsiStyle.Plain)];
    private readonly byte[] _buffer = new byte[Chunk];
    private AnsiStyle _style = AnsiStyle.Plain;
    private MemoryStream _open = new();
    private long _read;
    private int _lines;

    /// <summary>Reads what is new.</summary>
    public async Task<LogState> GrowAsync(CancellationToken cancellationToken)
    {
        await _growing.WaitAsync(cancellationToken);
        try
        {
            // Asked first: a seal seen now means that what is read after it is all.
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

    /// <summary>Lines from <paramref name="first"/> (from 1), at most <paramref name="count"/>.</summary>
    public async Task<IReadOnlyList<LogLine>> ReadAsync(int first, int count, CancellationToken cancellationToken)
    {
        var lines = new List<LogLine>();
        var offsets = new List<long>();
        await foreach (var (number, offset, text, style) in LinesAsync(first, cancellationToken))
        {
            if (lines.Count == count)
            {
                break;
            }

            var local = style;
            lines.Add(new(number, null, Ansi.Spans(text, ref local)));
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

    /// <summary>The lines that hold a text, whatever its case.</summary>
    public async Task<LogMatches> FindAsync(string text, CancellationToken cancellationToken)
    {
        var found = new List<int>();
        await foreach (var (number, _, line, style) in LinesAsync(1, cancellationToken))
        {
            var plain = line;
            if (line.Contains('\u001b'))
            {
                var local = style;
                plain = string.Concat(Ansi.Spans(line, ref local).Select(s => s.Text));
            }

            if (plain.Contains(text, StringComparison.OrdinalIgnoreCase))
            {
                if (found.Count == MostMatches)
                {
                    return new(found, true);
                }

                found.Add(number);
            }
        }

        return new(found, false);
    }

    private async IAsyncEnumerable<(int Number, long Offset, string Text, AnsiStyle Style)> LinesAsync(
        int first, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
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
        using var open = new MemoryStream();
        while (position < end)
        {
            var read = await logs.Read(execution, position, buffer.AsMemory(0, (int)Math.Min(buffer.Length, end - position)), cancellationToken);
            if (read == 0)
            {
                break;
            }

            var start = 0;
            while (Array.IndexOf(buffer, (byte)'\n', start, read - start) is var at and >= 0)
            {
                Add(open, buffer.AsSpan(start, at - start));
                start = at + 1;
                var (text, before) = Finish(open, ref style);
                if (number >= first)
                {
                    yield return (number, begin, text, before);
                }

                number++;
                begin = position + start;
            }

            Add(open, buffer.AsSpan(start, read - start));
            position += read;
        }

        if (open.Length > 0 && number >= first)
        {
            var (text, before) = Finish(open, ref style);
            yield return (number, begin, text, before);
        }
    }

    private static (string Text, AnsiStyle Before) Finish(MemoryStream open, ref AnsiStyle style)
    {
        var before = style;
        var bytes = open.GetBuffer().AsSpan(0, (int)open.Length);
        var text = Encoding.UTF8.GetString(bytes);
        Ansi.Skip(bytes, ref style);
        open.SetLength(0);
        return (text, before);
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        var position = _read;
        while (bytes.IndexOf((byte)'\n') is var at and >= 0)
        {
            if (_open.Length > 0)
            {
                Add(_open, bytes[..at]);
                Ansi.Skip(_open.GetBuffer().AsSpan(0, (int)_open.Length), ref _style);
                _open = new MemoryStream();
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

        Add(_open, bytes);
    }

    /// <summary>A part of a line; of a long one the beginning is kept, or what came after the last return of the carriage.</summary>
    private static void Add(MemoryStream open, ReadOnlySpan<byte> bytes)
    {
        if (open.Length + bytes.Length > LongestLine && bytes.LastIndexOf((byte)'\r') is var carriage and >= 0 && carriage < bytes.Length - 1)
        {
            open.SetLength(0);
            bytes = bytes[carriage..];
        }

        open.Write(bytes[..(int)Math.Clamp(LongestLine - open.Length, 0, bytes.Length)]);
    }

    private readonly record struct Mark(long Offset, AnsiStyle Style);
}
