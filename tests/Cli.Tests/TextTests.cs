using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using Shipinator.Cli.IO;

namespace Shipinator.Cli.Tests;

/// <summary>Line splitting and sanitizing.</summary>
public sealed partial class TextTests
{
    [Theory]
    [InlineData("plain\ttext", true, "plain\ttext")]
    [InlineData("\u001b[31mred\u001b[0m", true, "\u001b[31mred\u001b[0m")]
    [InlineData("\u001b[31mred\u001b[0m", false, "red")]
    [InlineData("a\u001b[2Jb\u001b[Hc", true, "abc")]
    [InlineData("\u001b]0;title\u0007x", true, "x")]
    [InlineData("\u001b]52;c;ZXZpbA==\u001b\\x", true, "x")]
    [InlineData("\u001bPq#0\u001b\\x", true, "x")]
    [InlineData("a\bb\u0000c\u009b31m", true, "abc\u001b[31m")]
    [InlineData("a\bb\u0000c\u009b31m", false, "abc")]
    [InlineData("\u001b", true, "")]
    [InlineData("\u001b \u001b\u001b[0K[2J", true, "[2J")]
    [InlineData("\u001b\u001b[31m]0;title\u0007x", true, "\u001b[31m]0;titlex")]
    [InlineData("\u001b[\u001b[1m2J", true, "\u001b[1m2J")]
    [InlineData("\u001b]0;t\u001b[31mred", true, "\u001b[31mred")]
    [InlineData("\u009d0;title\u009cx", true, "x")]
    [InlineData("\u001b[31;4:3;1mx", true, "\u001b[31;4:3;1mx")]
    [InlineData("\u001b[>4;2mx\u001b[?25mx\u001b[1 mx", true, "xxx")]
    [InlineData("\u001bcx\u001b(0x\u001b#8x", true, "xxx")]
    [InlineData("a\u202eb", true, "a\\u{202E}b")]
    [InlineData("👩\u200d💻", true, "👩\u200d💻")]
    public void Log_Line_KeepsTextAndColors(string line, bool colors, string expected) =>
        Assert.Equal(expected, TerminalText.Log(line, colors));

    [Theory]
    [InlineData("plain größe 漢字", "plain größe 漢字")]
    [InlineData("a\u001b]0;X\u0007", "a\\u{001B}]0;X\\u{0007}")]
    [InlineData("two\nlines\t", "two\\u{000A}lines\\u{0009}")]
    [InlineData("safe\u202egnp.exe", "safe\\u{202E}gnp.exe")]
    [InlineData("ad\u200bmin\u00ad\ufeff", "ad\\u{200B}min\\u{00AD}\\u{FEFF}")]
    [InlineData("\u3164\u00a0\u2028\ue000", "\\u{3164}\\u{00A0}\\u{2028}\\u{E000}")]
    [InlineData("\udb40\udc41", "\\u{E0041}")]
    public void Name_InvisibleCharacters_AreShown(string name, string expected) => Assert.Equal(expected, TerminalText.Name(name));

    /// <summary>Not a theory: an attribute argument can't contain a lone surrogate.</summary>
    [Fact]
    public void Name_LoneSurrogate_IsReplaced() => Assert.Equal("\ufffdx", TerminalText.Name("\ud800x"));

    [Fact]
    public void Message_SeveralLines_AreKept() => Assert.Equal("a\n\tb\\u{001B}[2J\\u{000D}", TerminalText.Message("a\r\n\tb\u001b[2J\r"));

    private static readonly string[] Pieces =
    [
        "\u001b",
        "[",
        "]",
        "0",
        ";",
        "m",
        "2J",
        "K",
        "\u0007",
        "\\",
        "\u009b",
        "\u009d",
        "P",
        "X",
        "^",
        "_",
        " ",
        "(",
        "#",
        "?",
        "a",
        "\u202e",
        "\ud800",
        "é",
    ];

    /// <summary>For any text: only complete color sequences remain, and sanitizing is idempotent.</summary>
    [Fact]
    public void Sanitize_AnyText_IsSafeAndIdempotent() =>
        Gen.Int[0, Pieces.Length - 1]
            .Select(i => Pieces[i])
            .Array[0, 24]
            .Select(string.Concat)
            .Sample(text =>
            {
                foreach (
                    var clean in new[]
                    {
                        TerminalText.Log(text, true),
                        TerminalText.Log(text, false),
                        TerminalText.Name(text),
                        TerminalText.Message(text),
                    }
                )
                {
                    Assert.DoesNotContain(WholeColor().Replace(clean, ""), c => char.IsControl(c) || c == '\u202e');
                }

                Assert.Equal(TerminalText.Log(text, true), TerminalText.Log(TerminalText.Log(text, true), true));
                Assert.Equal(TerminalText.Log(text, false), TerminalText.Log(TerminalText.Log(text, false), false));
                Assert.Equal(TerminalText.Name(text), TerminalText.Name(TerminalText.Name(text)));
            });

    [GeneratedRegex("\u001b\\[[0-9;:]*m")]
    private static partial Regex WholeColor();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(1000)]
    public void Append_ChunksOfAnySize_YieldTheSameLines(int size)
    {
        var lines = new List<string>();
        var splitter = new LineSplitter(lines.Add);
        foreach (var piece in Encoding.UTF8.GetBytes("größe €\r\n10%\r50%\r100%\n\nend").Chunk(size))
        {
            splitter.Append(piece);
        }

        splitter.Complete();
        Assert.Equal(["größe €", "100%", "", "end"], lines);
    }

    [Theory]
    [InlineData(0.04, "0.0s")]
    [InlineData(59.94, "59.9s")]
    [InlineData(61, "1m01s")]
    [InlineData(3700, "1h01m")]
    public void Duration_Seconds_AreAbbreviated(double seconds, string expected) =>
        Assert.Equal(expected, ConsoleFormat.Duration(TimeSpan.FromSeconds(seconds)));
}
