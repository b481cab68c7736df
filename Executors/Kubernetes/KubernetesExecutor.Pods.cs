using System.Collections.Concurrent;
using k8s;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Queries of single pods, for what the watches can't show.</summary>
internal sealed partial class KubernetesExecutor
{
    private static readonly TimeSpan PodRefreshPeriod = TimeSpan.FromSeconds(10);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _podRefreshes = new(StringComparer.Ordinal);

    /// <summary>
    /// Watches of Jobs and of pods are not ordered: the end of a Job may be seen before the end of its pod, which alone has the reason.
    /// </summary>
    private async Task RefreshPodAsync(WorkerSnapshot view, ExecutionHandle handle, CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        if (_podRefreshes.TryGetValue(view.Name, out var refreshed) && now - refreshed < PodRefreshPeriod)
        {
            return;
        }

        try
        {
            var pods = await _cluster.CoreV1.ListNamespacedPodAsync(
                view.Namespace,
                labelSelector: Labels.Selector(handle.JobId, handle.WorkerAttempt, _options),
                cancellationToken: cancellationToken
            );
            foreach (var pod in pods.Items)
            {
                _cache.ObserveListed(pod);
            }

            if (pods.Items.Count == 0 && view is { HasPod: true, Pod: { } vanished })
            {
                _cache.Observe(vanished, gone: true);
            }

            _podRefreshes[view.Name] = now;
        }
        catch (Exception e) when (ApiErrors.IsFromApi(e, cancellationToken))
        {
            throw ApiErrors.Transient("The Kubernetes API server does not respond", e);
        }
    }
}
