using Microsoft.Extensions.DependencyInjection;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The executor with an API server over real HTTP in which only the test changes anything.</summary>
public abstract class ClusterAtRest : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private ServiceProvider _services = null!;

    internal ExecutorWorld World { get; } = new();

    internal FakeCluster Cluster { get; private set; } = null!;

    internal IWorkerExecutor Executor { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Cluster = await FakeCluster.StartAsync();
        (_services, Executor) = await World.StartAsync(Cluster);
    }

    public async ValueTask DisposeAsync()
    {
        await ExecutorWorld.StopAsync(_services);
        await Cluster.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    internal static WorkerSpec Worker(params WorkerStep[] steps) => Given.Worker(steps) with { JobId = JobId.New(TimeProvider.System) };

    /// <summary>The first status that matches; transient errors are retried.</summary>
    internal async Task<ExecutionStatus> UntilAsync(
        ExecutionSpec spec,
        Func<ExecutionStatus, bool> condition,
        IWorkerExecutor? executor = null
    )
    {
        ExecutionStatus last = null!;
        await UntilAsync(async () => condition(last = await (executor ?? Executor).Status(Given.Handle(spec), default)));
        return last;
    }

    protected static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var start = TimeProvider.System.GetTimestamp();
        string? error = null;
        while (!await IsSoAsync())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, $"The expected state was not reached in time. {error}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        async Task<bool> IsSoAsync()
        {
            try
            {
                return await condition();
            }
            catch (ExecutorException e) when (e.IsTransient)
            {
                // The informer is not synced yet, or a request took too long on a loaded machine.
                error = e.Message;
                return false;
            }
        }
    }
}
