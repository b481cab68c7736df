using System.Collections.Concurrent;
using k8s;

namespace Shipinator.Executors.Kubernetes;

/// <summary>What the watches can't tell is asked for, seldom.</summary>
internal sealed partial class KubernetesExecutor
{
    private static readonly TimeSpan AskPeriod = TimeSpan.FromSeconds(10);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _podsAsked = new(StringComparer.Ordinal);

    /// <summary>Watches of Jobs and of pods are not ordered: the end of a Job may be seen before its pod is, which alone knows why.</summary>
    private async Task LookForPodAsync(WorkerView view, ExecutionHandle handle, CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        if (_podsAsked.TryGetValue(view.Name, out var asked) && now - asked < AskPeriod)
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
                _cache.SeeNow(pod);
            }

            if (pods.Items.Count == 0 && view is { HasPod: true, Pod: { } vanished })
            {
                _cache.See(vanished, gone: true);
            }

            _podsAsked[view.Name] = now;
        }
        catch (Exception e) when (ApiErrors.IsFromApi(e, cancellationToken))
        {
            throw ApiErrors.Transient("The Kubernetes API server does not answer", e);
        }
    }
}
