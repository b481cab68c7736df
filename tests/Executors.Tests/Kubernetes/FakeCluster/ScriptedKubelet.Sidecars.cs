namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Containers that stand beside the others: started in a row, asked whether they are ready, stopped last.</summary>
internal sealed partial class ScriptedKubelet
{
    /// <summary>
    /// What comes after a sidecar waits for its start-up probe; one that is never answered has it started anew, again and again.
    /// </summary>
    private IEnumerable<TimeSpan> UntilStarted(PodLife life, ContainerLife container)
    {
        for (var failures = 0; container.Probe is var (period, most, port) && !container.HasPassed; )
        {
            yield return period;
            container.HasPassed =
                !EndIfOver(container)
                && container.Course!.Ports.TryGetValue(port, out var since)
                && container.StartedAt + since <= _world.Now;
            if (container.HasPassed || (++failures < most && container.IsRunning))
            {
                continue;
            }

            if (container.IsRunning)
            {
                container.End(137, "Error", _world.Now);
            }

            var restart = TimeSpan.FromSeconds(10 * Math.Pow(2, Math.Min(container.Restarts, 5)));
            container.WaitForRestart(restart, life.Key.Name);
            Publish(life);
            yield return restart;
            failures = 0;
            _runtime.Start(life, container);
            Publish(life);
        }
    }

    /// <summary>The last that was started first.</summary>
    private IEnumerable<TimeSpan> StopSidecars(PodLife life)
    {
        foreach (var sidecar in life.First.Where(c => c is { IsSidecar: true, IsRunning: true }).Reverse())
        {
            yield return Milliseconds(100);
            sidecar.End(143, "Error", _world.Now);
            Publish(life);
        }
    }
}
