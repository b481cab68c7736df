namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A cluster's clock, and what its controllers have scheduled.</summary>
internal abstract class ClusterTime : TimeProvider
{
    /// <summary>Runs an action when this much of the cluster's time has passed.</summary>
    public abstract void After(TimeSpan delay, Action action);
}

/// <summary>The machine's own clock: for pods that really run.</summary>
internal sealed class WallTime : ClusterTime
{
    public override void After(TimeSpan delay, Action action) => _ = ActAsync(delay, action);

    private static async Task ActAsync(TimeSpan delay, Action action)
    {
        await Task.Delay(delay < TimeSpan.Zero ? TimeSpan.Zero : delay, System);
        try
        {
            action();
        }
        catch (Exception e)
        {
            // What a controller wanted to change may be gone: real ones also log that, and retry at the next change.
            await Console.Error.WriteLineAsync($"fake cluster: {(e is Refusal ? e.Message : e)}");
        }
    }
}
