using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Shipinator.Architecture.Tests;

/// <summary>
/// What the project files say: which room may refer to which, which room owns which package, and that the build's rules apply to
/// every project.
/// </summary>
public sealed class ProjectTests
{
    private static readonly string[] Middle = ["Pipelines", "Grains", "Schema", "Executors", "Artifacts", "Forges"];

    /// <summary>Each room, with every project it may refer to.</summary>
    private static readonly Dictionary<string, string[]> MayReferTo = new()
    {
        ["Grains.Interfaces"] = [],
        ["Client"] = [],
        ["Pipelines"] = ["Grains.Interfaces"],
        ["Grains"] = ["Grains.Interfaces"],
        ["Schema"] = ["Grains.Interfaces"],
        ["Executors"] = ["Grains.Interfaces"],
        ["Artifacts"] = ["Grains.Interfaces"],
        ["Forges"] = ["Grains.Interfaces"],
        ["Triggers"] = ["Grains.Interfaces", "Pipelines", "Schema", "Forges"],
        ["WebFrontend"] = ["Grains.Interfaces", "Client", "Triggers", .. Middle],
        ["Silo"] = ["Grains.Interfaces", "Client", "Triggers", "WebFrontend", .. Middle],
        ["Runner"] = ["Client"],
        ["Cli"] = ["Client"],
    };

    private static List<string> PackageVersions { get; } =
    [
        .. XDocument
            .Load(Path.Combine(SourceTree.Root, "Directory.Packages.props"))
            .Descendants("PackageVersion")
            .Select(e => (string)e.Attribute("Include")!),
    ];

    /// <summary>Built along and copied beside the output, never linked.</summary>
    private static readonly Dictionary<string, string[]> MayCarry = new() { ["Silo"] = ["Runner"] };

    [Fact]
    public void References_PointOneWay()
    {
        Assert.Equal(MayReferTo.Keys.Order(StringComparer.Ordinal), SourceTree.Rooms.Select(r => r.Name).Order(StringComparer.Ordinal));
        BoundaryTests.None(
            SourceTree.Rooms.SelectMany(r =>
                r.References.Except(MayReferTo[r.Name])
                    .Except(MayCarry.GetValueOrDefault(r.Name, []))
                    .Select(to => new Finding(r.Path, $"refers to {to}"))
            )
        );
    }

    [Fact]
    public void Assemblies_ReferToNoOther_ThanTheirProjectsMay()
    {
        var ours = SourceTree.Rooms.ToDictionary(r => r.AssemblyName, r => r.Name);
        BoundaryTests.None(
            SourceTree.Rooms.SelectMany(r =>
                r.Module.AssemblyReferences.Where(a => ours.ContainsKey(a.Name) && !MayReferTo[r.Name].Contains(ours[a.Name]))
                    .Select(a => new Finding(r.AssemblyName, $"refers to {a.Name}"))
            )
        );
    }

    [Theory]
    [InlineData("Npgsql", "Schema")]
    [InlineData("dbup", "Schema")]
    [InlineData("KubernetesClient", "Executors")]
    [InlineData("LibGit2Sharp", "Forges")]
    [InlineData("Octokit", "Forges")]
    [InlineData("YamlDotNet", "Pipelines")]
    public void Package_BelongsToOneRoom(string package, string owner) =>
        BoundaryTests.None(
            SourceTree
                .Rooms.Where(r => r.Name != owner)
                .SelectMany(r =>
                    r.Packages.Where(p => p.StartsWith(package, StringComparison.OrdinalIgnoreCase))
                        .Select(p => new Finding(r.Path, $"has {p}"))
                )
        );

    [Fact]
    public void Packages_AreAllExplained()
    {
        var rows = File.ReadAllLines(Path.Combine(SourceTree.Root, "docs", "dependencies.md"))
            .SkipWhile(line => !line.StartsWith("| package |", StringComparison.Ordinal))
            .TakeWhile(line => line.StartsWith('|'))
            .Skip(2)
            .Select(line => line.Split('|')[1].Trim())
            .ToList();
        Assert.Equal(PackageVersions, rows);
        Assert.Equal(PackageVersions.Order(StringComparer.OrdinalIgnoreCase), PackageVersions);
    }

    [Fact]
    public void Packages_AreAllUsed()
    {
        var used = SourceTree
            .Files("*.csproj")
            .Concat(SourceTree.Files("Directory.Build.props"))
            .SelectMany(file => XDocument.Load(file).Descendants("PackageReference"))
            .Select(reference => (string?)reference.Attribute("Include"))
            .ToHashSet();
        BoundaryTests.None(
            PackageVersions
                .Where(name => !used.Contains(name))
                .Select(name => new Finding("Directory.Packages.props", $"no project uses {name}"))
        );
    }

