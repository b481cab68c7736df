using Microsoft.Extensions.DependencyInjection;
using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>An executor, and a cluster whose controllers, scheduler and kubelet run by the cluster's own clock.</summary>
public abstract class ClusterAtWork : IAsyncLifetime
{
    /// <summary>An image that no registry has: pods wait for it until the timeout.</summary>
    protected const string Absent = "registry.example/none:1";
    private static readonly TimeSpan Ages = TimeSpan.FromDays(30);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);
    private readonly ExecutorWorld _world = new();

    internal Agenda Agenda { get; } = new();

    internal FakeCluster Cluster { get; private set; } = null!;

    internal ServiceProvider Services { get; set; } = null!;

    internal IWorkerExecutor Executor { get; set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Cluster = await FakeCluster.StartAsync(Agenda);
        (Services, Executor) = await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await ExecutorWorld.StopAsync(Services);
        await Cluster.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    internal static ExecutionSpec Execution(string image = Absent) =>
        Given.Execution(Given.Worker(Given.Step(0, "compile", image: image)) with { JobId = JobId.New(TimeProvider.System) });

    /// <summary>The ports that the executors need.</summary>
    internal ExecutorWorld World => _world;

    /// <summary>With a <c>prepare</c> container that ends at once; <paramref name="script"/> is what the steps' containers run.</summary>
    internal Task<(ServiceProvider Services, IWorkerExecutor Executor)> StartAsync(
        TimeSpan? imagePull = null,
        string? script = null,
        TimeSpan? sweep = null,
        Action<KubernetesOptions>? configure = null
    ) =>
        _world.StartAsync(
            Cluster,
            Agenda,
            o =>
            {
                (o.RunnerImage, o.RunnerCommand) = (
                    "runner:local",
                    ["sh", "-c", script is null ? "true" : $"echo {script} > /shipinator/bin/runner"]
                );
                // The cluster's clock may run ahead of a slow machine.
                (o.ImagePullTimeout, o.PendingTimeout, o.SweepPeriod) = (imagePull ?? Ages, Ages, sweep ?? Ages);
                o.RequestTimeout = TimeSpan.FromSeconds(2);
                configure?.Invoke(o);
            }
        );

    /// <summary>The same server with other settings.</summary>
    internal async Task RestartAsync(Action<KubernetesOptions> configure, string? script = null)
    {
        await ExecutorWorld.StopAsync(Services);
        (Services, Executor) = await StartAsync(script: script, configure: configure);
    }

    protected Task RetryAsync(Func<Task> action) =>
        UntilAsync(async () =>
        {
            try
            {
                await action();
                return true;
            }
            catch (ExecutorException e) when (e.IsTransient)
            {
                return false;
            }
        });

    internal async Task<ExecutionStatus> UntilAsync(ExecutionSpec spec, Func<ExecutionStatus, bool> condition)
    {
        ExecutionStatus last = null!;
        await UntilAsync(async () => condition(last = await Executor.Status(Given.Handle(spec), default)));
        return last;
    }

    /// <summary>The current status: the cluster's clock stands still, however often a loaded machine has to retry.</summary>
    internal async Task<ExecutionStatus> StatusAsync(ExecutionSpec spec)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return await Executor.Status(Given.Handle(spec), default);
            }
            catch (ExecutorException e) when (e.IsTransient && TimeProvider.System.GetElapsedTime(start) < Patience)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
            }
        }
    }

    protected Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    /// <summary>The cluster's clock moves a little with each poll, and never by much: responses take real time.</summary>
    protected async Task UntilAsync(Func<Task<bool>> condition)
    {
        var start = TimeProvider.System.GetTimestamp();
        string? error = null;
        do
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, $"The expected state was not reached in time. {error}");
            await PassAsync();
        } while (!await IsSoAsync());

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

    protected async Task PassAsync()
    {
        Agenda.Pass(Look);
        await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
    }
}
