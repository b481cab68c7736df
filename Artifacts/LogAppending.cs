using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Shipinator.Artifacts;

/// <summary>Writes one append while the log is locked: masked, truncated at the limit, at its offset.</summary>
internal static class LogAppending
{
    private const byte Star = (byte)'*';

    /// <summary>Appends the bytes to a log of the given length. Returns the new length.</summary>
    public static async Task<long> WriteAsync(
        SafeFileHandle file,
        long length,
        ReadOnlyMemory<byte> bytes,
        LogRules rules,
        CancellationToken cancellationToken
    )
    {
        var kept = rules.MaxBytes is { } most && bytes.Length > most - length ? bytes[..(int)Math.Max(0, most - length)] : bytes;
        var written = rules.Masker is null ? kept : await MaskAsync(file, length, kept, rules.Masker, cancellationToken);
        await RandomAccess.WriteAsync(file, written, length, cancellationToken);
        length += written.Length;
        if (kept.Length == bytes.Length)
        {
            return length;
        }

        var notice = Encoding.UTF8.GetBytes($"\n{rules.FullNotice}\n");
        await RandomAccess.WriteAsync(file, notice, length, cancellationToken);
        return length + notice.Length;
    }

    /// <summary>Whether a log of this length is full, that is, ends with the notice.</summary>
    public static bool IsFull(long length, LogRules rules) => length > rules.MaxBytes;

    private static async Task<ReadOnlyMemory<byte>> MaskAsync(
        SafeFileHandle file,
        long length,
        ReadOnlyMemory<byte> fresh,
        ILogMasker masker,
        CancellationToken cancellationToken
    )
    {
        var found = new List<(long Start, long End)>();
        if (masker.Position != length)
        {
            // Another silo appended the bytes before these: the masker restarts from what is stored.
            var start = Math.Max(0, length - masker.Reach);
            var tail = new byte[length - start];
            var read = await RandomAccess.ReadAsync(file, tail, start, cancellationToken);
            masker.Restart(start);
            found.AddRange(masker.Feed(tail.AsSpan(0, read)));
        }

        found.AddRange(masker.Feed(fresh.Span));
        if (found.Count == 0)
        {
            return fresh;
        }

        var first = found.Min(r => r.Start);
        if (first < length)
        {
            var stored = new byte[length - first];
            await RandomAccess.ReadAsync(file, stored, first, cancellationToken);
            Hide(stored, first, found);
            await RandomAccess.WriteAsync(file, stored, first, cancellationToken);
        }

        var masked = fresh.ToArray();
        Hide(masked, length, found);
        return masked;
    }

    /// <summary>Replaces byte by byte, so that no offset changes; line breaks are kept.</summary>
    private static void Hide(Span<byte> bytes, long at, List<(long Start, long End)> found)
    {
        foreach (var (start, end) in found)
        {
            for (var i = (int)Math.Max(0, start - at); i < Math.Min(bytes.Length, end - at); i++)
            {
                bytes[i] = bytes[i] is (byte)'\n' or (byte)'\r' ? bytes[i] : Star;
            }
        }
    }
}
