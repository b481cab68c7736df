using System.Collections.Concurrent;
using k8s;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Lists the pods of single workers, for what the watches can't show: at most every ten seconds for each.</summary>
internal sealed class PodRefresh(IKubernetes cluster, WorkerCache cache, KubernetesOptions options, TimeProvider time)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _refreshed = new(StringComparer.Ordinal);

    public void Forget(string worker) => _refreshed.TryRemove(worker, out _);

    /// <summary>
    /// Watches of Jobs and of pods are not ordered: the end of a Job may be seen before the end of its pod, which alone has the reason.
    /// Errors: transient <see cref="ExecutorException"/>s.
    /// </summary>
    public async Task RefreshAsync(WorkerSnapshot view, ExecutionHandle handle, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (_refreshed.TryGetValue(view.Name, out var refreshed) && now - refreshed < Period)
        {
            return;
        }

        try
        {
            var pods = await cluster.CoreV1.ListNamespacedPodAsync(
                view.Namespace,
                labelSelector: Labels.Selector(handle.JobId, handle.WorkerAttempt, options),
                cancellationToken: cancellationToken
            );
            foreach (var pod in pods.Items)
            {
                cache.ObserveListed(pod);
            }

            if (pods.Items.Count == 0 && view is { HasPod: true, Pod: { } vanished })
            {
                cache.Observe(vanished, gone: true);
            }

            _refreshed[view.Name] = now;
        }
        catch (Exception e) when (ApiErrors.IsFromApi(e, cancellationToken))
        {
            throw ApiErrors.Transient("The Kubernetes API server does not respond", e);
        }
    }
}
