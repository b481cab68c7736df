using System.Text;
using Shipinator.Cli.IO;

namespace Shipinator.Cli.Tests;

/// <summary>Bytes to lines, lines to what a terminal may get.</summary>
public sealed class TextTests
{
    [Theory]
    [InlineData("plain\ttext", true, "plain\ttext")]
    [InlineData("\u001b[31mred\u001b[0m", true, "\u001b[31mred\u001b[0m")]
    [InlineData("\u001b[31mred\u001b[0m", false, "red")]
    [InlineData("a\u001b[2Jb\u001b[Hc", true, "abc")]
    [InlineData("\u001b]0;title\u0007x", true, "x")]
    [InlineData("\u001b]52;c;ZXZpbA==\u001b\\x", true, "x")]
    [InlineData("\u001bPq#0\u001b\\x", true, "x")]
    [InlineData("a\bb\u0000c\u009b31m", true, "abc31m")]
    [InlineData("\u001b", true, "")]
    public void Clean_LineOfALog_KeepsWordsAndColours(string line, bool colors, string expected) =>
        Assert.Equal(expected, LogText.Clean(line, colors));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(1000)]
    public void Append_PiecesOfAnySize_GiveTheSameLines(int size)
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
    public void Duration_OfSeconds_IsShort(double seconds, string expected) => Assert.Equal(expected, Looks.Duration(TimeSpan.FromSeconds(seconds)));
}
