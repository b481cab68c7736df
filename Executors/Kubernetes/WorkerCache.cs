using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>
/// The last observed state of one worker in the cluster. Objects that are gone keep their last state, since it holds the reason.
/// </summary>
internal sealed record WorkerSnapshot(string Name, string Namespace)
{
    public V1Job? Job { get; init; }

    public V1Pod? Pod { get; init; }

    /// <summary>What keeps the pod's containers from starting, by container name.</summary>
    public ImmutableDictionary<string, StartFailure> StartFailures { get; init; } = Kubernetes.StartFailures.None;

    /// <summary>Whether the Job exists in the cluster.</summary>
    public bool HasJob { get; init; }

    /// <summary>Whether the pod exists in the cluster.</summary>
    public bool HasPod { get; init; }

    /// <summary>The Job controller's message about why it can't create a pod.</summary>
    public string? CreateError { get; init; }

    /// <summary>The node's message about why it can't start the pod's first container: a volume, a network.</summary>
    public NodeWarning? NodeWarning { get; init; }

    /// <summary>When both Job and pod were gone.</summary>
    public DateTimeOffset? GoneAt { get; init; }

    public bool IsPresent => HasJob || HasPod;
}

/// <summary>A node's warning about a pod that it can't start. The reason is the event's, such as <c>FailedMount</c>.</summary>
internal sealed record NodeWarning(string Reason, string Message);

/// <summary>All workers of this installation as last observed. Thread-safe.</summary>
internal sealed class WorkerCache(TimeProvider time)
{
    /// <summary>How long the last state of a worker is kept after it is gone.</summary>
    private static readonly TimeSpan Retention = TimeSpan.FromMinutes(30);
    private static readonly HashSet<string> NodeWarningReasons = ["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"];
    private readonly ConcurrentDictionary<string, WorkerSnapshot> _views = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (string Message, DateTimeOffset At)> _createErrors = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (NodeWarning Warning, DateTimeOffset At)> _nodeWarnings = new(StringComparer.Ordinal);

    /// <summary>A worker changed; the argument is its name.</summary>
    public event Action<string>? Changed;

    /// <summary>A worker was gone for so long that it was purged; the argument is its name.</summary>
    public event Action<string>? Forgotten;

    public WorkerSnapshot? Find(string worker) => _views.GetValueOrDefault(worker);

    public IReadOnlyCollection<WorkerSnapshot> All => [.. _views.Values];

    /// <summary>Takes a change that a watch reported; one that is older than what a list showed meanwhile is ignored.</summary>
    public void Observe(V1Job job, bool gone) => Observe(job, gone, isCurrent: false);

    /// <inheritdoc cref="Observe(V1Job, bool)"/>
    public void Observe(V1Pod pod, bool gone) => Observe(pod, gone, isCurrent: false);

    /// <summary>Takes an object of a list: it replaces whatever was seen before.</summary>
    public void ObserveListed(V1Job job) => Observe(job, gone: false, isCurrent: true);

    /// <inheritdoc cref="ObserveListed(V1Job)"/>
    public void ObserveListed(V1Pod pod) => Observe(pod, gone: false, isCurrent: true);

