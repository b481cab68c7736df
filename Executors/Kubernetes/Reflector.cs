using System.Net;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Shipinator.Executors.Kubernetes;

/// <summary>
/// A kind of object in a namespace for a <see cref="Reflector{T}"/>: how it is listed, and what is called with what is seen.
/// </summary>
internal sealed record WatchedResource<T>(
    string What,
    string Path,
    string Selector,
    Func<string?, CancellationToken, Task<(IList<T> Items, V1ListMeta Meta)>> Page
)
{
    /// <summary>Called with each object of a list.</summary>
    public required Action<T> ObserveListed { get; init; }

    /// <summary>Called with each change that a watch reports, and whether the object was deleted.</summary>
    public required Action<T, bool> Observe { get; init; }

    /// <summary>Called with a complete list: every object that is not in it is gone.</summary>
    public required Action<IReadOnlyList<T>> RemoveMissing { get; init; }
}

/// <summary>
/// Lists and then watches one kind of object in one namespace until it is stopped. A watch that ends is resumed where it was; one whose
/// version is too old, or that falls silent, is restarted with a list.
/// </summary>
internal sealed partial class Reflector<T>(ClusterClient cluster, WatchedResource<T> resource, TimeProvider time, ILogger logger)
    : IReflector
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private const int WatchSeconds = 240;

    /// <summary>How many failures still count for the back-off after a successful list: it does not prove that a watch will work.</summary>
    private const int FailuresKept = 2;

    /// <summary>The server ends a watch by itself; one that is silent for longer was cut without notice.</summary>
    private static readonly TimeSpan SilenceTimeout = TimeSpan.FromSeconds(WatchSeconds + 30);
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(15);
    private volatile bool _isSynced;
    private volatile WatchOutage? _outage;

    /// <inheritdoc/>
    public bool IsSynced => _isSynced;

    /// <inheritdoc/>
    public WatchOutage? Outage => _outage;

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken stoppingToken)
    {
        string? version = null;
        var failures = 0;
        DateTimeOffset? failingSince = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (version is null)
                {
                    version = await ListAsync(stoppingToken);
                    (_outage, _isSynced) = (null, true);
                    (failures, failingSince) = (Math.Min(failures, FailuresKept), null);
                }

                version = await WatchAsync(version, Advance, stoppingToken);
                if (version is null && failures++ > 0)
                {
                    // The list's version is too old as soon as it arrives: back off instead of listing in a loop.
                    await Task.Delay(Delay(failures - 1), time, stoppingToken);
                    continue;
                }

                (failures, failingSince) = (version is null ? failures : 0, null);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (!ApiErrors.IsFromApi(e, stoppingToken))
                {
                    // A bug, perhaps with a single unexpected object, must end neither the host nor the watch of other objects.
                    UnexpectedError(e, resource.What);
                }

                if (ApiErrors.Code(e) == HttpStatusCode.Gone && failures++ == 0)
                {
                    version = null;
                    continue;
                }

                WatchFailed(resource.What, e.Message);
                failingSince ??= time.GetUtcNow();
                // After the first failure the watch is simply resumed; after that only a list proves that the server is back.
                if (failures > 0 || version is null)
                {
                    version = null;
                    _outage = new(ApiErrors.StatusOf(e)?.Message ?? e.Message, failingSince.Value);
                }

                var requested = ApiErrors.RetryAfter(e) ?? TimeSpan.Zero;
                var delay = Delay(failures++);
                await Task.Delay(requested > delay ? requested * (1 + (Random.Shared.NextDouble() / 2)) : delay, time, stoppingToken);
            }
        }

        // Only an event proves that a watch works. One that breaks must not report again what was already seen.
        void Advance(string newer) => (version, failures, failingSince) = (newer, 0, null);
    }

    /// <summary>Exponential, with jitter: all silos lose the same server at once and must not reconnect at the same moment.</summary>
    private static TimeSpan Delay(int failures) =>
        TimeSpan.FromMilliseconds(
            Math.Min(FirstDelay.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 10)), LongestDelay.TotalMilliseconds)
                * (0.5 + Random.Shared.NextDouble())
        );

    private async Task<string> ListAsync(CancellationToken cancellationToken)
    {
        var all = new List<T>();
        string? page = null;
        while (true)
        {
            var (items, meta) = await resource.Page(page, cancellationToken);
            foreach (var item in items)
            {
                resource.ObserveListed(item);
            }

            all.AddRange(items);
            page = meta.ContinueProperty;
            if (string.IsNullOrEmpty(page))
            {
                resource.RemoveMissing(all);
                return meta.ResourceVersion;
            }
        }
    }

    /// <summary>Watches until the server ends the watch. Returns the version to resume at; null when a new list is needed.</summary>
    private async Task<string?> WatchAsync(string version, Action<string> advance, CancellationToken cancellationToken)
    {
        using var quiet = new CancellationTokenSource(SilenceTimeout, time);
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, quiet.Token);
        try
        {
            await foreach (
                var (type, item) in cluster.WatchAsync<T>(resource.Path, resource.Selector, version, WatchSeconds, silence.Token)
            )
            {
                quiet.CancelAfter(SilenceTimeout);
                if (item is null)
                {
                    // 410 Gone in most cases: only a list shows what happened since.
                    return null;
                }

                if (item.Metadata?.ResourceVersion is { Length: > 0 } newer)
                {
                    version = newer;
                }

                if (type != WatchEventType.Bookmark)
                {
                    resource.Observe(item, type == WatchEventType.Deleted);
                }

                advance(version);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException("The watch was silent for too long.");
        }

        return version;
    }

    [LoggerMessage(3101, LogLevel.Warning, "The watch of {What} failed; retrying: {Message}")]
    private partial void WatchFailed(string what, string message);

    [LoggerMessage(3102, LogLevel.Error, "Unexpected error while watching {What}; retrying")]
    private partial void UnexpectedError(Exception error, string what);
}

/// <summary>Why objects can't be observed now, and since when.</summary>
internal sealed record WatchOutage(string Message, DateTimeOffset Since);

/// <summary>A <see cref="Reflector{T}"/> of any kind of object.</summary>
internal interface IReflector
{
    /// <summary>Whether all objects were listed at least once: before that, absence means nothing.</summary>
    bool IsSynced { get; }

    /// <summary>Null while it observes the cluster.</summary>
    WatchOutage? Outage { get; }

    /// <summary>Runs until the server stops.</summary>
    Task RunAsync(CancellationToken stoppingToken);
}
