using k8s;
using k8s.Models;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Kubernetes;

/// <summary>
/// Keeps the <see cref="WorkerCache"/> up to date: per namespace one list and one watch each of Jobs, pods and warning events, whatever the
/// number of executions. A namespace that can't be observed does not affect the others.
/// </summary>
internal sealed class Informer : BackgroundService
{
    private const int PageSize = 500;

    /// <summary>An exhausted quota, and all else that keeps a pod from being created or started, shows only in events.</summary>
    private const string Warnings = "type=Warning";
    private readonly Dictionary<string, (IReflector Jobs, IReflector Pods, IReflector Events)> _reflectors = new(StringComparer.Ordinal);

    public Informer(
        ClusterClient cluster,
        WorkerCache cache,
        IOptions<KubernetesOptions> options,
        TimeProvider time,
        ILogger<Informer> logger
    )
    {
        var selector = Labels.Selector(options.Value);
        var labels = $"labelSelector={Uri.EscapeDataString(selector)}";
        foreach (var @namespace in options.Value.Namespaces)
        {
            var jobs = new WatchedResource<V1Job>(
                $"jobs of {@namespace}",
                $"apis/batch/v1/namespaces/{@namespace}/jobs",
                labels,
                async (page, stop) =>
                {
                    var list = await cluster.BatchV1.ListNamespacedJobAsync(
                        @namespace,
                        labelSelector: selector,
                        limit: PageSize,
                        continueParameter: page,
                        cancellationToken: stop
                    );
                    return (list.Items, list.Metadata);
                }
            )
            {
                ObserveListed = cache.ObserveListed,
                Observe = cache.Observe,
                RemoveMissing = all => cache.RemoveMissingJobs(@namespace, Names(all.Select(j => j.Metadata))),
            };
            var pods = new WatchedResource<V1Pod>(
                $"pods of {@namespace}",
                $"api/v1/namespaces/{@namespace}/pods",
                labels,
                async (page, stop) =>
                {
                    var list = await cluster.CoreV1.ListNamespacedPodAsync(
                        @namespace,
                        labelSelector: selector,
                        limit: PageSize,
                        continueParameter: page,
                        cancellationToken: stop
                    );
                    return (list.Items, list.Metadata);
                }
            )
            {
                ObserveListed = cache.ObserveListed,
                Observe = cache.Observe,
                RemoveMissing = all => cache.RemoveMissingPods(@namespace, Names(all.Select(p => p.Metadata))),
            };
            var events = new WatchedResource<Corev1Event>(
                $"events of {@namespace}",
                $"api/v1/namespaces/{@namespace}/events",
                $"fieldSelector={Uri.EscapeDataString(Warnings)}",
                async (page, stop) =>
                {
                    var list = await cluster.CoreV1.ListNamespacedEventAsync(
                        @namespace,
                        fieldSelector: Warnings,
                        limit: PageSize,
                        continueParameter: page,
                        cancellationToken: stop
                    );
                    return (list.Items, list.Metadata);
                }
            )
            {
                ObserveListed = cache.Observe,
                Observe = (e, gone) => (gone ? _ => { } : (Action<Corev1Event>)cache.Observe)(e),
                RemoveMissing = _ => { },
            };
            _reflectors[@namespace] = (
                new Reflector<V1Job>(cluster, jobs, time, logger),
                new Reflector<V1Pod>(cluster, pods, time, logger),
                new Reflector<Corev1Event>(cluster, events, time, logger)
            );
        }
    }

    /// <summary>Whether all Jobs and pods of a namespace (null: of all namespaces) were listed at least once.</summary>
    public bool IsSynced(string? @namespace = null) => Of(@namespace).All(f => f.IsSynced);

    /// <summary>Why the cluster can't be observed now; null when it can.</summary>
    public string? OutageMessage(string? @namespace = null) =>
        Of(@namespace).Select(f => f.Outage?.Message).FirstOrDefault(m => m is not null);

    /// <summary>
    /// Since when the cluster can't be observed; null when it can. What was seen before says nothing about the time after.
    /// </summary>
    public DateTimeOffset? OutageSince(string? @namespace = null) => Of(@namespace).Min(f => f.Outage?.Since);

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(_reflectors.Values.SelectMany(f => new[] { f.Jobs, f.Pods, f.Events }).Select(f => f.RunAsync(stoppingToken)));

    /// <summary>Without events: they only explain, and everything else works without the right to read them.</summary>
    private IEnumerable<IReflector> Of(string? @namespace) =>
        (@namespace is null ? _reflectors.Values : _reflectors.Where(f => f.Key == @namespace).Select(f => f.Value)).SelectMany(f =>
            new[] { f.Jobs, f.Pods }
        );

    private static HashSet<string> Names(IEnumerable<V1ObjectMeta> all) =>
        all.Select(m => Labels.Worker(m) ?? "").ToHashSet(StringComparer.Ordinal);
}
