using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CsCheck;
using Shipinator.Client.Masking;

namespace Shipinator.Runner.Tests;

/// <summary>The forms in which programs print a secret, each cut into pieces of any size.</summary>
public sealed class MaskerFormsTests
{
    private const string Secret = "it's a \"pass\"\\word/with+signs%2B & é ßünd more of it than fits into a line of base64 at all";

    private static readonly (string Name, Func<string, string> Form)[] AllForms =
    [
        ("raw", s => s),
        ("base64", s => Base64(s)),
        ("base64 with something before", s => Base64("u:" + s + ":tail")),
        ("base64 with one byte before", s => Base64("u" + s + ":tail")),
        ("base64 of a line", s => Base64(s + "\n")),
        ("base64 unpadded", s => Base64(s).TrimEnd('=')),
        ("base64url", s => Base64(s).Replace('+', '-').Replace('/', '_').TrimEnd('=')),
        ("base64 wrapped at 76", s => Wrap(Base64("user:" + s), 76, "\n")),
        ("base64 wrapped at 64", s => Wrap(Base64(s), 64, "\n")),
        ("base64 wrapped at 76 with carriage returns", s => Wrap(Base64(s), 76, "\r\n")),
        ("base64 wrapped in YAML", s => Wrap(Base64(s), 64, "\n      ")),
        ("base64 wrapped in JSON", s => Wrap(Base64(s), 76, "\\n")),
        ("base64 in a URL", s => Uri.EscapeDataString(Base64(s))),
        ("base64 twice", s => Base64("{\"auth\":\"" + Base64("user:" + s) + "\"}")),
        ("URL", Uri.EscapeDataString),
        ("URL in lower case", s => LowerHex(Uri.EscapeDataString(s))),
        ("URL twice", s => Uri.EscapeDataString(Uri.EscapeDataString(s))),
        ("form", s => Uri.EscapeDataString(s).Replace("%20", "+", StringComparison.Ordinal)),
        ("Python quote", s => Uri.EscapeDataString(s).Replace("%2F", "/", StringComparison.Ordinal)),
        ("encodeURIComponent", s => Uri.EscapeDataString(s).Replace("%27", "'", StringComparison.Ordinal)),
        ("JSON", s => JsonSerializer.Serialize(s)),
        ("JSON relaxed", Relaxed),
        ("JSON in JSON", s => JsonSerializer.Serialize(JsonSerializer.Serialize(s))),
        ("JSON in JSON relaxed", s => Relaxed(Relaxed(s))),
        ("JSON in JSON in JSON", s => JsonSerializer.Serialize(JsonSerializer.Serialize(JsonSerializer.Serialize(s)))),
        ("Python repr in JSON", s => JsonSerializer.Serialize(PythonRepr(s))),
        ("JSON in a C text in JSON", s => JsonSerializer.Serialize(CText(JsonSerializer.Serialize(s)))),
        ("bash -x", s => "'" + s.Replace("'", @"'\''", StringComparison.Ordinal) + "'"),
        ("shlex.quote", s => "'" + s.Replace("'", "'\"'\"'", StringComparison.Ordinal) + "'"),
        ("printf %q", s => string.Concat(s.Select(c => char.IsLetterOrDigit(c) || c > 127 ? c.ToString() : "\\" + c))),
        (
            "$'…'",
            s =>
                "$'"
                + string.Concat(
                    Encoding
                        .UTF8.GetBytes(s)
                        .Select(b =>
                            b > 127 ? "\\" + Convert.ToString(b, 8)
                            : b is (byte)'\'' or (byte)'\\' ? "\\" + (char)b
                            : ((char)b).ToString()
                        )
                )
                + "'"
        ),
        ("Python repr", PythonRepr),
        (
            "Python repr of bytes",
            s =>
                "b'"
                + string.Concat(
                    Encoding
                        .UTF8.GetBytes(s)
                        .Select(b =>
                            b > 127 ? $"\\x{b:x2}"
                            : b is (byte)'\'' or (byte)'\\' ? "\\" + (char)b
                            : ((char)b).ToString()
                        )
                )
                + "'"
        ),
        ("SQL", s => "'" + s.Replace("'", "''", StringComparison.Ordinal) + "'"),
        (
            "XML",
            s =>
                s.Replace("&", "&amp;", StringComparison.Ordinal)
                    .Replace("\"", "&quot;", StringComparison.Ordinal)
                    .Replace("'", "&#39;", StringComparison.Ordinal)
        ),
        ("doubled percent signs", s => s.Replace("%", "%%", StringComparison.Ordinal)),
        ("hex", s => Convert.ToHexStringLower(Encoding.UTF8.GetBytes(s))),
        ("hex in upper case", s => Convert.ToHexString(Encoding.UTF8.GetBytes(s))),
        ("od", s => string.Join(' ', Encoding.UTF8.GetBytes(s).Select(b => b.ToString("x2", CultureInfo.InvariantCulture)))),
        ("openssl", s => string.Join(':', Encoding.UTF8.GetBytes(s).Select(b => b.ToString("X2", CultureInfo.InvariantCulture)))),
        ("xxd -p", s => Wrap(Convert.ToHexStringLower(Encoding.UTF8.GetBytes(s)), 60, "\n")),
        ("C array", s => string.Join(", ", Encoding.UTF8.GetBytes(s).Select(b => $"0x{b:x2}"))),
        ("escaped hex", s => string.Concat(Encoding.UTF8.GetBytes(s).Select(b => $"\\x{b:X2}"))),
        ("split by a color", s => s[..5] + "\e[1;31m" + s[5..9] + "\e[0m" + s[9..]),
        ("split by tput sgr0", s => s[..5] + "\e(B\e[m" + s[5..]),
        ("a color in Base64", s => Base64(s)[..9] + "\e[31m" + Base64(s)[9..]),
        ("split by a link", s => s[..5] + "\e]8;;https://example.org/a\a" + s[5..9] + "\e]8;;\e\\" + s[9..]),
        ("split by a title", s => s[..5] + "\e]0;a title\e\\" + s[5..]),
        (
            "Python ascii",
            s =>
                "'"
                + string.Concat(
                    s.Select(c =>
                        c > 127 ? $"\\x{(int)c:x2}"
                        : c is '\'' or '\\' ? "\\" + c
                        : c.ToString()
                    )
                )
                + "'"
        ),
        (
            "YAML in double quotes",
            s =>
                "\""
                + string.Concat(
                    s.Select(c =>
                        c > 127 ? $"\\x{(int)c:X2}"
                        : c is '"' or '\\' ? "\\" + c
                        : c.ToString()
                    )
                )
                + "\""
        ),
        (
            "JavaScript with quotes in hex",
            s =>
                "'"
                + string.Concat(
                    s.Select(c =>
                        c > 127 || c is '\'' or '"' ? $"\\x{(int)c:x2}"
                        : c is '\\' ? "\\\\"
                        : c.ToString()
                    )
                )
                + "'"
        ),
        ("escaped octal", s => string.Concat(Encoding.UTF8.GetBytes(s).Select(b => "\\" + Convert.ToString(b, 8).PadLeft(3, '0')))),
        ("NUL between", s => string.Join('\0', s.ToCharArray())),
    ];

