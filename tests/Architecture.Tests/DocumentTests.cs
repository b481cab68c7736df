using System.Text.RegularExpressions;

namespace Shipinator.Architecture.Tests;

/// <summary>Documents that name what is not there mislead: links, and the list of decisions.</summary>
public sealed partial class DocumentTests
{
    [Fact]
    public void Links_PointToFilesThatExist()
    {
        var links = House.Files("*.md").SelectMany(file => Link().Matches(File.ReadAllText(file))
            .Select(m => m.Groups["to"].Value)
            .Where(to => !to.Contains("://", StringComparison.Ordinal))
            .Select(to => (From: Path.GetRelativePath(House.Root, file), To: to, Full: Path.Combine(Path.GetDirectoryName(file)!, to)))).ToList();
        Assert.NotEmpty(links);
        WallTests.None(links.Where(l => !Path.Exists(l.Full)).Select(l => new Finding(l.From, $"links to {l.To}")));
    }

    [Fact]
    public void Decisions_AreListedAndHaveTheirParts()
    {
        var folder = Path.Combine(House.Root, "docs", "decisions");
        var list = File.ReadAllText(Path.Combine(folder, "README.md"));
        var records = Directory.GetFiles(folder, "0*.md");
        Assert.NotEmpty(records);
        foreach (var record in records)
        {
            var text = File.ReadAllText(record);
            Assert.Contains(Path.GetFileName(record), list, StringComparison.Ordinal);
            Assert.All(
                new[] { "\nDate: 20", "\n## Status\n", "\n## Context\n", "\n## Decision\n", "\n## Consequences\n" },
                part => Assert.True(text.Contains(part, StringComparison.Ordinal), $"{Path.GetFileName(record)} lacks '{part.Trim()}'."));
        }
    }

    [Fact]
    public void SourcesThatNameADecision_NameOneThatExists() =>
        WallTests.None(House.Files("*.cs").SelectMany(file => Decision().Matches(File.ReadAllText(file))
            .Where(m => Directory.GetFiles(Path.Combine(House.Root, "docs", "decisions"), m.Groups["number"].Value + "-*.md").Length == 0)
            .Select(m => new Finding(Path.GetRelativePath(House.Root, file), m.Value))));

    [GeneratedRegex(@"\]\((?<to>[^)#\s]+)(#[^)]*)?\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"docs/decisions/(?<number>\d{4})")]
    private static partial Regex Decision();
}
