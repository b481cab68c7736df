using System.Collections.Immutable;
using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>The state of the whole installation.</summary>
public sealed record OverviewSnapshot
{
    /// <summary>The newest runs that are not terminal, at most 50.</summary>
    public required IReadOnlyList<ActiveRun> Live { get; init; }

    /// <summary>The number of active runs, including those that are not in <see cref="Live"/>.</summary>
    public required int Running { get; init; }

    /// <summary>The number of pending runs, including those that are not in <see cref="Live"/>.</summary>
    public required int Pending { get; init; }

    /// <summary>What each pending run is waiting for, by its id.</summary>
    public required ImmutableDictionary<Guid, WaitReason> Waiting { get; init; }

    /// <summary>Executions that have not started, oldest first, at most 25.</summary>
    public required IReadOnlyList<QueueLine> Queue { get; init; }

    /// <summary>The number of executions that have not started, including those that are not in <see cref="Queue"/>.</summary>
    public required int Queued { get; init; }

    /// <summary>The newest terminal runs, at most 15.</summary>
    public required IReadOnlyList<RunView> Recent { get; init; }

    /// <summary>The results of the last 14 days.</summary>
    public required Trend Trend { get; init; }

    public required IReadOnlyList<ExecutorLoad> Executors { get; init; }

    public required IReadOnlyList<SiloLine> Silos { get; init; }
}

/// <summary>An execution in the queue, and what it is waiting for; null when it is not waiting.</summary>
public sealed record QueueLine(QueuedExecution Execution, WaitReason? WaitingFor);

/// <summary>The slots of an executor.</summary>
/// <param name="Type">The type of the executor.</param>
/// <param name="Held">Slots in use.</param>
/// <param name="Waiting">Executions that are waiting for a slot.</param>
/// <param name="Limit">How many slots there are.</param>
public sealed record ExecutorLoad(string Type, int Held, int Waiting, int Limit);

/// <summary>A silo of the cluster with its Orleans status.</summary>
public sealed record SiloLine(string Address, string Status);

/// <summary>Reads the overview. All users share one.</summary>
public sealed class OverviewSource(
    RunQueries runs,
    TrendQueries trends,
    QueueQueries queue,
    IExecutorRegistry executors,
    IGrainFactory grains,
    WaitReasonLookup waitReasons,
    IChangeFeed feed,
    TimeProvider time
) : IViewSource<bool, OverviewSnapshot>
{
    private const int LiveLimit = 50;
    private const int RecentLimit = 15;
    private const int QueueLimit = 25;
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(5);

    /// <summary>Every change of any run affects the overview; two or three refreshes a second are enough.</summary>
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromMilliseconds(400);

    /// <inheritdoc/>
    public async Task<OverviewSnapshot> ReadAsync(bool key, OverviewSnapshot? previous, CancellationToken cancellationToken)
    {
        var live = await trends.ActiveAsync(LiveLimit, cancellationToken);
        var (running, notStarted) = await trends.ActiveCountAsync(cancellationToken);
        var pending = live.Where(l => l.Run.Status == Status.Pending).ToList();
        var waiting = await Task.WhenAll(pending.Select(l => waitReasons.OfAsync(l.Run.Id, cancellationToken)));
        var (queued, all) = await queue.WaitingAsync(QueueLimit, cancellationToken);
        var reasons = await Task.WhenAll(queued.Select(q => waitReasons.OfAsync(q.Id, cancellationToken)));
        var recent = await runs.ListAsync(new() { IsTerminal = true }, new PageRequest(RecentLimit), cancellationToken);
        var hosts = await waitReasons.TryAsync(t => grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: false, t), cancellationToken);
        var loads = await Task.WhenAll(
            executors.Types.Order(StringComparer.Ordinal).Select(t => LoadAsync(t, previous, cancellationToken))
        );
        return new()
        {
            Live = live,
            Running = running,
            Pending = notStarted,
            Queue = [.. queued.Zip(reasons, (execution, reason) => new QueueLine(execution, reason))],
            Queued = all,
            Waiting = pending
                .Zip(waiting)
                .Where(w => w.Second is not null)
                .ToImmutableDictionary(w => w.First.Run.Id.Value, w => w.Second!),
            Recent = recent.Items,
            Trend = await Trend.ReadAsync(previous?.Trend, time, () => trends.DaysAsync(new(), 14, cancellationToken)),
            // A grain that does not respond leaves the last known value.
            Executors = [.. loads.OfType<ExecutorLoad>()],
            Silos = hosts is null
                ? previous?.Silos ?? []
                :
                [
                    .. hosts
                        .Where(h => h.Value is not SiloStatus.Dead)
                        .OrderBy(h => h.Key.ToString(), StringComparer.Ordinal)
                        .Select(h => new SiloLine(h.Key.Endpoint.ToString(), h.Value.ToString())),
                ],
        };
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<bool> ChangesAsync(bool key, CancellationToken cancellationToken) =>
        feed.ThrottledChangesAsync(RefreshInterval, time, cancellationToken);

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(OverviewSnapshot view) => Refresh;

    private async Task<ExecutorLoad?> LoadAsync(string type, OverviewSnapshot? previous, CancellationToken cancellationToken) =>
        await waitReasons.TryAsync(t => grains.GetGrain<IAdmissionGrain>(type).View(t), cancellationToken) is { } view
            ? new(type, view.Holders.Length, view.Waiting.Length, view.Limit)
            : previous?.Executors.FirstOrDefault(e => e.Type == type);
}
