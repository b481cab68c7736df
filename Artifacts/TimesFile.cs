using System.Buffers.Binary;

namespace Shipinator.Artifacts;

/// <summary>
/// The times at which bytes of a log were printed: records of 16 bytes (an offset and milliseconds since 1970, both 64-bit little-endian),
/// ordered by offset. A record truncated by a crash is overwritten.
/// </summary>
internal static class TimesFile
{
    private const int RecordSize = 16;

    /// <summary>
    /// Adds the times of the bytes from <paramref name="from"/> to before <paramref name="to"/>; bytes without one get
    /// <paramref name="now"/>.
    /// </summary>
    public static async Task AppendAsync(
        string path,
        IReadOnlyList<LogTime> times,
        long from,
        long to,
        DateTimeOffset now,
        CancellationToken cancellationToken
    )
    {
        var marks = new List<LogTime>();
        foreach (var mark in times.Where(t => t.Offset < to).OrderBy(t => t.Offset))
        {
            // Of the marks before the new bytes, the last one applies to the first of them.
            if (mark.Offset <= from)
            {
                marks.Clear();
            }

            marks.Add(mark with { Offset = Math.Max(mark.Offset, from) });
        }

        if (marks.Count == 0 || marks[0].Offset > from)
        {
            marks.Insert(0, new(from, now));
        }

        var bytes = new byte[marks.Count * RecordSize];
        for (var i = 0; i < marks.Count; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * RecordSize), marks[i].Offset);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan((i * RecordSize) + 8), marks[i].At.ToUnixTimeMilliseconds());
        }

        using var handle = File.OpenHandle(
            path,
            FileMode.OpenOrCreate,
            FileAccess.Write,
            FileShare.ReadWrite | FileShare.Delete,
            FileOptions.Asynchronous
        );
        var whole = RandomAccess.GetLength(handle) / RecordSize * RecordSize;
        await RandomAccess.WriteAsync(handle, bytes, whole, cancellationToken);
    }

    /// <summary>The mark that applies to <paramref name="from"/>, and those up to before <paramref name="to"/>.</summary>
    public static async Task<IReadOnlyList<LogTime>> ReadAsync(string path, long from, long to, CancellationToken cancellationToken)
    {
        try
        {
            using var handle = File.OpenHandle(
                path,
                FileMode.Open,
                FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete,
                FileOptions.Asynchronous
            );
            var count = RandomAccess.GetLength(handle) / RecordSize;
            var first = await FirstAfterAsync(handle, count, from, cancellationToken) - 1;
            var end = await FirstAfterAsync(handle, count, to - 1, cancellationToken);
            first = Math.Max(first, 0);
            if (end <= first)
            {
                return [];
            }

            var bytes = new byte[(end - first) * RecordSize];
            await RandomAccess.ReadAsync(handle, bytes, first * RecordSize, cancellationToken);
            return [.. Enumerable.Range(0, (int)(end - first)).Select(i => Parse(bytes.AsSpan(i * RecordSize)))];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // Nothing was printed yet, or an older version wrote the log without times.
            return [];
        }
    }

    /// <summary>The index of the first mark whose offset is greater.</summary>
    private static async Task<long> FirstAfterAsync(
        Microsoft.Win32.SafeHandles.SafeFileHandle handle,
        long count,
        long offset,
        CancellationToken cancellationToken
    )
    {
        var (low, high) = (0L, count);
        var record = new byte[RecordSize];
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            await RandomAccess.ReadAsync(handle, record, middle * RecordSize, cancellationToken);
            if (Parse(record).Offset > offset)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    private static LogTime Parse(ReadOnlySpan<byte> record) =>
        new(
            BinaryPrimitives.ReadInt64LittleEndian(record),
            DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64LittleEndian(record[8..]))
        );
}
