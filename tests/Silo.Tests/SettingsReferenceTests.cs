using Shipinator.Silo.Configuration;

namespace Shipinator.Silo.Tests;

/// <summary>docs/settings.md lists every setting, as the code has it.</summary>
public sealed class SettingsReferenceTests
{
    private static readonly string File = Path.Combine(Repository.Root, "docs", "settings.md");

    /// <summary>With SHIPINATOR_ACCEPT=1 the document is updated instead.</summary>
    [Fact]
    public async Task Document_IsUpToDate()
    {
        var generated = SettingsReference.Generate();
        if (Environment.GetEnvironmentVariable("SHIPINATOR_ACCEPT") == "1")
        {
            await System.IO.File.WriteAllTextAsync(File, generated, TestContext.Current.CancellationToken);
        }

        Assert.True(System.IO.File.Exists(File), $"{File} is missing; run this test with SHIPINATOR_ACCEPT=1.");
        var document = await System.IO.File.ReadAllTextAsync(File, TestContext.Current.CancellationToken);
        Assert.True(generated == document, $"{File} is out of date; run this test with SHIPINATOR_ACCEPT=1 and commit the file.");
    }

    [Theory]
    [InlineData("Port", "`7400`", "0 to 65535", "")]
    [InlineData("Orleans:ProbeTimeout", "`00:00:02`", "≥ 00:00:00.5000000", "cluster")]
    [InlineData("Orleans:Tls:Key", "", "", "cluster")]
    [InlineData("Storage:MaxLogBytes", "`536870912`", "≥ 1024", "")]
    [InlineData("Engine:QueueTimeout", "`1.00:00:00`", "> 0", "")]
    [InlineData("Postgres:BinFolder", "", "", "standalone")]
    [InlineData("Clustering", "`Localhost`", "", "")]
    [InlineData("Orleans:GatewayPort", "`0`", "0 to 65535", "cluster")]
    [InlineData("Artifacts:FollowInterval", "`00:00:02`", "≥ 00:00:00.0100000", "")]
    [InlineData("Artifacts:Root", "the data folder", "", "")]
    public void Row_HasDefaultRangeAndMode(string key, string defaultValue, string range, string mode)
    {
        var variable = "SHIPINATOR__" + key.Replace(":", "__", StringComparison.Ordinal).ToUpperInvariant();
        var row = Assert.Single(Rows(), r => r[0] == $"`Shipinator:{key}` <br> `{variable}`");
        Assert.Equal((defaultValue, range, mode), (row[2], row[3], row[4]));
    }

    [Fact]
    public void EverySetting_HasARowWithADescription()
    {
        var rows = Rows();
        Assert.Equal(SettingsTree.Root.Keys().Count(), rows.Count);
        Assert.All(rows, r => Assert.True(r[5].Length > 10, $"{r[0]} has no description."));
    }

    private static List<string[]> Rows() =>
        [
            .. SettingsReference
                .Generate()
                .Split('\n')
                .Where(l => l.StartsWith("| `Shipinator:", StringComparison.Ordinal))
                .Select(l => l.Split(" | ").Select(c => c.Trim('|', ' ')).ToArray()),
        ];
}
