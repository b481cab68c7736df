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
    [Theory]
    [InlineData("Shipinator:Listen", "0.0.0.0")]
    [InlineData("Shipinator:Engine:RunnerSilence", "-1")]
    public async Task Prepare_InvalidSettingsOfRooms_ReportsAllBeforeTheDatabaseIsAccessed(string key, string value)
    {
        var values = new Dictionary<string, string?> { ["Shipinator:Listen"] = "0.0.0.0", [key] = value };
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
        var options = Settings.Read(configuration);
        var root = Directory.CreateTempSubdirectory("shipinator-start-").FullName;
        try
        {
            using var folder = DataFolder.Open(Path.Combine(root, "data"), exclusive: true);
            // There is no database at this address: accessing it would fail differently.
            await using var database = ShipinatorDatabase.Create("Host=127.0.0.1;Port=1;Database=x;Username=x");
            await using var app = SiloApp.Build([], configuration, options, database, folder, 0);

            var error = await Assert.ThrowsAsync<OptionsValidationException>(() => SiloApp.PrepareAsync(app));

            Assert.Contains(error.Failures, f => f.Contains(key.Split(':')[^1], StringComparison.Ordinal));
            Assert.Contains(error.Failures, f => f.Contains("Shipinator:Listen (0.0.0.0)", StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
            WorkFolders.Remove(Path.Combine(root, "data"));
        }
    }
}
