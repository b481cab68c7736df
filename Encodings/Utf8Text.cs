using System.Buffers;
using System.Globalization;
using System.Text;

namespace Shipinator.Encodings;

/// <summary>Decodes UTF-8 strictly: replacing invalid bytes by U+FFFD would run another script than was written.</summary>
internal static class Utf8Text
{
    /// <summary>
    /// The text without a byte order mark; null, with the position in <paramref name="problem"/>, when the bytes are not UTF-8.
    /// </summary>
    public static string? Read(ReadOnlySpan<byte> bytes, out Utf8Problem? problem)
    {
        problem = Wide(bytes);
        if (problem is not null)
        {
            return null;
        }

        var text = bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
        var skipped = bytes.Length - text.Length;
        var rest = text;
        while (!rest.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(rest, out _, out var length);
            if (status != OperationStatus.Done)
            {
                problem = At(bytes, skipped + text.Length - rest.Length, null);
                return null;
            }

            rest = rest[length..];
        }

        return Encoding.UTF8.GetString(text);
    }

    private static Utf8Problem? Wide(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith<byte>([0xFF, 0xFE]) || bytes.StartsWith<byte>([0xFE, 0xFF]) ? At(bytes, 0, "UTF-16")
        : bytes.Length >= 2 && (bytes[0] == 0) != (bytes[1] == 0) ? At(bytes, bytes[0] == 0 ? 0 : 1, "UTF-16")
        : null;

    private static Utf8Problem At(ReadOnlySpan<byte> bytes, int offset, string? looksLike)
    {
        var before = bytes[..offset];
        var start = before.LastIndexOf((byte)'\n') + 1;
        return new(
            before.Count((byte)'\n') + 1,
            Encoding.UTF8.GetString(before[start..]).TrimStart('\uFEFF').Length + 1,
            string.Create(
                CultureInfo.InvariantCulture,
                $"The byte 0x{bytes[offset]:X2} at offset {offset} is not valid "
                    + $"UTF-8{(looksLike is null ? "" : $"; the file looks like {looksLike}")}. "
                    + $"Save the file as UTF-8."
            )
        );
    }
}

/// <summary>The position of the first byte that is not valid UTF-8.</summary>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1.</param>
/// <param name="Message">What is wrong and how to fix it.</param>
internal sealed record Utf8Problem(int Line, int Column, string Message);
