using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A pod on a node, from its volumes to its end, and how it is stopped.</summary>
internal sealed class LivePod : IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25);
    private readonly World _world;
    private readonly PodLife _life;
    private readonly PodVolumes _volumes;
    private readonly LiveContainers _containers;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private DateTimeOffset _killAt = DateTimeOffset.MaxValue;
    private volatile bool _abandoned;

    public LivePod(World world, IContainers containers, JsonObject pod, string folder, string claims)
    {
        _world = world;
        _life = new(pod);
        _volumes = new(world, pod, folder, claims);
        _containers = new(world, containers, _life, _volumes, Publish);
    }

    public string Name => _life.Key.Name;

    public Task Work { get; set; } = Task.CompletedTask;

    /// <summary>Stops gracefully: SIGTERM, and SIGKILL after <paramref name="grace"/> seconds. The shortest grace period counts.</summary>
    public void Stop(long grace)
    {
        lock (_gate)
        {
            var at = _world.Now + TimeSpan.FromSeconds(grace);
            _killAt = at < _killAt ? at : _killAt;
        }

        // Listeners of the store schedule work, they don't do it.
        _ = Task.Run(() => _stop.Cancel());
    }

    public void Dispose() => _stop.Dispose();

    /// <summary>The node disappears: nothing is reported any more, and nothing keeps running.</summary>
    public void Abandon()
    {
        _abandoned = true;
        Stop(grace: 0);
    }

    public async Task RunAsync()
    {
        var limit = _life.Pod.Number("spec", "activeDeadlineSeconds") is { } seconds
            ? TimeSpan.FromSeconds(seconds)
            : Timeout.InfiniteTimeSpan;
        using var deadline = new CancellationTokenSource(limit, TimeProvider.System);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, deadline.Token);
        try
        {
            await LiveAsync(over.Token);
        }
        catch (OperationCanceledException)
        {
            if (!_stop.IsCancellationRequested)
            {
                _life.Verdict = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
                Stop(_life.Pod.Number("spec", "terminationGracePeriodSeconds") ?? 30);
            }

            foreach (var container in _life.Main.Where(c => c.IsWaiting))
            {
                // The reason why it waited is dropped.
                container.Wait("ContainerCreating");
            }

            Publish();
            await _containers.StopAsync(() => KillAt);
            foreach (var container in _life.Verdict is null ? _life.Main.Where(c => c.IsWaiting) : [])
            {
                container.End(137, "ContainerStatusUnknown", _world.Now, "The container could not be located when the pod was terminated");
            }

            EndAs(_life.Verdict is null && _life.Main.All(c => c.ExitCode == 0) ? "Succeeded" : "Failed");
        }

        await LeaveAsync();
    }

    private DateTimeOffset KillAt
    {
        get
        {
            lock (_gate)
            {
                return _killAt;
            }
        }
    }

    private async Task LiveAsync(CancellationToken stop)
    {
        foreach (var container in _life.All)
        {
            container.Wait(_life.First.Count > 0 ? "PodInitializing" : "ContainerCreating");
        }

        Publish();
        await _volumes.SetUpAsync(stop);
        _life.HasSandbox = true;
        Publish();
        foreach (var container in _life.First)
        {
            await _containers.StartAsync(container, stop);
            await (container.IsSidecar ? _containers.StartedAsync(container, stop) : _containers.EndedAsync(container, stop));
            if (!container.HasDoneItsPart)
            {
                await _containers.StopSidecarsAsync(() => DateTimeOffset.MaxValue);
                EndAs("Failed");
                return;
            }
        }

        // A container whose image is missing does not keep others from starting.
        await Task.WhenAll(
            _life.Main.Select(async c =>
            {
                await _containers.StartAsync(c, stop);
                await _containers.EndedAsync(c, stop);
            })
        );
        await _containers.StopSidecarsAsync(() => DateTimeOffset.MaxValue);
        EndAs(_life.SumUp());
    }

    private void EndAs(string phase)
    {
        (_life.Phase, _life.HasSandbox) = (phase, false);
        Publish();
    }

    /// <summary>The pod stays until it is deleted and has no finalizers.</summary>
    private async Task LeaveAsync()
    {
        var forever = new TaskCompletionSource();
        await using (_stop.Token.Register(() => forever.TrySetResult()))
        {
            await forever.Task;
            while (!_abandoned)
            {
                lock (_world.Store.Gate)
                {
                    var pod = _world.Store.Find(_life.Key);
                    if (pod is null || pod.Text("metadata", "uid") != _life.Pod.Text("metadata", "uid"))
                    {
                        break;
                    }

                    if (pod.IsDeleting())
                    {
                        if (pod.Number("metadata", "deletionGracePeriodSeconds") != 0)
                        {
                            (pod.Meta()["deletionTimestamp"], pod.Meta()["deletionGracePeriodSeconds"]) = (Json.Time(_world.Now), 0);
                            _world.Store.Save("pods", pod);
                        }
                        else if (pod.Finalizers().Count == 0)
                        {
                            _world.Store.Remove(_life.Key);
                            break;
                        }
                    }
                }

                await Task.Delay(Look, TimeProvider.System);
            }
        }

        await _volumes.TearDownAsync();
    }

    private void Publish()
    {
        lock (_world.Store.Gate)
        {
            if (_world.Store.Find(_life.Key) is { } pod && pod.Text("metadata", "uid") == _life.Pod.Text("metadata", "uid"))
            {
                if (_life.Phase is not ("Succeeded" or "Failed"))
                {
                    _life.Phase = _life.First.All(c => c.HasDoneItsPart) && _life.SumUp() is "Running" ? "Running" : _life.Phase;
                }

                pod["status"] = _life.Status(pod["status"], _world.Now);
                _world.Store.Save("pods", pod);
            }
        }
    }
}