    [Fact]
    public void Packages_AreAudited()
    {
        var props = XDocument.Load(Path.Combine(SourceTree.Root, "Directory.Build.props"));
        Assert.Equal("true", props.Descendants("NuGetAudit").Single().Value);
        Assert.Equal("all", props.Descendants("NuGetAuditMode").Single().Value);
        Assert.Equal("low", props.Descendants("NuGetAuditLevel").Single().Value);
    }

    [Fact]
    public void BannedSymbols_AreThoseThatTheCodeIsCheckedFor()
    {
        var banned = File.ReadAllLines(Path.Combine(SourceTree.Root, "BannedSymbols.txt"))
            .Select(l => l.Split(';')[0])
            .Where(l => l.Length > 0)
            .ToList();
        foreach (
            var symbol in new[]
            {
                "P:System.DateTime.Now",
                "P:System.DateTime.UtcNow",
                "P:System.DateTimeOffset.Now",
                "P:System.DateTimeOffset.UtcNow",
                "M:System.Guid.NewGuid",
                "M:System.Threading.Thread.Sleep(System.Int32)",
                "T:System.Diagnostics.Stopwatch",
            }
        )
        {
            Assert.Contains(symbol, banned);
        }
    }

    [Fact]
    public void BuildRules_ReachEveryProject()
    {
        var props = XDocument.Load(Path.Combine(SourceTree.Root, "Directory.Build.props"));
        Assert.Equal("true", props.Descendants("TreatWarningsAsErrors").Single().Value);
        Assert.Equal("enable", props.Descendants("Nullable").Single().Value);
        Assert.Contains(
            props.Descendants("PackageReference"),
            p => (string?)p.Attribute("Include") == "Microsoft.CodeAnalysis.BannedApiAnalyzers"
        );
        Assert.Contains(
            props.Descendants("AdditionalFiles"),
            f => ((string?)f.Attribute("Include"))!.EndsWith("BannedSymbols.txt", StringComparison.Ordinal)
        );

        // A props file further down hides this one unless it imports it; a project could also switch a rule off for itself.
        var nested = SourceTree.Files("Directory.Build.props").Where(f => Path.GetDirectoryName(f) != SourceTree.Root);
        Assert.All(
            nested,
            f =>
                Assert.Contains(
                    XDocument.Load(f).Descendants("Import"),
                    i => ((string?)i.Attribute("Project"))!.Contains("Directory.Build.props", StringComparison.Ordinal)
                )
        );
        foreach (var file in SourceTree.Files("*.csproj").Concat(nested))
        {
            var elements = XDocument.Load(file).Descendants().Select(e => e.Name.LocalName).ToList();
            Assert.DoesNotContain("TreatWarningsAsErrors", elements);
            Assert.DoesNotContain("Nullable", elements);
            Assert.DoesNotContain("RS0030", File.ReadAllText(file), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void EveryProject_IsInTheSolutionAndInItsFolder()
    {
        var solution = File.ReadAllText(Path.Combine(SourceTree.Root, "Shipinator.sln")).Replace('\\', '/');
        var entries = Regex
            .Matches(solution, """^Project\("[^"]+"\) = "(?<name>[^"]+)", "(?<path>[^"]+)", "(?<id>[^"]+)""", RegexOptions.Multiline)
            .ToDictionary(m => m.Groups["path"].Value, m => (Name: m.Groups["name"].Value, Id: m.Groups["id"].Value));
        var names = entries.Values.ToDictionary(e => e.Id, e => e.Name);
        var folders = Regex
            .Matches(solution, @"^\s*(?<child>\{[-0-9A-F]+\}) = (?<parent>\{[-0-9A-F]+\})$", RegexOptions.Multiline)
            .ToDictionary(m => m.Groups["child"].Value, m => names[m.Groups["parent"].Value]);

        BoundaryTests.None(
            SourceTree
                .Projects.Select(p => (p.Path, Folder: entries.TryGetValue(p.Path, out var e) ? folders.GetValueOrDefault(e.Id, "") : null))
                .Where(p => p.Folder != ExpectedFolder(p.Path))
                .Select(p => new Finding(p.Path, p.Folder is null ? "is not in the solution" : $"is in the solution folder '{p.Folder}'"))
        );

        static string ExpectedFolder(string path) =>
            path.Split('/') switch
            {
                [_, _] => "rooms",
                ["tests", "e2e", ..] => "e2e",
                [var top, ..] => top,
                [] => "",
            };
    }
}
