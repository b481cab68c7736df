using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Shipinator.Schema;
using Shipinator.Silo.Configuration;
using Shipinator.Silo.Hosting;
using Shipinator.Silo.Standalone;
using Shipinator.Testing;

namespace Shipinator.Silo.Tests;

/// <summary>Errors at the start.</summary>
public sealed class StartTests
{
    /// <summary>There is no database at this address: accessing it would fail differently.</summary>
    private const string Nowhere = "Host=127.0.0.1;Port=1;Database=x;Username=x";

    [Theory]
    [InlineData("Shipinator:Listen", "0.0.0.0")]
    [InlineData("Shipinator:Engine:RunnerSilence", "-1")]
    public async Task Prepare_InvalidSettingsOfRooms_ReportsAllBeforeTheDatabaseIsAccessed(string key, string value)
    {
        var failures = await FailuresAsync(new() { ["Shipinator:Listen"] = "0.0.0.0", [key] = value });
        Assert.Contains(failures, f => f.Contains(key.Split(':')[^1], StringComparison.Ordinal));
        Assert.Contains(failures, f => f.Contains("Shipinator:Listen (0.0.0.0)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Prepare_ClusterWithTheProcessExecutor_IsRejectedUnlessOnOneMachine()
    {
        var values = new Dictionary<string, string?>
        {
            ["Shipinator:Clustering"] = "AdoNet",
            ["Shipinator:ConnectionString"] = Nowhere,
            // Something else that is wrong, so that the start ends here in any case.
            ["Shipinator:Engine:RunnerSilence"] = "-1",
        };
        Assert.Contains(await FailuresAsync(values), f => f.Contains("Shipinator:Process:OneMachine", StringComparison.Ordinal));
        values["Shipinator:Process:OneMachine"] = "true";
        Assert.DoesNotContain(await FailuresAsync(values), f => f.Contains("Shipinator:Process:OneMachine", StringComparison.Ordinal));
    }

    private static async Task<IEnumerable<string>> FailuresAsync(Dictionary<string, string?> values)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
        var options = Settings.Read(configuration);
        var root = Directory.CreateTempSubdirectory("shipinator-start-").FullName;
        try
        {
            using var folder = DataFolder.Open(Path.Combine(root, "data"), exclusive: true);
            await using var database = ShipinatorDatabase.Create(Nowhere);
            await using var app = SiloApp.Build([], configuration, options, database, folder, 0);

            return (await Assert.ThrowsAsync<OptionsValidationException>(() => SiloApp.PrepareAsync(app))).Failures;
        }
        finally
        {
            Directory.Delete(root, recursive: true);
            WorkFolders.Remove(Path.Combine(root, "data"));
        }
    }
}
