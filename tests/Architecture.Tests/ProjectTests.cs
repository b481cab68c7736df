using System.Xml.Linq;

namespace Shipinator.Architecture.Tests;

/// <summary>What the project files say: who may refer to whom, which package is whose, and that the rules of the build reach everyone.</summary>
public sealed class ProjectTests
{
    private static readonly string[] Middle = ["Pipelines", "Grains", "Schema", "Executors", "Artifacts", "Forges"];

    /// <summary>Each room, with all that it may refer to.</summary>
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

    /// <summary>Built along and lying beside, never linked.</summary>
    private static readonly Dictionary<string, string[]> MayCarry = new() { ["Silo"] = ["Runner"] };

    [Fact]
    public void References_PointOneWay()
    {
        Assert.Equal(MayReferTo.Keys.Order(StringComparer.Ordinal), House.Rooms.Select(r => r.Name).Order(StringComparer.Ordinal));
        WallTests.None(
            House.Rooms.SelectMany(r =>
                r.References.Except(MayReferTo[r.Name])
                    .Except(MayCarry.GetValueOrDefault(r.Name, []))
                    .Select(to => new Finding(r.Path, $"refers to {to}"))
            )
        );
    }

    [Fact]
    public void Assemblies_ReferToNoOther_ThanTheirProjectsMay()
    {
        var ours = House.Rooms.ToDictionary(r => r.AssemblyName, r => r.Name);
        WallTests.None(
            House.Rooms.SelectMany(r =>
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
    [InlineData("YamlDotNet", "Pipelines")]
    public void Package_BelongsToOneRoom(string package, string owner) =>
        WallTests.None(
            House
                .Rooms.Where(r => r.Name != owner)
                .SelectMany(r =>
                    r.Packages.Where(p => p.StartsWith(package, StringComparison.OrdinalIgnoreCase))
                        .Select(p => new Finding(r.Path, $"has {p}"))
                )
        );

    [Fact]
    public void Packages_AreAllExplained()
    {
        var versions = XDocument
            .Load(Path.Combine(House.Root, "Directory.Packages.props"))
            .Descendants("PackageVersion")
            .Select(e => (string)e.Attribute("Include")!)
            .ToList();
        var table = File.ReadAllText(Path.Combine(House.Root, "docs", "dependencies.md"));
        Assert.All(
            versions,
            name => Assert.True(table.Contains($"| {name} |", StringComparison.Ordinal), $"docs/dependencies.md has no row for {name}.")
        );
        Assert.Equal(versions.Order(StringComparer.OrdinalIgnoreCase), versions);
    }

    [Fact]
    public void BannedSymbols_AreThoseThatTheCodeIsCheckedFor()
    {
        var banned = File.ReadAllLines(Path.Combine(House.Root, "BannedSymbols.txt"))
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
        var props = XDocument.Load(Path.Combine(House.Root, "Directory.Build.props"));
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
        var nested = House.Files("Directory.Build.props").Where(f => Path.GetDirectoryName(f) != House.Root);
        Assert.All(
            nested,
            f =>
                Assert.Contains(
                    XDocument.Load(f).Descendants("Import"),
                    i => ((string?)i.Attribute("Project"))!.Contains("Directory.Build.props", StringComparison.Ordinal)
                )
        );
        foreach (var file in House.Files("*.csproj").Concat(nested))
        {
            var elements = XDocument.Load(file).Descendants().Select(e => e.Name.LocalName).ToList();
            Assert.DoesNotContain("TreatWarningsAsErrors", elements);
            Assert.DoesNotContain("Nullable", elements);
            Assert.DoesNotContain("RS0030", File.ReadAllText(file), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void EveryProject_IsInTheSolution()
    {
        var solution = File.ReadAllText(Path.Combine(House.Root, "Shipinator.sln")).Replace('\\', '/');
        Assert.All(House.Projects, p => Assert.Contains($"\"{p.Path}\"", solution, StringComparison.Ordinal));
    }
}
