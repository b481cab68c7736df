using System.Runtime.ExceptionServices;

namespace Shipinator.Grains;

/// <summary>
/// Orleans wraps what a storage throws, once per call and once more when an activation fails: this finds our own exception in it.
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
/// Callers get our own exceptions as they were thrown, from whichever silo: an unavailable database is a
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