    public static TheoryData<string> Forms => [.. AllForms.Select(f => f.Name)];

    [Theory]
    [MemberData(nameof(Forms))]
    public void Write_AnyForm_IsMaskedCompletely(string name)
    {
        var form = AllForms.Single(f => f.Name == name).Form(Secret);
        foreach (var piece in new[] { 1, 2, 3, 7, 64, 100_000 })
        {
            var output = Mask([Secret], $"before {form} after", piece);
            Assert.StartsWith("before ", output, StringComparison.Ordinal);
            Assert.EndsWith(" after", output, StringComparison.Ordinal);
            // Quotes, padding and what was encoded along with it may remain; nothing as long as the secret does.
            Assert.InRange(
                output.Length,
                "before ******** after".Length,
                "before ******** after".Length
                    + (name.Contains("twice", StringComparison.Ordinal) || name.Split(" in ").Length > 2 ? 40 : 14)
            );
        }
    }

    [Theory]
    [InlineData("abcd", "YWJjZA==")]
    [InlineData("abcd", "YWJjZA")]
    [InlineData("abcd", "YWJjZAo=")]
    [InlineData("hunter2", "aHVudGVyMg")]
    [InlineData("hunter2", "68756e74657232")]
    [InlineData("pa$w0rd%s", "pa$$w0rd%%s")]
    [InlineData("$$pa$$w0rd%", "$$$$pa$$$$w0rd%%")]
    public void Write_ShortSecret_IsMaskedInItsForms(string secret, string form) =>
        Assert.DoesNotContain(form, Mask([secret], $"x {form} y", 2), StringComparison.Ordinal);

