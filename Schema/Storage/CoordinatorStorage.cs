using Orleans.Storage;

namespace Shipinator.Schema.Storage;

/// <summary>Orleans' own storage with our errors: a database that is away is a <see cref="StorageUnavailableException"/> here too.</summary>
internal sealed class CoordinatorStorage(IGrainStorage stock) : IGrainStorage
{
    /// <summary>The name of the provider that this one stands before.</summary>
    public const string Stock = StorageNames.Coordinators + ".stock";

    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        OursAsync(() => stock.ReadStateAsync(stateName, grainId, grainState));

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        OursAsync(() => stock.WriteStateAsync(stateName, grainId, grainState));

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        OursAsync(() => stock.ClearStateAsync(stateName, grainId, grainState));

    private static async Task OursAsync(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (Exception e) when (Database(e) is { } cause)
        {
            throw DatabaseErrors.Unavailable(cause);
        }
    }

    /// <summary>The database's own error in what Orleans may have wrapped.</summary>
    private static Exception? Database(Exception error)
    {
        for (var e = error; e is not null; e = e.InnerException)
        {
            if (DatabaseErrors.IsUnavailable(e))
            {
                return e;
            }
        }

        return null;
    }
}
