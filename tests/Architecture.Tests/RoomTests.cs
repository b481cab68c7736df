using System.Text.RegularExpressions;

namespace Shipinator.Architecture.Tests;

/// <summary>What a newcomer finds: a README in each room, and files that the guides name.</summary>
public sealed partial class RoomTests
{
    [Fact]
    public void Rooms_HaveAReadme() =>
        BoundaryTests.None(
            SourceTree
                .Rooms.Select(room => Path.Combine(Path.GetDirectoryName(room.Path)!, "README.md"))
                .Where(readme => !File.Exists(Path.Combine(SourceTree.Root, readme)))
                .Select(readme => new Finding(readme, "is missing"))
        );

    [Theory]
    [InlineData("CONTRIBUTING.md")]
    [InlineData("AGENTS.md")]
    public void Guides_NameFilesThatExist(string guide)
    {
        var named = NamedFile()
            .Matches(File.ReadAllText(Path.Combine(SourceTree.Root, guide)))
            .Select(m => m.Groups["path"].Value)
            .ToList();
        Assert.NotEmpty(named);
        BoundaryTests.None(
            named
                .Where(path => !path.Contains("NAME", StringComparison.Ordinal) && !path.Contains("NNNN", StringComparison.Ordinal))
                .Where(path => !path.Contains("X.Tests", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal))
                .Where(path => !File.Exists(Path.Combine(SourceTree.Root, path)))
                .Select(path => new Finding(guide, $"names {path}, which does not exist"))
        );
    }

    [GeneratedRegex(@"`(?<path>[A-Za-z][\w.-]*/[\w./-]+\.[a-z]+)`|`(?<path>[a-z]+\.sh)`")]
    private static partial Regex NamedFile();
}
