namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// The kubelet of a node that has the images <c>*:local</c>: moves pods through their states and reports these on schedule.
/// </summary>
internal sealed class ScriptedKubelet
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);
    private readonly World _world;
    private readonly ContainerRuntime _runtime;
    private readonly Sidecars _sidecars;
    private readonly Dictionary<string, PodLife> _lives = new(StringComparer.Ordinal);

    private ScriptedKubelet(World world)
    {
        (_world, _runtime) = (world, new(world));
        _sidecars = new(world, _runtime);
    }

    public static void Start(World world) => world.Store.Changed += new ScriptedKubelet(world).See;

    private void See(Change change)
    {
        if (change.Key.Kind != "pods")
        {
            return;
        }

        var uid = change.Object.Text("metadata", "uid")!;
        if (
            change.Object.Text("spec", "nodeName") is not null
            && change.Before?.Text("spec", "nodeName") is null
            && change.Type == "MODIFIED"
        )
        {
            var begun = _lives[uid] = new(change.Object.Copy());
            _world.After(0, () => Begin(begun, Live(begun)));
            if (change.Object.Number("spec", "activeDeadlineSeconds") is { } seconds)
            {
                _world.After(TimeSpan.FromSeconds(seconds), () => Begin(begun, GiveUp(begun)));
            }
        }
        else if (
            change.Type == "MODIFIED"
            && change.Object.IsDeleting()
            && change.Before?.IsDeleting() != true
            && _lives.TryGetValue(uid, out var life)
        )
        {
            Begin(life, Terminate(life, change.Object.Number("metadata", "deletionGracePeriodSeconds") ?? 0));
        }
    }

    private void Begin(PodLife life, IEnumerable<TimeSpan> steps)
    {
        var mine = steps.GetEnumerator();
        life.Steps = mine;
        Next();

        void Next()
        {
            // The pod may have taken another course meanwhile.
            if (life.Steps == mine && mine.MoveNext())
            {
                _world.After(mine.Current, Next);
            }
        }
    }

    private IEnumerable<TimeSpan> Live(PodLife life)
    {
        yield return Milliseconds(20);
        foreach (var container in life.All)
        {
            container.Wait(life.First.Count > 0 ? "PodInitializing" : "ContainerCreating");
        }

        _world.Publish(life);
        yield return Milliseconds(300);
        while (ContainerRuntime.Volumes(life).Any(s => _runtime.Find(life, s) is null))
        {
            // Reported in events only.
            yield return Tick;
        }

        life.HasSandbox = true;
        _world.Publish(life);
        foreach (var container in life.First)
        {
            foreach (var pause in Await(life, container).Append(Milliseconds(100)))
            {
                yield return pause;
            }

            _runtime.Start(life, container);
            _world.Publish(life);
            foreach (var pause in container.IsSidecar ? _sidecars.UntilStarted(life, container) : UntilEnded(container))
            {
                yield return pause;
            }

            _world.Publish(life);
            if (!container.HasDoneItsPart)
            {
                yield return Tick;
                foreach (var pause in _sidecars.Stop(life))
                {
                    yield return pause;
                }

                (life.Phase, life.HasSandbox) = ("Failed", false);
                _world.Publish(life);
                yield break;
            }
        }

        foreach (var container in life.Main)
        {
            foreach (var pause in Await(life, container))
            {
                yield return pause;
            }

            // A container that ended while the next one was started is seen as ended at once.
            foreach (var earlier in life.Main)
            {
                earlier.EndIfOver(_world.Now);
            }

            _runtime.Start(life, container);
            yield return Milliseconds(50);
        }

        if (life.Main.Any(c => c.IsRunning))
        {
            life.Phase = "Running";
        }

        _world.Publish(life);
        while (life.Main.Any(c => c.IsRunning))
        {
            yield return life.Main.Where(c => c.IsRunning).Min(UntilOver);
            life.Main.ToList().ForEach(c => c.EndIfOver(_world.Now));
            _world.Publish(life);
        }

        yield return Tick;
        foreach (var pause in _sidecars.Stop(life))
        {
            yield return pause;
        }

        (life.Phase, life.HasSandbox) = (life.Main.All(c => c.ExitCode == 0) ? "Succeeded" : "Failed", false);
        _world.Publish(life);
    }

    private IEnumerable<TimeSpan> UntilEnded(ContainerLife container)
    {
        while (!container.EndIfOver(_world.Now))
        {
            yield return UntilOver(container);
        }
    }

    /// <summary>Waits for its image and Secrets.</summary>
    private IEnumerable<TimeSpan> Await(PodLife life, ContainerLife container)
    {
        yield return Milliseconds(100);
        while (!container.Image.EndsWith(":local", StringComparison.Ordinal))
        {
            var error =
                $"rpc error: code = NotFound desc = failed to pull and unpack image \"{container.Image}\": failed to resolve "
                + $"image: {container.Image}: not found";
            yield return Milliseconds(1500);
            container.Wait("ErrImagePull", error);
            _world.Publish(life);
            yield return Milliseconds(10_000);
            container.Wait("ImagePullBackOff", $"Back-off pulling image \"{container.Image}\": ErrImagePull: {error}");
            _world.Publish(life);
            yield return Milliseconds(13_000);
        }

        while (ContainerRuntime.Secrets(container).FirstOrDefault(s => _runtime.Find(life, s) is null) is { } missing)
        {
            container.Wait("CreateContainerConfigError", $"secret \"{missing}\" not found");
            _world.Publish(life);
            yield return Milliseconds(12_000);
        }
    }

    /// <summary>Checks once a second.</summary>
    private TimeSpan UntilOver(ContainerLife container) =>
        TimeSpan.FromSeconds(Math.Max(1, Math.Ceiling((container.EndsAt - _world.Now).TotalSeconds)));

    private IEnumerable<TimeSpan> Terminate(PodLife life, long grace)
    {
        yield return Milliseconds(3);
        if (life.Phase is not ("Succeeded" or "Failed"))
        {
            if (!life.All.Any(c => c.IsRunning))
            {
                // The reason why it waited is dropped.
                life.Main.Where(c => c.State.ContainsKey("waiting")).ToList().ForEach(c => c.Wait("ContainerCreating"));
                _world.Publish(life);
                yield return Milliseconds(100);
                life.HasSandbox = false;
                _world.Publish(life);
            }
            else
            {
                // The first process of a container ignores SIGTERM unless it handles it.
                var longest =
                    life.All.Where(c => c is { IsRunning: true, IsSidecar: false }).Max(c => (DateTimeOffset?)c.EndsAt) - _world.Now
                    ?? TimeSpan.Zero;
                yield return longest < TimeSpan.FromSeconds(grace)
                    ? (longest < TimeSpan.Zero ? TimeSpan.Zero : longest) + Tick
                    : TimeSpan.FromSeconds(grace);
            }

            foreach (var container in life.Main)
            {
                if (!container.EndIfOver(_world.Now))
                {
                    container.End(
                        137,
                        container.IsRunning ? "Error" : "ContainerStatusUnknown",
                        _world.Now,
                        container.IsRunning ? null : "The container could not be located when the pod was terminated"
                    );
                }
            }

            foreach (var pause in _sidecars.Stop(life))
            {
                yield return pause;
            }

            (life.Phase, life.HasSandbox) = ("Failed", false);
            _world.Publish(life);
        }

        yield return Milliseconds(50);
        if (_world.Store.Find(life.Key) is { } pod && pod.Number("metadata", "deletionGracePeriodSeconds") != 0)
        {
            (pod.Meta()["deletionTimestamp"], pod.Meta()["deletionGracePeriodSeconds"]) = (Json.Time(_world.Now), 0);
            _world.Store.Save("pods", pod);
        }

        do
        {
            yield return Milliseconds(50);
        } while (_world.Store.Find(life.Key)?.Finalizers().Count > 0);
        _world.Store.Remove(life.Key);
    }

    /// <summary>The pod's deadline stops its containers and keeps the pod, and with it the reason.</summary>
    private IEnumerable<TimeSpan> GiveUp(PodLife life)
    {
        if (life.Phase is "Succeeded" or "Failed" || _world.Store.Find(life.Key) is not { } pod || pod.IsDeleting())
        {
            yield break;
        }

        foreach (var container in life.All.Where(c => !c.EndIfOver(_world.Now)))
        {
            if (container.IsRunning)
            {
                container.End(137, "Error", _world.Now);
            }
        }

        life.Verdict = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
        (life.Phase, life.HasSandbox) = ("Failed", false);
        _world.Publish(life);
    }

    private static TimeSpan Milliseconds(int count) => TimeSpan.FromMilliseconds(count);
}
