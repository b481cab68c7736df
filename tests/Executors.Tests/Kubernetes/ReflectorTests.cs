using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A watch continues after any error: a background service that throws ends the whole server.</summary>
public sealed class ReflectorTests
{
    [Fact]
    public async Task Run_UnexpectedError_IsRetried()
    {
        using var stop = new CancellationTokenSource();
        var pages = 0;
        var followed = new WatchedResource<V1Pod>(
            "pods",
            "api/v1/pods",
            "",
            (_, _) =>
            {
                if (++pages < 4)
                {
                    throw new NotSupportedException("odd");
                }

                stop.Cancel();
                throw new OperationCanceledException(stop.Token);
            }
        )
        {
            ObserveListed = _ => { },
            Observe = (_, _) => { },
            RemoveMissing = _ => { },
        };

        await new Reflector<V1Pod>(null!, followed, new Impatient(), NullLogger.Instance).RunAsync(stop.Token);

        Assert.Equal(4, pages);
    }

    /// <summary>Every delay ends at once.</summary>
    private sealed class Impatient : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
