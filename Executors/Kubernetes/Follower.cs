using System.Net;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Shipinator.Executors.Kubernetes;

/// <summary>What a <see cref="Follower{T}"/> follows, and whom it tells.</summary>
internal sealed record Followed<T>(
    string What,
    string Path,
    string Selector,
    Func<string?, CancellationToken, Task<(IList<T> Items, V1ListMeta Meta)>> Page
)
{
    /// <summary>As a list shows it.</summary>
    public required Action<T> SeeNow { get; init; }

    /// <summary>As a watch tells it; whether it is gone.</summary>
    public required Action<T, bool> See { get; init; }

    /// <summary>What a list held, all of it: the rest is gone.</summary>
    public required Action<IReadOnlyList<T>> Keep { get; init; }
}

/// <summary>
/// One list and one watch of one kind in one namespace, for ever. A watch that ends goes on where it was; one that is too old, or
/// falls silent, begins with a list.
/// </summary>
internal sealed partial class Follower<T>(ClusterClient cluster, Followed<T> followed, TimeProvider time, ILogger logger) : IFollower
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private const int WatchSeconds = 240;

    /// <summary>A list that succeeds does not show that a watch will.</summary>
    private const int FailuresKept = 2;

    /// <summary>The server ends a watch by itself; one that says nothing for longer has been cut without a word.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(WatchSeconds + 30);
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(15);
    private volatile bool _isSynced;
    private volatile Trouble? _trouble;

    /// <inheritdoc/>
    public bool IsSynced => _isSynced;

    /// <inheritdoc/>
    public Trouble? Trouble => _trouble;

    /// <inheritdoc/>
    public async Task FollowAsync(CancellationToken stoppingToken)
    {
        string? version = null;
        var failures = 0;
        DateTimeOffset? lostAt = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (version is null)
                {
                    version = await ListAsync(stoppingToken);
                    (_trouble, _isSynced) = (null, true);
                    (failures, lostAt) = (Math.Min(failures, FailuresKept), null);
                }

                version = await WatchAsync(version, Reached, stoppingToken);
                if (version is null && failures++ > 0)
                {
                    // A list that is too old as soon as it is there: no reason to ask for it all day.
                    await Task.Delay(Delay(failures - 1), time, stoppingToken);
                    continue;
                }

                (failures, lostAt) = (version is null ? failures : 0, null);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (!ApiErrors.IsFromApi(e, stoppingToken))
                {
                    // An error of our own, about one odd object perhaps: it must end neither the host nor the watch of all others.
                    Failed(e, followed.What);
                }

                if (ApiErrors.Code(e) == HttpStatusCode.Gone && failures++ == 0)
                {
                    version = null;
                    continue;
                }

                Lost(followed.What, e.Message);
                lostAt ??= time.GetUtcNow();
                // The first time the watch just goes on; after that only a list shows that the server is there again.
                if (failures > 0 || version is null)
                {
                    version = null;
                    _trouble = new(ApiErrors.Answer(e)?.Message ?? e.Message, lostAt.Value);
                }

                var asked = ApiErrors.RetryAfter(e) ?? TimeSpan.Zero;
                var delay = Delay(failures++);
                await Task.Delay(asked > delay ? asked * (1 + (Random.Shared.NextDouble() / 2)) : delay, time, stoppingToken);
            }
        }

        // A watch that was only opened has not shown yet that it works. One that breaks must not tell again what is long past.
        void Reached(string newer) => (version, failures, lostAt) = (newer, 0, null);
    }

    /// <summary>Many silos lose the same server at once and must not all come back at once.</summary>
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
            var (items, meta) = await followed.Page(page, cancellationToken);
            foreach (var item in items)
            {
                followed.SeeNow(item);
            }

            all.AddRange(items);
            page = meta.ContinueProperty;
            if (string.IsNullOrEmpty(page))
            {
                followed.Keep(all);
                return meta.ResourceVersion;
            }
        }
    }

    /// <summary>Until the watch ends; where to go on, or null when only a list can tell.</summary>
    private async Task<string?> WatchAsync(string version, Action<string> reached, CancellationToken cancellationToken)
    {
        using var quiet = new CancellationTokenSource(Silence, time);
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, quiet.Token);
        try
        {
            await foreach (
                var (type, item) in cluster.WatchAsync<T>(followed.Path, followed.Selector, version, WatchSeconds, silence.Token)
            )
            {
                quiet.CancelAfter(Silence);
                if (item is null)
                {
                    // 410 above all: what happened since is only in a list.
                    return null;
                }

                if (item.Metadata?.ResourceVersion is { Length: > 0 } newer)
                {
                    version = newer;
                }

                if (type != WatchEventType.Bookmark)
                {
                    followed.See(item, type == WatchEventType.Deleted);
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

    [LoggerMessage(2106, LogLevel.Error, "An unexpected error while watching {What}; the watch begins again")]
    private partial void Failed(Exception error, string what);
}

/// <summary>What keeps a follower from seeing the cluster, and since when.</summary>
internal sealed record Trouble(string Message, DateTimeOffset Since);

/// <summary>A <see cref="Follower{T}"/> of whatever kind.</summary>
internal interface IFollower
{
    /// <summary>Whether all has been listed at least once: before that, absence means nothing.</summary>
    bool IsSynced { get; }

    /// <summary>Null: it sees the cluster.</summary>
    Trouble? Trouble { get; }

    /// <summary>Until the server stops.</summary>
    Task FollowAsync(CancellationToken stoppingToken);
}
