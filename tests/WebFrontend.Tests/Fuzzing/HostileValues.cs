using System.Globalization;
using System.Text;

namespace Shipinator.WebFrontend.Tests.Fuzzing;

/// <summary>Hostile values; the draws depend on the seed of the random numbers only.</summary>
internal sealed class HostileValues(Random random, IReadOnlyList<string> ids)
{
    private static readonly string[] Texts =
    [
        "",
        " ",
        "\0",
        "a\0b",
        "\ud800",
        "a\udc00",
        "\ud83d\ude00",
        "é",
        "\u202egnp.exe",
        "\u200b",
        "\x1b[2J\x1b]0;x\a",
        "\r\nSet-Cookie: a=b",
        "../../etc/passwd",
        "..\\..",
        "/",
        "//",
        "/é",
        "%00",
        "%ff%fe",
        "%",
        "%zz",
        "{{ .secrets.a }}",
        "'; DROP TABLE projects; --",
        "<script>alert(1)</script>",
        "javascript:alert(1)",
        "null",
        "true",
        "NaN",
        "0x10",
        "1e309",
        "-0",
        "-1",
        "0",
        "1",
        "2147483648",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999999",
        "1.5",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "10000-01-01T00:00:00Z",
        "running",
        "success",
        "failed",
        "canceled",
        "skipped",
        "main",
        "refs/heads/main",
        "HEAD",
        "--upload-pack=touch /tmp/x",
        "@{u}",
        "git",
        "github",
        "process",
        "kubernetes",
        "none",
        "admin",
        "start",
        "https://user:pass@host.invalid/x",
        "file:///etc/passwd",
        "ext::sh -c x",
        "http://[::1",
        "http://127.0.0.1:1/x.git",
        "/nowhere/at/all",
        "cnVuczow",
        "cnVuczowMDAwMDAwMA",
        "aGlzdG9yeTowLjA",
        "aGlzdG9yeTo5OTk5OTk5OTk5OTk5OTk5OTk5OS4x",
        "version: 1\nbuild:\n  steps:\n    - { name: a, run: x }\n",
        "a: &a [*a]",
        "- - - -",
        "{",
        "\t",
        "cron: \"H 3 * * *\"",
        "text/html",
        "application/octet-stream",
    ];

    private static readonly string[] JsonTexts =
    [
        "null",
        "true",
        "1",
        "-1",
        "1.5",
        "1e400",
        "99999999999999999999",
        "[]",
        "{}",
        "[null]",
        "{\"a\":null}",
        "{\"a\":\"b\"}",
        "{\"a\":{\"b\":1}}",
        "[1,\"2\",null]",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "\"\\ud83d\\ude00\"",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "{\"a\":1,\"a\":2}",
        "NaN",
        "'x'",
        "\"",
        "",
        "{\"$type\":\"x\"}",
    ];

    public string Text() =>
        random.Next(12) switch
        {
            0 => ids[random.Next(ids.Count)],
            1 => new string((char)random.Next(32, 127), random.Next(1, 6000)),
            2 => new string([.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => (char)random.Next(0, 0x10000))]),
            _ => Texts[random.Next(Texts.Length)],
        };

    /// <summary>A value for a path or a query: encoded, encoded wrongly, or as bytes that are not UTF-8.</summary>
    public string Part()
    {
        var text = Text();
        return random.Next(6) switch
        {
            0 => string.Concat(
                Encoding
                    .Latin1.GetBytes(text[..Math.Min(200, text.Length)])
                    .Select(b => "%" + b.ToString("X2", CultureInfo.InvariantCulture))
            ),
            1 => "%" + Uri.EscapeDataString(Clean(text)),
            _ => Uri.EscapeDataString(Clean(text)),
        };
    }

    public string Json() =>
        random.Next(3) == 0
            ? JsonTexts[random.Next(JsonTexts.Length)]
            : System
                .Text.Json.JsonSerializer.Serialize(Clean(Text()))
                .Replace("\\u0000", random.Next(2) == 0 ? "\\u0000" : "\\ud800", StringComparison.Ordinal);

    public string Header() => new([.. Text().Where(c => c is not ('\r' or '\n' or '\0')).Take(2000)]);

    private static string Clean(string text) =>
        text.Length > 3000 ? text[..3000].Replace('\ud800', 'x') : new([.. text.Select(c => char.IsSurrogate(c) ? 'x' : c)]);
}
