using k8s;
using k8s.Models;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Kubernetes;

/// <summary>
/// Keeps the <see cref="WorkerCache"/> true: per namespace one list and one watch of Jobs, of pods, and of warnings, whatever the
/// number of executions. A namespace that can't be seen keeps none of the others.
/// </summary>
internal sealed class Informer : BackgroundService
{
    private const int PageSize = 500;

    /// <summary>A full quota, and all else that keeps a Job from having a pod or a node from starting it, shows nowhere but in events.</summary>
    private const string Warnings = "type=Warning";
    private readonly Dictionary<string, (IFollower Jobs, IFollower Pods, IFollower Events)> _followers = new(StringComparer.Ordinal);

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
            var jobs = new Followed<V1Job>(
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
                SeeNow = cache.SeeNow,
                See = cache.See,
                Keep = all => cache.KeepJobs(@namespace, Names(all.Select(j => j.Metadata))),
            };
            var pods = new Followed<V1Pod>(
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
                SeeNow = cache.SeeNow,
                See = cache.See,
                Keep = all => cache.KeepPods(@namespace, Names(all.Select(p => p.Metadata))),
            };
            var events = new Followed<Corev1Event>(
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
                SeeNow = cache.See,
                See = (e, gone) => (gone ? _ => { } : (Action<Corev1Event>)cache.See)(e),
                Keep = _ => { },
            };
            _followers[@namespace] = (
                new Follower<V1Job>(cluster, jobs, time, logger),
                new Follower<V1Pod>(cluster, pods, time, logger),
                new Follower<Corev1Event>(cluster, events, time, logger)
            );
        }
    }

    /// <summary>Whether all Jobs and pods have been listed at least once; of one namespace, or of all.</summary>
    public bool IsSynced(string? @namespace = null) => Of(@namespace).All(f => f.IsSynced);

    /// <summary>What keeps it from seeing the cluster now; null when nothing does.</summary>
    public string? Trouble(string? @namespace = null) => Of(@namespace).Select(f => f.Trouble?.Message).FirstOrDefault(m => m is not null);

    /// <summary>Since when it has not seen the cluster; null when it does. What it saw last says nothing of the time after that.</summary>
    public DateTimeOffset? BlindSince(string? @namespace = null) => Of(@namespace).Min(f => f.Trouble?.Since);

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(_followers.Values.SelectMany(f => new[] { f.Jobs, f.Pods, f.Events }).Select(f => f.FollowAsync(stoppingToken)));

    /// <summary>Events only explain: without the right to see them, everything else goes on.</summary>
    private IEnumerable<IFollower> Of(string? @namespace) =>
        (@namespace is null ? _followers.Values : _followers.Where(f => f.Key == @namespace).Select(f => f.Value)).SelectMany(f =>
            new[] { f.Jobs, f.Pods }
        );

    private static HashSet<string> Names(IEnumerable<V1ObjectMeta> all) =>
        all.Select(m => Labels.Worker(m) ?? "").ToHashSet(StringComparer.Ordinal);
}
