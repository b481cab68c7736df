namespace Shipinator.Architecture.Tests;

/// <summary>
/// One word for one thing: the phrases that <c>docs/glossary.md</c> rules out appear in no source and no document. Migrations are not
/// read, because a released one is never edited.
/// </summary>
public sealed class GlossaryTests
{
    private static readonly string Glossary = Path.Combine(SourceTree.Root, "docs", "glossary.md");

    [Fact]
    public void RuledOutPhrases_AppearNowhere()
    {
        var banned = new BannedPhrases(BannedPhrases.Read(File.ReadAllText(Glossary), "banned"));
        var files = new[] { "*.cs", "*.razor", "*.js", "*.css", "*.md", "*.sh", "*.yml", "*.yaml", "*.csproj", "*.props" }
            .SelectMany(SourceTree.Files)
            .Where(file => file != Glossary)
            .ToList();
        Assert.True(files.Count > 500, $"{files.Count} files");
        BoundaryTests.None(
            files.SelectMany(file =>
                banned
                    .Find(File.ReadAllText(file))
                    .Select(f => new Finding(
                        $"{Path.GetRelativePath(SourceTree.Root, file)}:{f.Line}",
                        $"'{f.Phrase}' (see docs/glossary.md)"
                    ))
            )
        );
    }

    [Theory]
    [InlineData("var text = \"the pod is at play now\";", "at play", 1)]
    [InlineData("\n/// Runs that are at\n/// play are shown.", "at play", 2)]
    [InlineData("throw new(\"The pod is at \"\n    + $\"play since {x}.\");", "at play", 1)]
    [InlineData("# The pod\n# is at\n# play.", "at play", 2)]
    [InlineData("Runs that are At  play.", "At play", 1)]
    [InlineData("<p>Only those</p>", "Only those", 1)]
    [InlineData("It was tintinnabulated.", "tintinnabulated", 1)]
    public void Find_SeesThePhrase(string text, string phrase, int line) =>
        Assert.Equal([(line, phrase)], Sample().Find(text).Select(Joined));

    [Theory]
    [InlineData("Look at players.")]
    [InlineData("what play")]
    [InlineData("for only those of them")]
    [InlineData("at (play)")]
    public void Find_LeavesOtherTextAlone(string text) => Assert.Empty(Sample().Find(text));

    [Fact]
    public void Read_TakesTheLinesOfTheNamedBlockAlone()
    {
        Assert.Throws<ArgumentException>(() => new BannedPhrases([]));
        const string Text = "# Words\n\n```other\nno\n```\n\n```banned\nat play\n\nOnly those\n```\ntail\n";
        Assert.Equal(["at play", "Only those"], BannedPhrases.Read(Text, "banned"));
        Assert.Throws<InvalidOperationException>(() => BannedPhrases.Read(Text, "absent"));
    }

    private static BannedPhrases Sample() => new(["at play", "Only those", "tintinnabul*"]);

    // What lies between the words of a find is not the subject here.
    private static (int Line, string Phrase) Joined((int Line, string Phrase) found) =>
        (found.Line, string.Join(' ', System.Text.RegularExpressions.Regex.Matches(found.Phrase, @"\w+").Select(m => m.Value)));
}
