using Orleans.Concurrency;

namespace Shipinator.Architecture.Tests;

// Deliberate violations: DetectorTests checks that each detector finds its own. None of this code runs.
#pragma warning disable RS0030, ORLEANS0010, ORLEANS0011, CA1812, CA1822, CA1052, CA2100

internal static class PlantedSql
{
    public static async Task<string> Run(Npgsql.NpgsqlConnection connection)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = "select id from jobs where status = 'running'";
        return $"UPDATE jobs SET name = {connection.Host}";
    }

    public static string Sentence() => "Select a branch from the list, then update it.";
}

internal static class PlantedTime
{
    public static async Task<DateTimeOffset> Now()
    {
        await Task.Yield();
        return DateTimeOffset.UtcNow;
    }

    public static Func<Guid> Ids() => Guid.NewGuid;
}

internal static class PlantedFiles
{
    public static IEnumerable<string> Read(List<string> paths)
    {
        foreach (var path in paths)
        {
            yield return File.ReadAllText(path);
        }
    }

    public static string InMemory() => new StringReader("text").ReadToEnd();
}

internal static class PlantedRestore
{
    public static Lifecycle Make(DateTimeOffset at) => Lifecycle.Restore(Machine.Run, Status.Success, null, null, at, at, at, at, 3);
}

internal interface IPlantedGrain : IGrainWithGuidKey
{
    [Alias("named"), AlwaysInterleave]
    Task Named();

    Task Nameless();
}

[Alias("shipinator.planted")]
internal sealed record PlantedNotSerialized;

[GenerateSerializer]
internal sealed record PlantedWithoutAlias;

[GenerateSerializer, Alias("PlantedPascal")]
internal sealed record PlantedPascal;

[GenerateSerializer, Alias("shipinator.planted-one")]
internal sealed record PlantedGood;

[GenerateSerializer, Alias("shipinator.planted-twice")]
internal sealed record PlantedFirst;

[GenerateSerializer, Alias("shipinator.planted-twice")]
internal sealed record PlantedSecond;

internal sealed class PlantedGrainA([PersistentState("shipinator.planted", "relational")] IPersistentState<PlantedGood> state) : Grain
{
    public PlantedGood State => state.State;
}

internal sealed class PlantedGrainB([PersistentState("shipinator.planted", "relational")] IPersistentState<PlantedGood> state) : Grain
{
    public PlantedGood State => state.State;
}

internal static partial class PlantedLog
{
    [Microsoft.Extensions.Logging.LoggerMessage(1, Microsoft.Extensions.Logging.LogLevel.Debug, "positional")]
    public static partial void Positional(Microsoft.Extensions.Logging.ILogger logger);

    [Microsoft.Extensions.Logging.LoggerMessage(EventId = 2, Level = Microsoft.Extensions.Logging.LogLevel.Debug, Message = "named")]
    public static partial void Named(Microsoft.Extensions.Logging.ILogger logger);

    [Microsoft.Extensions.Logging.LoggerMessage(Level = Microsoft.Extensions.Logging.LogLevel.Debug, Message = "without")]
    public static partial void Without(Microsoft.Extensions.Logging.ILogger logger);
}
