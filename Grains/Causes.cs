using System.Runtime.ExceptionServices;

namespace Shipinator.Grains;

/// <summary>Orleans wraps what a storage throws, once per call and once more when an activation fails: this finds our own error in it.</summary>
internal static class Causes
{
    /// <summary>The error of ours that <paramref name="error"/> carries; else the error itself.</summary>
    public static Exception Of(Exception error)
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
/// Callers get our own errors as they were thrown, from whichever silo: a database that is away is a
/// <see cref="StorageUnavailableException"/> also when the called grain could not even be activated.
/// </summary>
internal sealed class CauseFilter : IOutgoingGrainCallFilter
{
    /// <inheritdoc/>
    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        try
        {
            await context.Invoke();
        }
        catch (OrleansException e) when (Causes.Of(e) is ShipinatorException cause)
        {
            ExceptionDispatchInfo.Throw(cause);
        }
    }
}
