namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Sidecars: started one after the other, probed, and stopped last.</summary>
internal sealed class Sidecars(World world, ContainerRuntime runtime)
{
    /// <summary>
    /// The containers after a sidecar wait for its startup probe; a sidecar whose probe never succeeds is restarted again and again.
    /// </summary>
    public IEnumerable<TimeSpan> UntilStarted(PodLife life, ContainerLife container)
    {
        for (var failures = 0; container.Probe is var (period, most, port) && !container.HasPassed; )
        {
            yield return period;
            container.HasPassed =
                !container.EndIfOver(world.Now)
                && container.Course!.Ports.TryGetValue(port, out var since)
                && container.StartedAt + since <= world.Now;
            if (container.HasPassed || (++failures < most && container.IsRunning))
            {
                continue;
            }

            if (container.IsRunning)
            {
                container.End(137, "Error", world.Now);
            }

            var restart = TimeSpan.FromSeconds(10 * Math.Pow(2, Math.Min(container.Restarts, 5)));
            container.WaitForRestart(restart, life.Key.Name);
            world.Publish(life);
            yield return restart;
            failures = 0;
            runtime.Start(life, container);
            world.Publish(life);
        }
    }

    /// <summary>In reverse order of their start.</summary>
    public IEnumerable<TimeSpan> Stop(PodLife life)
    {
        foreach (var sidecar in life.First.Where(c => c is { IsSidecar: true, IsRunning: true }).Reverse())
        {
            yield return TimeSpan.FromMilliseconds(100);
            sidecar.End(143, "Error", world.Now);
            world.Publish(life);
        }
    }
}