    private void Observe(V1Job job, bool gone, bool isCurrent)
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
                            CreateError = v.Pod is null && _createErrors.TryGetValue(name, out var error) ? error.Message : v.CreateError,
                        }
            );
        }
    }

    private void Observe(V1Pod pod, bool gone, bool isCurrent)
    {
        if (Labels.Worker(pod.Metadata) is { } name)
        {
            // A Job may create a second pod when its first was deleted: the newest counts.
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
                            StartFailures = StartFailures.Update(
                                IsSame(v.Pod, pod) ? v.StartFailures : StartFailures.None,
                                pod,
                                isCurrent ? null : time.GetUtcNow()
                            ),
                            NodeWarning = IsSame(v.Pod, pod) ? v.NodeWarning : _nodeWarnings.GetValueOrDefault(pod.Metadata.Name).Warning,
                        }
            );
        }
    }

    private static bool IsSame(V1Pod? known, V1Pod seen) => known?.Metadata.Uid == seen.Metadata.Uid;

    /// <summary>
    /// Resource versions of one object are growing numbers, until a cluster is restored from a backup: then watches restart with a list.
    /// </summary>
    private static bool IsOlder(V1ObjectMeta seen, V1ObjectMeta? known) =>
        seen.Uid == known?.Uid
        && ulong.TryParse(seen.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out var one)
        && ulong.TryParse(known?.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out var other)
        && one < other;

    /// <summary>Takes a warning event about a Job or a pod. It may arrive before its object, and is repeated.</summary>
    public void Observe(Corev1Event warning)
    {
        if (
            warning.InvolvedObject is not { Name: { } name } about
            || !name.StartsWith(WorkerName.Prefix, StringComparison.Ordinal)
            || warning.Message is not { Length: > 0 } message
        )
        {
            return;
        }

        switch (about.Kind, warning.Reason)
        {
            case ("Job", "FailedCreate"):
                RecordCreateError(name, message);
                break;
            case ("Pod", { } reason) when NodeWarningReasons.Contains(reason):
                RecordNodeWarning(name, new(reason, message));
                break;
        }
    }

    private void RecordNodeWarning(string pod, NodeWarning warning)
    {
        _nodeWarnings[pod] = (warning, time.GetUtcNow());
        if (
            Labels.OfPod(pod) is { } name
            && _views.TryGetValue(name, out var view)
            && view.Pod?.Metadata.Name == pod
            && view.NodeWarning != warning
        )
        {
            Set(name, view.Namespace, v => v.Pod?.Metadata.Name == pod ? v with { NodeWarning = warning } : v);
        }
    }

    private void RecordCreateError(string name, string message)
    {
        _createErrors[name] = (message, time.GetUtcNow());
        if (_views.TryGetValue(name, out var view) && view is { HasJob: true, Pod: null } && view.CreateError != message)
        {
            Set(name, view.Namespace, v => v.Pod is null ? v with { CreateError = message } : v);
        }
    }

    /// <summary>Marks as gone what a complete list does not contain.</summary>
    public void RemoveMissingJobs(string @namespace, IReadOnlySet<string> present) =>
        RemoveMissing(@namespace, present, v => v.HasJob, v => v with { HasJob = false });

    /// <summary>Marks as gone what a complete list does not contain.</summary>
    public void RemoveMissingPods(string @namespace, IReadOnlySet<string> present) =>
        RemoveMissing(@namespace, present, v => v.HasPod, v => v with { HasPod = false });

    /// <summary>Removes the state of workers that were deleted longer ago than it is kept. Call it periodically.</summary>
    public void Purge()
    {
        var now = time.GetUtcNow();
        foreach (var error in _createErrors.Where(e => now - e.Value.At > Retention))
        {
            _createErrors.TryRemove(error);
        }

        foreach (var warning in _nodeWarnings.Where(t => now - t.Value.At > Retention))
        {
            _nodeWarnings.TryRemove(warning);
        }

        foreach (var view in _views.Values.Where(v => now - v.GoneAt > Retention))
        {
            if (_views.TryRemove(KeyValuePair.Create(view.Name, view)))
            {
                Forgotten?.Invoke(view.Name);
            }
        }
    }

    private void RemoveMissing(
        string @namespace,
        IReadOnlySet<string> present,
        Func<WorkerSnapshot, bool> exists,
        Func<WorkerSnapshot, WorkerSnapshot> remove
    )
    {
        foreach (var view in _views.Values.Where(v => v.Namespace == @namespace && exists(v) && !present.Contains(v.Name)))
        {
            Set(view.Name, @namespace, remove);
        }
    }

    private void Set(string name, string @namespace, Func<WorkerSnapshot, WorkerSnapshot> change)
    {
        _views.AddOrUpdate(name, n => WithGoneAt(change(new(n, @namespace))), (_, v) => WithGoneAt(change(v)));
        Changed?.Invoke(name);
    }

    private WorkerSnapshot WithGoneAt(WorkerSnapshot view) =>
        view.IsPresent ? view with { GoneAt = null } : view with { GoneAt = view.GoneAt ?? time.GetUtcNow() };
}
