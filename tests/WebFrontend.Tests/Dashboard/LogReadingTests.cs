using System.Text;
using CsCheck;
using Microsoft.Extensions.Options;
using Shipinator.Artifacts;
using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>The log index, the search and terminal control sequences.</summary>
public sealed class LogReadingTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("ship-lines-").FullName;
    private readonly FileSystemLogStore _store;

    public LogReadingTests() => _store = new(Options.Create(new FileStoreOptions { Root = _root }), TimeProvider.System);

    public void Dispose()
    {
        _store.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    /// <summary>Each line is found by its number, with its time, however the bytes were appended and indexed.</summary>
    [Fact]
    public void Lines_AppendedInAnyChunks_AreFoundByNumber() =>
        Gen.Select(Gen.Char['a', 'f'].Array[0, 12].List[0, 700], Gen.Int[1, 3000].List[1, 12], Gen.Bool)
            .Sample(
                (texts, sizes, ends) =>
                {
                    var lines = texts.Select(t => new string(t)).DefaultIfEmpty("").ToList();
                    var bytes = Encoding.UTF8.GetBytes(string.Join('\n', lines) + (ends ? "\n" : ""));
                    var execution = ExecutionId.New(TimeProvider.System);
                    var index = new LogIndex(_store, execution);
                    for (var (sent, i) = (0, 0); sent < bytes.Length; i++)
                    {
                        var count = Math.Min(bytes.Length - sent, sizes[i % sizes.Count]);
                        _store
                            .Append(
                                execution,
                                sent,
                                bytes.AsMemory(sent, count),
                                [new(sent, DateTimeOffset.UnixEpoch.AddSeconds(i))],
                                default
                            )
                            .GetAwaiter()
                            .GetResult();
                        sent += count;
                        index.GrowAsync(default).GetAwaiter().GetResult();
                    }

                    // A last line without a line break counts only when it is not empty.
                    var expected =
                        bytes.Length == 0 ? []
                        : ends || lines[^1].Length > 0 ? lines
                        : lines[..^1];
                    var state = index.GrowAsync(default).GetAwaiter().GetResult();
                    Assert.Equal(expected.Count, state.Lines);
                    foreach (var first in new[] { 1, expected.Count / 2, expected.Count - 3, 201, 400 }.Where(f => f >= 1))
                    {
                        var read = index.ReadAsync(first, 150, default).GetAwaiter().GetResult();
                        Assert.Equal(expected.Skip(first - 1).Take(150), read.Select(l => string.Concat(l.Spans.Select(s => s.Text))));
                        Assert.Equal(Enumerable.Range(first, read.Count), read.Select(l => l.Number));
                        var times = read.Select(l => l.At).ToList();
                        Assert.Equal(times.Order(), times);
                        Assert.DoesNotContain(null, times);
                    }

                    var found = index.FindAsync("ab", 1, default).GetAwaiter().GetResult();
                    Assert.Equal(
                        expected.Select((l, i) => (l, i)).Where(l => l.l.Contains("ab", StringComparison.Ordinal)).Select(l => l.i + 1),
                        found.Lines
                    );
                },
                iter: 120,
                threads: 1
            );

    [Fact]
    public async Task ProgressWithCarriageReturns_ShowsTheLastState()
    {
        var execution = ExecutionId.New(TimeProvider.System);
        var index = new LogIndex(_store, execution);
        var bytes = Encoding.UTF8.GetBytes(
            string.Concat(Enumerable.Range(0, 50_000).Select(i => $"\rdownloaded {i} of 50000")) + "\nnext\n"
        );
        await _store.Append(execution, 0, bytes, [], default);
        await index.GrowAsync(default);
        Assert.Equal(
            ["downloaded 49999 of 50000", "next"],
            (await index.ReadAsync(1, 10, default)).Select(l => string.Concat(l.Spans.Select(s => s.Text)))
        );
    }

    /// <summary>The result says when only a part of a line was searched, so that this is not mistaken for "No matches".</summary>
    [Fact]
    public async Task Find_SearchesTheDisplayedText_AndReportsIncompleteSearches()
    {
        var execution = ExecutionId.New(TimeProvider.System);
        var index = new LogIndex(_store, execution);
        var colored = "\u001b[32m" + new string('x', 2 * Ansi.MaxDisplayedLength) + "needle\u001b[0m\n";
        await _store.Append(execution, 0, Encoding.UTF8.GetBytes(colored + "NEEDLE\rcovers\nnee\u001b[1mdle\nneedle"), [], default);
        Assert.Equal(4, (await index.GrowAsync(default)).Lines);
        var found = await index.FindAsync("needle", 1, default);
        Assert.Equal([1, 3, 4], found.Lines);
        Assert.Equal((false, false, 4), (found.More, found.Cut, found.Last));
        Assert.Equal([3, 4], (await index.FindAsync("needle", 2, default)).Lines);

        var length = (await index.GrowAsync(default)).Length;
        await _store.Append(execution, length, Encoding.UTF8.GetBytes("\n" + new string('y', 1_000_000) + "FAR-AWAY\n"), [], default);
        await index.GrowAsync(default);
        found = await index.FindAsync("far-away", 1, default);
        Assert.Empty(found.Lines);
        Assert.True(found.Cut);
    }

    [Theory]
    [InlineData("a needle, a NEEDLE", "needle", "a |[needle]|, a |[NEEDLE]")]
    [InlineData("aaa", "aa", "[aa]|a")]
    [InlineData("a nee\u001b[31mdle b", "needle", "a |[nee]|[dle]| b")]
    [InlineData("none", "needle", "none")]
    [InlineData("none", "", "none")]
    public void Matches_AreFound_IgnoringCaseAndStyles(string line, string find, string marked)
    {
        var style = AnsiStyle.Plain;
        Assert.Equal(
            marked,
            string.Join('|', LogHits.Mark(Ansi.Spans(line, ref style), find).Select(h => h.IsHit ? $"[{h.Span.Text}]" : h.Span.Text))
        );
    }

    [Theory]
    [InlineData("plain", "plain|")]
    [InlineData("\u001b[31mred\u001b[0m", "red|fg1")]
    [InlineData("\u001b[1;4;92mx\u001b[22my", "x|fg10 bold underline;y|fg10 underline")]
    [InlineData("\u001b[38;5;196mx", "x|fg9")]
    [InlineData("\u001b[48;2;0;0;120mx", "x|bg4")]
    [InlineData("\u001b[38;5mx", "x|")]
    [InlineData("\u001b[2K\u001b[1Gclean", "clean|")]
    [InlineData("\u001b]0;title\u0007text", "text|")]
    [InlineData("\u001b]8;;http://evil\u001b\\link\u001b]8;;\u001b\\", "link|")]
    [InlineData("old\rnew", "new|")]
    [InlineData("windows\r", "windows|")]
    [InlineData("done\r\u001b[0m", "done|")]
    [InlineData("twice\r\r", "twice|")]
    [InlineData("abcdef\rXY", "XYcdef|")]
    [InlineData("abcdef\r\u001b[KXY", "XY|")]
    [InlineData("abcdef\u001b[3GX\u001b[2DY\u001b[CZ", "aYXZef|")]
    [InlineData("abcdef\r\u001b[31mXY", "XY|fg1;cdef|")]
    [InlineData("abc\u001b[1K\rX", "X  |")]
    [InlineData("a\u001b[3Cb", "a   b|")]
    [InlineData("|\b/\b-", "-|")]
    [InlineData("\u001b[7mx\u001b[27my", "x|reverse;y|")]
    [InlineData("\u001b[31;7;9mx\u001b[29my", "x|fg1 reverse strike;y|fg1 reverse")]
    [InlineData("\u001b[38:2::255:0:0mx", "x|fg9")]
    [InlineData("\u001b[1;38:2:255:0:0;4mx", "x|fg9 bold underline")]
    [InlineData("\u001b[48:5:4;38:5:1mx", "x|fg1 bg4")]
    [InlineData("\u001b[4:3mx\u001b[4:0my", "x|underline;y|")]
    [InlineData("\u001b[58;5;1mx", "x|")]
    [InlineData("\u0007bell\b", "bell|")]
    [InlineData("cut \u001b[3", "cut |")]
    [InlineData("\u001b", "")]
    [InlineData("<b>&amp;</b>", "<b>&amp;</b>|")]
    public void Ansi_StylesBecomeClasses_AndOtherSequencesAreRemoved(string line, string spans)
    {
        var style = AnsiStyle.Plain;
        Assert.Equal(spans, string.Join(';', Ansi.Spans(line, ref style).Select(s => $"{s.Text}|{s.Classes}")));
    }

    [Fact]
    public async Task Style_ContinuesAcrossLinesThatAreReadSeparately()
    {
        var execution = ExecutionId.New(TimeProvider.System);
        var index = new LogIndex(_store, execution);
        var text = "\u001b[32m" + string.Concat(Enumerable.Range(1, 500).Select(i => $"green {i}\n")) + "\u001b[0mplain\n";
        await _store.Append(execution, 0, Encoding.UTF8.GetBytes(text), [], default);
        await index.GrowAsync(default);
        Assert.Equal("fg2", (await index.ReadAsync(433, 1, default))[0].Spans.Single().Classes);
        Assert.Equal("", (await index.ReadAsync(501, 1, default))[0].Spans.Single().Classes);
    }

    /// <summary>Any output yields no exception, no control characters and only known classes.</summary>
    [Fact]
    public void Ansi_OfAnyText_YieldsPlainTextAndKnownClasses() =>
        Gen.OneOf(Gen.Char, Gen.OneOf('\u001b', '[', 'm', ';', '3', '8', '5', ':', 'K', 'G', 'C', 'D', '\b', '\r', ']', '\u0007'))
            .Array[0, 80]
            .Sample(chars =>
            {
                var style = AnsiStyle.Plain;
                foreach (var span in Ansi.Spans(new string(chars), ref style))
                {
                    Assert.DoesNotContain(span.Text, c => c is not '\t' && (c < ' ' || c == '\u007f'));
                    Assert.Matches("^((fg|bg)([0-9]|1[0-5])|bold|dim|italic|underline|reverse|strike| )*$", span.Classes);
                }
            });
}