    /// <summary>Secrets with backslash sequences of their own beside characters that each escaping writes as a code.</summary>
    [Theory]
    [InlineData("C:\\new\\table+'quoted'\\u0041\\x41\\101", 3)]
    [InlineData("a\\\\n\\\"b\\+c\nreal \\\n end\\", 3)]
    [InlineData("no sequence, but + and \"quotes\" and \\ and\nlines", 6)]
    public void Write_SecretEscapedSeveralTimes_IsMasked(string secret, int times)
    {
        foreach (var escape in new Func<string, string>[] { s => JsonSerializer.Serialize(s), Relaxed, PythonRepr, CText })
        {
            var form = escape(secret);
            for (var i = 1; i <= times; i++)
            {
                var output = Mask([secret], $"before {form} after", 5);
                Assert.DoesNotMatch(string.Join('|', System.Text.RegularExpressions.Regex.Matches(secret, "[a-z]{3,}")), output);
                form = JsonSerializer.Serialize(form);
            }
        }
    }

    [Fact]
    public void Write_SecretBelowTheMinimumLength_MasksNothing() => Assert.Equal("abc abcabc", Mask(["abc", "", "  \n "], "abc abcabc", 2));

    [Fact]
    public void Write_JsonSecret_MasksItsTextsAndTheirLines()
    {
        const string key = """-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n""";
        var secret = $$"""{"type": "x", "private_key": "{{key}}", "inner": [{"token": "deep-token\u0021"}], "on": true}""";
        var output = Mask([secret], "-----BEGIN KEY-----\r\nMIIEvQIBADANBg\r\n  kqhkiG9w0BAQEF\r\ntoken deep-token! type x true", 3);
        foreach (var part in new[] { "MIIEvQIBADANBg", "kqhkiG9w0BAQEF", "deep-token" })
        {
            Assert.DoesNotContain(part, output, StringComparison.Ordinal);
        }

        Assert.EndsWith(" type x true", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_DecodedBase64Secret_IsMasked() =>
        Assert.Equal(
            "user: ********",
            Mask([Base64("server: https://x.example\nclient-key: 0123456789\n")], "user: client-key: 0123456789", 4)
        );

    [Fact]
    public void Write_AnySecretInAnyForm_IsMasked() =>
        Gen.Select(
                Gen.String[Gen.Char[' ', '~'], 10, 60],
                Gen.Int[0, AllForms.Length - 1],
                Gen.String[Gen.Char[' ', '~'], 0, 40],
                Gen.Int[1, 90]
            )
            .Sample(
                (secret, index, around, piece) =>
                {
                    var form = AllForms[index];
                    if (secret.Count(c => !"\"'\\ ".Contains(c, StringComparison.Ordinal)) < 8)
                    {
                        return;
                    }

                    var written = form.Form(secret);
                    var output = Mask([secret], $"{around}\n\n{written}\n\n{around}", piece);
                    Assert.DoesNotContain(written, output, StringComparison.Ordinal);
                    Assert.DoesNotContain(secret, output, StringComparison.Ordinal);
                },
                iter: 3000
            );

    [Fact]
    public void Write_AnyPieces_AreMaskedAlike() =>
        Gen.Select(Gen.String[Gen.Char["ab\\'%2\n\eMG1[="], 0, 200], Gen.Int[1, 30])
            .Sample(
                (text, piece) => Assert.Equal(Mask(["ab1a", "%2b'a1"], text, 100_000), Mask(["ab1a", "%2b'a1"], text, piece)),
                iter: 3000
            );

    [Fact]
    public void Write_OrdinaryLines_AreNotHeldBack()
    {
        var output = new StringBuilder();
        var masker = new Masker([Secret, "shx_token-of-an-execution"], b => output.Append(Encoding.UTF8.GetString(b.Span)));
        foreach (var line in new[] { "Restoring packages\n", "1234 of 5678 done\n", "it is\n", "\e[32mok\e[0m\n", "YWJj\n" })
        {
            masker.Write(Encoding.UTF8.GetBytes(line));
            Assert.EndsWith(line, output.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Write_EndlesslyOverlappingSecrets_AreMaskedOnce()
    {
        var length = 0L;
        var masker = new Masker(["aaaa"], b => length += b.Length);
        var piece = Encoding.UTF8.GetBytes(new string('a', 1 << 16));
        for (var i = 0; i < 20; i++)
        {
            masker.Write(piece);
        }

        masker.Flush();
        Assert.Equal(8, length);
    }

    /// <summary>Compared with a shorter pass, not with the clock: quadratic time would be a thousand times more.</summary>
    [Fact]
    public void Write_BytesThatAlmostMatch_TakeLinearTime()
    {
        var secret = new string('a', 4000) + "b";
        TimeSpan Take(int count)
        {
            var masker = new Masker([secret], _ => { });
            var piece = Encoding.UTF8.GetBytes(new string('a', 4096));
            var start = TimeProvider.System.GetTimestamp();
            for (var i = 0; i < count; i++)
            {
                masker.Write(piece);
            }

            return TimeProvider.System.GetElapsedTime(start);
        }

        Take(8);
        var (small, large) = (Take(32), Take(256));
        Assert.True(large < (small * 40) + TimeSpan.FromSeconds(1), $"{small} for one part, {large} for eight.");
    }

    [Fact]
    public void Scanner_StartedAtItsReach_FindsTheSame()
    {
        var set = new SecretSet([Secret]);
        foreach (var (name, form) in AllForms)
        {
            var bytes = Encoding.UTF8.GetBytes(new string('.', set.Reach) + " " + form(Secret));
            var (whole, late) = (new List<ByteRange>(), new List<ByteRange>());
            new SecretScanner(set).Feed(bytes, whole);
            var from = bytes.Length - set.Reach;
            new SecretScanner(set, from).Feed(bytes.AsSpan(from), late);
            Assert.True(whole.Count > 0 && whole[^1] == late[^1], name);
        }
    }

    private static string Relaxed(string text) => JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString();

    private static string PythonRepr(string text) =>
        "'"
        + text.Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("'", "\\'", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal)
        + "'";

    private static string CText(string text) =>
        "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static string Wrap(string text, int width, string end) => string.Join(end, text.Chunk(width).Select(c => new string(c)));

    private static string LowerHex(string text) =>
        System.Text.RegularExpressions.Regex.Replace(text, "%..", m => m.Value.ToLowerInvariant());

    private static string Mask(string[] secrets, string text, int piece)
    {
        using var output = new MemoryStream();
        var masker = new Masker(secrets, b => output.Write(b.Span));
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var i = 0; i < bytes.Length; i += piece)
        {
            masker.Write(bytes.AsMemory(i, Math.Min(piece, bytes.Length - i)));
        }

        masker.Flush();
        return Encoding.UTF8.GetString(output.ToArray());
    }
}
