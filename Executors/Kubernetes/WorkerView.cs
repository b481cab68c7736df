using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>What the cluster was last seen to say of one worker. What is gone keeps its last words: they hold the reason.</summary>
internal sealed record WorkerView(string Name, string Namespace)
{
    public V1Job? Job { get; init; }

    public V1Pod? Pod { get; init; }

    /// <summary>What kept the pod's containers from starting, as it was first said.</summary>
    public ImmutableDictionary<string, Block> Blocks { get; init; } = Kubernetes.Blocks.None;

    /// <summary>Whether the Job is in the cluster.</summary>
    public bool HasJob { get; init; }

    /// <summary>Whether the pod is in the cluster.</summary>
    public bool HasPod { get; init; }

    /// <summary>Why the Job's controller can't make a pod, in its words.</summary>
    public string? CreateError { get; init; }

    /// <summary>Why its node can't start the pod's first container, in its words: a volume, a network.</summary>
    public NodeTrouble? Trouble { get; init; }

    /// <summary>When both were gone.</summary>
    public DateTimeOffset? GoneAt { get; init; }

    public bool IsPresent => HasJob || HasPod;
}

/// <summary>What a node says of a pod that it can't start. The reason is an event's, such as <c>FailedMount</c>.</summary>
internal sealed record NodeTrouble(string Reason, string Words);

/// <summary>All workers of this installation, as the watches tell. Safe to use from several threads.</summary>
internal sealed class WorkerCache(TimeProvider time)
{
    /// <summary>How long the last words of what is gone are kept.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(30);
    private static readonly HashSet<string> Troubles = ["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"];
    private readonly ConcurrentDictionary<string, WorkerView> _views = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (string Words, DateTimeOffset At)> _createErrors = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (NodeTrouble Trouble, DateTimeOffset At)> _troubles = new(StringComparer.Ordinal);

    /// <summary>A worker changed; by its name.</summary>
    public event Action<string>? Changed;

    /// <summary>A worker is gone for so long that nothing is known of it any more; by its name.</summary>
    public event Action<string>? Forgotten;

    public WorkerView? Find(string worker) => _views.GetValueOrDefault(worker);

    public IReadOnlyCollection<WorkerView> All => [.. _views.Values];

    /// <summary>As a watch tells it: what lags behind a list that was asked for meanwhile is not news.</summary>
    public void See(V1Job job, bool gone) => See(job, gone, isCurrent: false);

    /// <inheritdoc cref="See(V1Job, bool)"/>
    public void See(V1Pod pod, bool gone) => See(pod, gone, isCurrent: false);

    /// <summary>As a list shows it: whatever was seen before, so it is now.</summary>
    public void SeeNow(V1Job job) => See(job, gone: false, isCurrent: true);

    /// <inheritdoc cref="SeeNow(V1Job)"/>
    public void SeeNow(V1Pod pod) => See(pod, gone: false, isCurrent: true);

    private void See(V1Job job, bool gone, bool isCurrent)
    {
        if (Labels.Worker(job.Metadata) is { } name)
        {
            Set(
                name,
                job.Metadata.NamespaceProperty,
                v =>
                    !isCurrent && IsOlder(job.Metadata, v.Job?.Metadata)
                        ? v
                        : v with
                        {
                            Job = job,
                            HasJob = !gone,
                            CreateError = v.Pod is null && _createErrors.TryGetValue(name, out var error) ? error.Words : v.CreateError,
                        }
            );
        }
    }

    private void See(V1Pod pod, bool gone, bool isCurrent)
    {
        if (Labels.Worker(pod.Metadata) is { } name)
        {
            // A Job may make a second pod when its first was deleted: the newest counts.
            Set(
                name,
                pod.Metadata.NamespaceProperty,
                v =>
                    (!isCurrent && IsOlder(pod.Metadata, v.Pod?.Metadata))
                    || (
                        v.Pod is { } known
                        && known.Metadata.Uid != pod.Metadata.Uid
                        && known.Metadata.CreationTimestamp > pod.Metadata.CreationTimestamp
                    )
                        ? v
                        : v with
                        {
                            Pod = pod,
                            HasPod = !gone,
                            CreateError = null,
                            Blocks = Blocks.Follow(IsSame(v.Pod, pod) ? v.Blocks : Blocks.None, pod, isCurrent ? null : time.GetUtcNow()),
                            Trouble = IsSame(v.Pod, pod) ? v.Trouble : _troubles.GetValueOrDefault(pod.Metadata.Name).Trouble,
                        }
            );
        }
    }

