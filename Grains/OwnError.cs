using System.Runtime.ExceptionServices;

namespace Shipinator.Grains;

/// <summary>
/// Unwraps exceptions of grain storage: Orleans wraps them, once for the storage call and once more when the activation fails.
/// </summary>
internal static class OwnError
{
    /// <summary>The <see cref="ShipinatorException"/> that <paramref name="error"/> wraps; otherwise the error itself.</summary>
    public static Exception Unwrap(Exception error)
    {
        for (var e = error; e is not null; e = e.InnerException)
        {
            if (e is ShipinatorException)
            {
                return e;
            }
        }

        return error;
    }
}

/// <summary>
/// Rethrows Shipinator's exceptions unwrapped to callers on every silo: an unavailable database is a
/// <see cref="StorageUnavailableException"/> even when the called grain could not be activated.
/// </summary>
internal sealed class OwnErrorFilter : IOutgoingGrainCallFilter
{
    /// <inheritdoc/>
    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        try
        {
            await context.Invoke();
        }
        catch (OrleansException e) when (OwnError.Unwrap(e) is ShipinatorException cause)
        {
            ExceptionDispatchInfo.Throw(cause);
        }
    }
}
