using System.Text.RegularExpressions;

namespace Shipinator.Architecture.Tests;

/// <summary>Documents refer only to what exists: files, headings, decisions, tests.</summary>
public sealed partial class DocumentTests
{
    [Fact]
    public void Links_PointToFilesAndHeadingsThatExist()
    {
        var links = SourceTree.Files("*.md").SelectMany(LinksOf).ToList();
        Assert.True(links.Count > 50, $"{links.Count} links");
        Assert.Contains(links, l => l.Heading.Length > 0);
        BoundaryTests.None(
            links.Where(l => Broken(l) is not null).Select(l => new Finding(Path.GetRelativePath(SourceTree.Root, l.From), Broken(l)!))
        );
    }

    [Fact]
    public void Links_DetectorSeesBrokenOnes()
    {
        var page = Path.Combine(SourceTree.Root, "docs", "glossary.md");
        Assert.NotNull(Broken(new(page, "absent.md", "")));
        Assert.NotNull(Broken(new(page, "architecture.md", "no-such-heading")));
        Assert.Null(Broken(new(page, "architecture.md", "rooms")));
        Assert.Null(Broken(new(page, "", "glossary")));
        Assert.Equal(
            ["use-a-proxy", "the-up-command", "use-a-proxy-1"],
            Headings("# Use a proxy\n```\n# no\n```\n## The `up` command\n## Use a proxy\n")
        );
    }

    [Fact]
    public void Decisions_AreListedAndComplete()
    {
        var folder = Path.Combine(SourceTree.Root, "docs", "decisions");
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
    public void SourcesThatNameADecision_NameAnExistingOne() =>
        BoundaryTests.None(
            SourceTree
                .Files("*.cs")
                .SelectMany(file =>
                    Decision()
                        .Matches(File.ReadAllText(file))
                        .Where(m =>
                            Directory
                                .GetFiles(Path.Combine(SourceTree.Root, "docs", "decisions"), m.Groups["number"].Value + "-*.md")
                                .Length == 0
                        )
                        .Select(m => new Finding(Path.GetRelativePath(SourceTree.Root, file), m.Value))
                )
        );

    /// <summary>A promise whose test was renamed or removed would not be tested any more.</summary>
    [Fact]
    public void SecurityPromises_NameTestsThatExist()
    {
        var page = File.ReadAllLines(Path.Combine(SourceTree.Root, "docs", "security.md"));
        var rows = page.SkipWhile(l => !l.StartsWith("## Promises", StringComparison.Ordinal))
            .Where(l => l.StartsWith("| ", StringComparison.Ordinal) && !l.StartsWith("| asset", StringComparison.Ordinal))
            .ToList();
        Assert.True(rows.Count > 60, $"{rows.Count} rows");
        Assert.All(rows, row => Assert.True(NamedTest().IsMatch(row) || row.EndsWith("| – |", StringComparison.Ordinal), row));

        var sources = SourceTree.Files("*Tests.cs").Select(File.ReadAllText).ToList();
        var named = rows.SelectMany(r => NamedTest().Matches(r))
            .Select(m => (Class: m.Groups["class"].Value, Method: m.Groups["method"].Value))
            .Distinct()
            .ToList();
        BoundaryTests.None(
            named
                .Where(n => !sources.Exists(s => Declares(s, $"class {n.Class}") && (n.Method.Length == 0 || Declares(s, n.Method))))
                .Select(n => new Finding("docs/security.md", $"names {n.Class}.{n.Method}, which does not exist"))
        );

        static bool Declares(string source, string name) => Regex.IsMatch(source, $@"\b{Regex.Escape(name)}\b");
    }

    [GeneratedRegex(@"`(?<class>[A-Z]\w+Tests)(?:\.(?<method>\w+))?`")]
    private static partial Regex NamedTest();

    /// <summary>A link of a document to a file (empty: the document itself) and to one of its headings (empty: none).</summary>
    private sealed record DocumentLink(string From, string To, string Heading);

    private static IEnumerable<DocumentLink> LinksOf(string file) =>
        Link()
            .Matches(WithoutCode(File.ReadAllText(file)))
            .Select(m => new DocumentLink(file, m.Groups["to"].Value, m.Groups["heading"].Value))
            .Where(l => !l.To.Contains("://", StringComparison.Ordinal) && !l.To.StartsWith("mailto:", StringComparison.Ordinal));

    private static string? Broken(DocumentLink link)
    {
        var target = link.To.Length == 0 ? link.From : Path.Combine(Path.GetDirectoryName(link.From)!, link.To);
        if (!Path.Exists(target))
        {
            return $"links to {link.To}, which does not exist";
        }

        return
            link.Heading.Length == 0
            || !target.EndsWith(".md", StringComparison.Ordinal)
            || Headings(File.ReadAllText(target)).Contains(link.Heading)
            ? null
            : $"links to {link.To}#{link.Heading}, which is no heading there";
    }

    /// <summary>The anchors that GitHub gives to a document's headings.</summary>
    private static IEnumerable<string> Headings(string markdown)
    {
        var seen = new Dictionary<string, int>();
        foreach (Match heading in Heading().Matches(WithoutCode(markdown)))
        {
            var text = heading.Groups["text"].Value.Trim().Replace(' ', '-');
            var anchor = new string([.. text.Where(c => char.IsLetterOrDigit(c) || c is '-' or '_').Select(char.ToLowerInvariant)]);
            seen[anchor] = seen.TryGetValue(anchor, out var count) ? count + 1 : 0;
            yield return seen[anchor] == 0 ? anchor : $"{anchor}-{seen[anchor]}";
        }
    }

    private static string WithoutCode(string markdown) => Fence().Replace(markdown, "");

    [GeneratedRegex(@"\]\((?<to>[^)#\s]*)(#(?<heading>[^)\s]+))?\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^#{1,6} (?<text>.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^ *```.*?^ *```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"docs/decisions/(?<number>\d{4})")]
    private static partial Regex Decision();
}
