using Orleans.Storage;

namespace Shipinator.Schema.Storage;

/// <summary>Orleans' own storage, with <see cref="StorageUnavailableException"/> when the database is unavailable.</summary>
internal sealed class CoordinatorStorage(IGrainStorage stock) : IGrainStorage
{
    /// <summary>The name of the wrapped provider.</summary>
    public const string Stock = StorageNames.Coordinators + ".stock";

    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        TranslateErrorsAsync(() => stock.ReadStateAsync(stateName, grainId, grainState));

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        TranslateErrorsAsync(() => stock.WriteStateAsync(stateName, grainId, grainState));

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        TranslateErrorsAsync(() => stock.ClearStateAsync(stateName, grainId, grainState));

    private static async Task TranslateErrorsAsync(Func<Task> call)
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

    /// <summary>The database error in an exception that Orleans may have wrapped.</summary>
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