    private static bool IsSame(V1Pod? known, V1Pod seen) => known?.Metadata.Uid == seen.Metadata.Uid;

    /// <summary>Versions of one object are numbers that grow, until a cluster is restored from a backup: then it begins with a list.</summary>
    private static bool IsOlder(V1ObjectMeta seen, V1ObjectMeta? known) =>
        seen.Uid == known?.Uid
        && ulong.TryParse(seen.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out var one)
        && ulong.TryParse(known?.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out var other)
        && one < other;

    /// <summary>A warning about a Job or a pod. It may be told before its object is, and comes again and again.</summary>
    public void See(Corev1Event warning)
    {
        if (warning.InvolvedObject is not { Name: { } name } about || !Labels.IsName(name) || warning.Message is not { Length: > 0 } words)
        {
            return;
        }

        switch (about.Kind, warning.Reason)
        {
            case ("Job", "FailedCreate"):
                SeeNoPod(name, words);
                break;
            case ("Pod", { } reason) when Troubles.Contains(reason):
                SeeTrouble(name, new(reason, words));
                break;
        }
    }

    private void SeeTrouble(string pod, NodeTrouble trouble)
    {
        _troubles[pod] = (trouble, time.GetUtcNow());
        if (
            Labels.OfPod(pod) is { } name
            && _views.TryGetValue(name, out var view)
            && view.Pod?.Metadata.Name == pod
            && view.Trouble != trouble
        )
        {
            Set(name, view.Namespace, v => v.Pod?.Metadata.Name == pod ? v with { Trouble = trouble } : v);
        }
    }

    private void SeeNoPod(string name, string words)
    {
        _createErrors[name] = (words, time.GetUtcNow());
        if (_views.TryGetValue(name, out var view) && view is { HasJob: true, Pod: null } && view.CreateError != words)
        {
            Set(name, view.Namespace, v => v.Pod is null ? v with { CreateError = words } : v);
        }
    }

    /// <summary>What a list no longer holds is gone.</summary>
    public void KeepJobs(string @namespace, IReadOnlySet<string> present) =>
        Keep(@namespace, present, v => v.HasJob, v => v with { HasJob = false });

    /// <summary>What a list no longer holds is gone.</summary>
    public void KeepPods(string @namespace, IReadOnlySet<string> present) =>
        Keep(@namespace, present, v => v.HasPod, v => v with { HasPod = false });

    /// <summary>Forgets what is gone for long; to be called from time to time.</summary>
    public void Purge()
    {
        var now = time.GetUtcNow();
        foreach (var error in _createErrors.Where(e => now - e.Value.At > Memory))
        {
            _createErrors.TryRemove(error);
        }

        foreach (var trouble in _troubles.Where(t => now - t.Value.At > Memory))
        {
            _troubles.TryRemove(trouble);
        }

        foreach (var view in _views.Values.Where(v => now - v.GoneAt > Memory))
        {
            if (_views.TryRemove(KeyValuePair.Create(view.Name, view)))
            {
                Forgotten?.Invoke(view.Name);
            }
        }
    }

    private void Keep(string @namespace, IReadOnlySet<string> present, Func<WorkerView, bool> has, Func<WorkerView, WorkerView> lose)
    {
        foreach (var view in _views.Values.Where(v => v.Namespace == @namespace && has(v) && !present.Contains(v.Name)))
        {
            Set(view.Name, @namespace, lose);
        }
    }

    private void Set(string name, string @namespace, Func<WorkerView, WorkerView> change)
    {
        _views.AddOrUpdate(name, n => Dated(change(new(n, @namespace))), (_, v) => Dated(change(v)));
        Changed?.Invoke(name);
    }

    private WorkerView Dated(WorkerView view) =>
        view.IsPresent ? view with { GoneAt = null } : view with { GoneAt = view.GoneAt ?? time.GetUtcNow() };
}
