using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>
/// The times at which bytes of the log were printed, until the server has them: while it is unreachable, the time of an append is not
/// the time of printing. Coarse (<see cref="Resolution"/>) and bounded: a log of many small writes costs little.
/// </summary>
internal sealed class LogTimestamps(TimeProvider time)
{
    private const int MaxMarks = 20_000;
    private static readonly TimeSpan Resolution = TimeSpan.FromMilliseconds(20);
    private readonly Lock _gate = new();
    private List<(long Offset, long At)> _marks = [];

    /// <summary>What is written from this offset on is printed now.</summary>
    public void Mark(long offset)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        lock (_gate)
        {
            // Output and error output are written concurrently: a mark may come late.
            if (_marks.Count > 0 && (offset <= _marks[^1].Offset || now - _marks[^1].At < Resolution.TotalMilliseconds))
            {
                return;
            }

            if (_marks.Count == MaxMarks)
            {
                // The server has been unreachable for very long: every second mark is enough.
                _marks = [.. _marks.Where((_, i) => i % 2 == 0)];
            }

            _marks.Add((offset, now));
        }
    }

    /// <summary>The marks for the bytes of a chunk, from the one that covers its first byte on; at most as many as allowed.</summary>
    public IReadOnlyList<(long Offset, long At)> Between(long from, long to)
    {
        lock (_gate)
        {
            var first = Math.Max(0, _marks.FindLastIndex(m => m.Offset <= from));
            var end = _marks.FindIndex(first, m => m.Offset >= to) is var at and >= 0 ? at : _marks.Count;
            var step = Math.Max(1, (int)Math.Ceiling((end - first) / (double)RunnerClient.MaxLogTimes));
            return [.. _marks.Take(first..end).Where((_, i) => i % step == 0)];
        }
    }

    /// <summary>Drops the marks of bytes that the server has: all before this offset.</summary>
    public void Forget(long offset)
    {
        lock (_gate)
        {
            // The last mark before it still covers what follows.
            var last = _marks.FindLastIndex(m => m.Offset <= offset);
            if (last > 0)
            {
                _marks.RemoveRange(0, last);
            }
        }
    }
}
