using System.Text.RegularExpressions;

namespace Shipinator.Architecture.Tests;

/// <summary>Documents that name what is not there mislead: links, and the list of decisions.</summary>
public sealed partial class DocumentTests
{
    [Fact]
    public void Links_PointToFilesThatExist()
    {
        var links = House
            .Files("*.md")
            .SelectMany(file =>
                Link()
                    .Matches(File.ReadAllText(file))
                    .Select(m => m.Groups["to"].Value)
                    .Where(to => !to.Contains("://", StringComparison.Ordinal))
                    .Select(to =>
                        (From: Path.GetRelativePath(House.Root, file), To: to, Full: Path.Combine(Path.GetDirectoryName(file)!, to))
                    )
            )
            .ToList();
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
                part => Assert.True(text.Contains(part, StringComparison.Ordinal), $"{Path.GetFileName(record)} lacks '{part.Trim()}'.")
            );
        }
    }

    [Fact]
    public void SourcesThatNameADecision_NameOneThatExists() =>
        WallTests.None(
            House
                .Files("*.cs")
                .SelectMany(file =>
                    Decision()
                        .Matches(File.ReadAllText(file))
                        .Where(m =>
                            Directory.GetFiles(Path.Combine(House.Root, "docs", "decisions"), m.Groups["number"].Value + "-*.md").Length
                            == 0
                        )
                        .Select(m => new Finding(Path.GetRelativePath(House.Root, file), m.Value))
                )
        );

    /// <summary>A promise whose test was renamed or removed would be held by nothing.</summary>
    [Fact]
    public void SecurityPromises_NameTestsThatExist()
    {
        var page = File.ReadAllLines(Path.Combine(House.Root, "docs", "security.md"));
        var rows = page.SkipWhile(l => !l.StartsWith("## Promises", StringComparison.Ordinal))
            .Where(l => l.StartsWith("| ", StringComparison.Ordinal) && !l.StartsWith("| asset", StringComparison.Ordinal))
            .ToList();
        Assert.True(rows.Count > 60, $"{rows.Count} rows");
        Assert.All(rows, row => Assert.True(NamedTest().IsMatch(row) || row.EndsWith("| – |", StringComparison.Ordinal), row));

        var sources = House.Files("*Tests.cs").Select(File.ReadAllText).ToList();
        var named = rows.SelectMany(r => NamedTest().Matches(r))
            .Select(m => (Class: m.Groups["class"].Value, Method: m.Groups["method"].Value))
            .Distinct()
            .ToList();
        WallTests.None(
            named
                .Where(n => !sources.Exists(s => Declares(s, $"class {n.Class}") && (n.Method.Length == 0 || Declares(s, n.Method))))
                .Select(n => new Finding("docs/security.md", $"names {n.Class}.{n.Method}, which is no test"))
        );

        static bool Declares(string source, string name) => Regex.IsMatch(source, $@"\b{Regex.Escape(name)}\b");
    }

    [GeneratedRegex(@"`(?<class>[A-Z]\w+Tests)(?:\.(?<method>\w+))?`")]
    private static partial Regex NamedTest();

    [GeneratedRegex(@"\]\((?<to>[^)#\s]+)(#[^)]*)?\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"docs/decisions/(?<number>\d{4})")]
    private static partial Regex Decision();
}
