using k8s;
using k8s.Models;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Kubernetes;

/// <summary>
/// Keeps the <see cref="WorkerCache"/> true: one list and one watch of Jobs and one of pods per namespace, whatever the
/// number of executions. A watch that ends goes on where it was; one that is too old, or falls silent, begins with a list.
/// </summary>
internal sealed partial class Informer(
    ClusterClient cluster, WorkerCache cache, IOptions<KubernetesOptions> options, TimeProvider time, ILogger<Informer> logger) : BackgroundService
{
    private const int PageSize = 500;
    private const int WatchSeconds = 240;

    /// <summary>A list that succeeds does not show that a watch will.</summary>
    private const int FailuresKept = 2;

    /// <summary>The server ends a watch by itself; one that says nothing for longer has been cut without a word.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(WatchSeconds + 30);
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(15);
    private readonly Dictionary<string, (string Message, DateTimeOffset Since)> _troubles = new(StringComparer.Ordinal);
    private int _lists;

    private KubernetesOptions Options => options.Value;

    /// <summary>Whether everything has been listed at least once: before that, absence means nothing.</summary>
    public bool IsSynced => Volatile.Read(ref _lists) >= 2 * Options.Namespaces.Count;

    /// <summary>What keeps it from seeing the cluster now; null when nothing does.</summary>
    public string? Trouble
    {
        get
        {
            lock (_troubles)
            {
                return _troubles.Values.FirstOrDefault().Message;
            }
        }
    }

    /// <summary>Since when it has not seen the cluster; null when it does. What it saw last says nothing of the time after that.</summary>
    public DateTimeOffset? BlindSince
    {
        get
        {
            lock (_troubles)
            {
                return _troubles.Count == 0 ? null : _troubles.Values.Min(t => t.Since);
            }
        }
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(Options.Namespaces.SelectMany(n => new[]
    {
        FollowAsync($"jobs of {n}", t => ListJobsAsync(n, t), (v, a, t) => WatchJobsAsync(n, v, a, t), stoppingToken),
        FollowAsync($"pods of {n}", t => ListPodsAsync(n, t), (v, a, t) => WatchPodsAsync(n, v, a, t), stoppingToken),
    }));

    private async Task FollowAsync(
        string what, Func<CancellationToken, Task<string>> list, Func<string, Action<string>, CancellationToken, Task<string?>> watch, CancellationToken stoppingToken)
    {
        string? version = null;
        var listed = false;
        var failures = 0;
        DateTimeOffset? lostAt = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (version is null)
                {
                    version = await list(stoppingToken);
                    Note(what, null);
                    (failures, lostAt) = (Math.Min(failures, FailuresKept), null);
                    if (!listed)
                    {
                        listed = true;
                        Interlocked.Increment(ref _lists);
                    }
                }

                version = await watch(version, Reached, stoppingToken);
                if (version is null && failures++ > 0)
                {
                    // A list that is too old as soon as it is there: no reason to ask for it all day.
                    await Task.Delay(Delay(failures - 1), time, stoppingToken);
                    continue;
                }

                (failures, lostAt) = (version is null ? failures : 0, null);
            }
            catch (Exception e) when (ApiErrors.IsFromApi(e, stoppingToken))
            {
                if (ApiErrors.Code(e) == System.Net.HttpStatusCode.Gone && failures++ == 0)
                {
                    version = null;
                    continue;
                }

                Lost(what, e.Message);
                lostAt ??= time.GetUtcNow();
                // The first time the watch just goes on; after that only a list shows that the server is there again.
                if (failures > 0)
                {
                    version = null;
                    Note(what, (ApiErrors.Answer(e)?.Message ?? e.Message, lostAt.Value));
                }

                var asked = ApiErrors.RetryAfter(e) ?? TimeSpan.Zero;
                var delay = Delay(failures++);
                await Task.Delay(asked > delay ? asked * (1 + (Random.Shared.NextDouble() / 2)) : delay, time, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
        }

        // A watch that was only opened has not shown yet that it works. One that breaks must not tell again what is long past.
        void Reached(string newer) => (version, failures, lostAt) = (newer, 0, null);
    }

    /// <summary>Many silos lose the same server at once and must not all come back at once.</summary>
    private static TimeSpan Delay(int failures) => TimeSpan.FromMilliseconds(
        Math.Min(FirstDelay.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 10)), LongestDelay.TotalMilliseconds) * (0.5 + Random.Shared.NextDouble()));

    private void Note(string what, (string Message, DateTimeOffset Since)? trouble)
    {
        lock (_troubles)
        {
            if (trouble is null)
            {
                _troubles.Remove(what);
            }
            else
            {
                _troubles[what] = trouble.Value;
            }
        }
    }

    private async Task<string> ListJobsAsync(string @namespace, CancellationToken cancellationToken)
    {
        var present = new HashSet<string>(StringComparer.Ordinal);
        string? page = null;
        while (true)
        {
            var list = await cluster.BatchV1.ListNamespacedJobAsync(
                @namespace, labelSelector: Labels.Selector(Options), limit: PageSize, continueParameter: page, cancellationToken: cancellationToken);
            foreach (var job in list.Items)
            {
                present.Add(Labels.Worker(job.Metadata) ?? "");
                cache.SeeNow(job);
            }

            page = list.Metadata.ContinueProperty;
            if (string.IsNullOrEmpty(page))
            {
                cache.KeepJobs(@namespace, present);
                return list.Metadata.ResourceVersion;
            }
        }
    }

    private async Task<string> ListPodsAsync(string @namespace, CancellationToken cancellationToken)
    {
        var present = new HashSet<string>(StringComparer.Ordinal);
        string? page = null;
        while (true)
        {
            var list = await cluster.CoreV1.ListNamespacedPodAsync(
                @namespace, labelSelector: Labels.Selector(Options), limit: PageSize, continueParameter: page, cancellationToken: cancellationToken);
            foreach (var pod in list.Items)
            {
                present.Add(Labels.Worker(pod.Metadata) ?? "");
                cache.SeeNow(pod);
            }

            page = list.Metadata.ContinueProperty;
            if (string.IsNullOrEmpty(page))
            {
                cache.KeepPods(@namespace, present);
                return list.Metadata.ResourceVersion;
            }
        }
    }

    private Task<string?> WatchJobsAsync(string @namespace, string version, Action<string> reached, CancellationToken cancellationToken) =>
        ConsumeAsync<V1Job>($"apis/batch/v1/namespaces/{@namespace}/jobs", version, j => j.Metadata, cache.See, reached, cancellationToken);

    private Task<string?> WatchPodsAsync(string @namespace, string version, Action<string> reached, CancellationToken cancellationToken) =>
        ConsumeAsync<V1Pod>($"api/v1/namespaces/{@namespace}/pods", version, p => p.Metadata, cache.See, reached, cancellationToken);

    /// <summary>Until the watch ends; where to go on, or null when only a list can tell.</summary>
    private async Task<string?> ConsumeAsync<T>(
        string path, string version, Func<T, V1ObjectMeta?> meta, Action<T, bool> see, Action<string> reached, CancellationToken cancellationToken) where T : class
    {
        using var quiet = new CancellationTokenSource(Silence, time);
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, quiet.Token);
        try
        {
            await foreach (var (type, item) in cluster.WatchAsync<T>(path, Labels.Selector(Options), version, WatchSeconds, silence.Token))
            {
                quiet.CancelAfter(Silence);
                if (item is null)
                {
                    // 410 above all: what happened since is only in a list.
                    return null;
                }

                if (meta(item)?.ResourceVersion is { Length: > 0 } newer)
                {
                    version = newer;
                }

                if (type != WatchEventType.Bookmark)
                {
                    see(item, type == WatchEventType.Deleted);
                }

                reached(version);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException("A watch was silent for too long.");
        }

        return version;
    }

    [LoggerMessage(2101, LogLevel.Warning, "The watch of {What} was lost and begins again: {Message}")]
    private partial void Lost(string what, string message);
}
