namespace Shipinator.Architecture.Tests;

/// <summary>The formatter leaves strings and comments alone; this test doesn't.</summary>
public sealed class LineLengthTests
{
    /// <summary>Columns, as in <c>.csharpierrc.yaml</c>.</summary>
    private const int Limit = 140;

    [Fact]
    public void Lines_AreAtMost140Columns()
    {
        var files = SourceTree.Files("*.cs").ToList();
        Assert.True(files.Count > 300, $"{files.Count} files");
        BoundaryTests.None(
            files.SelectMany(file =>
                TooLong(File.ReadAllLines(file))
                    .Select(l => new Finding($"{Path.GetRelativePath(SourceTree.Root, file)}:{l.Line}", $"{l.Columns} columns"))
            )
        );
    }

    [Fact]
    public void TooLong_CountsCharactersNotUnits() =>
        Assert.Equal(
            [(2, Limit + 1)],
            TooLong([new string('x', Limit), new string('é', Limit + 1), string.Concat(Enumerable.Repeat("🚢", Limit))])
        );

    private static IEnumerable<(int Line, int Columns)> TooLong(IEnumerable<string> lines) =>
        lines.Select((text, i) => (i + 1, text.EnumerateRunes().Count())).Where(l => l.Item2 > Limit);
}
