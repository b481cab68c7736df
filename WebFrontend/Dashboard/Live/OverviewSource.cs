using System.Collections.Immutable;
using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>The state of the whole installation.</summary>
public sealed record OverviewSnapshot
{
    /// <summary>The newest runs that are not over.</summary>
    public required IReadOnlyList<ActiveRun> Live { get; init; }

    /// <summary>How many are at work, with those that are not shown.</summary>
    public required int Running { get; init; }

    /// <summary>How many have not begun, with those that are not shown.</summary>
    public required int Pending { get; init; }

    /// <summary>What each run that has not begun waits for.</summary>
    public required ImmutableDictionary<Guid, string> Waiting { get; init; }

    /// <summary>Executions that were made and have not begun, the oldest first, with what each waits for.</summary>
    public required IReadOnlyList<QueueLine> Queue { get; init; }

    /// <summary>How many there are, with those that are not shown.</summary>
    public required int Queued { get; init; }

    /// <summary>The newest runs that are over.</summary>
    public required IReadOnlyList<RunView> Recent { get; init; }

    /// <summary>The last two weeks.</summary>
    public required Trend Trend { get; init; }

    /// <summary>The executors with who is at work and who waits.</summary>
    public required IReadOnlyList<ExecutorLoad> Executors { get; init; }

    /// <summary>The silos and how they are.</summary>
    public required IReadOnlyList<SiloLine> Silos { get; init; }
}

/// <summary>An execution in the queue, and what it waits for, if its grain could say.</summary>
public sealed record QueueLine(QueuedExecution Execution, string? WaitingFor);

/// <summary>An executor's places.</summary>
public sealed record ExecutorLoad(string Type, int Held, int Waiting, int Limit);

/// <summary>A silo of the cluster.</summary>
public sealed record SiloLine(string Address, string Status);

/// <summary>Reads the overview. There is one for everybody.</summary>
public sealed class OverviewSource(
    RunQueries runs,
    TrendQueries trends,
    QueueQueries queue,
    IExecutorRegistry executors,
    IGrainFactory grains,
    Waiting waiters,
    IChangeFeed feed,
    TimeProvider time
) : IViewSource<bool, OverviewSnapshot>
{
    private const int LiveLimit = 50;
    private const int RecentLimit = 15;
    private const int QueueLimit = 25;
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(5);

    /// <summary>Every run of everybody moves this one: a glance at it needs no more than two or three pictures a second.</summary>
    private static readonly TimeSpan Calm = TimeSpan.FromMilliseconds(400);

    /// <inheritdoc/>
    public async Task<OverviewSnapshot> ReadAsync(bool key, OverviewSnapshot? previous, CancellationToken cancellationToken)
    {
        var live = await trends.ActiveAsync(LiveLimit, cancellationToken);
        var (running, begins) = await trends.ActiveCountAsync(cancellationToken);
        var pending = live.Where(l => l.Run.Status == Status.Pending).ToList();
        var waiting = await Task.WhenAll(pending.Select(l => waiters.OfAsync(l.Run.Id, cancellationToken)));
        var (queued, all) = await queue.WaitingAsync(QueueLimit, cancellationToken);
        var reasons = await Task.WhenAll(queued.Select(q => waiters.OfAsync(q.Id, cancellationToken)));
        var recent = await runs.ListAsync(new() { IsTerminal = true }, new PageRequest(RecentLimit), cancellationToken);
        var hosts = await waiters.TryAsync(t => grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: false, t), cancellationToken);
        var loads = await Task.WhenAll(
            executors.Types.Order(StringComparer.Ordinal).Select(t => LoadAsync(t, previous, cancellationToken))
        );
        return new()
        {
            Live = live,
            Running = running,
            Pending = begins,
            Queue = [.. queued.Zip(reasons, (execution, reason) => new QueueLine(execution, reason))],
            Queued = all,
            Waiting = pending
                .Zip(waiting)
                .Where(w => w.Second is not null)
                .ToImmutableDictionary(w => w.First.Run.Id.Value, w => w.Second!),
            Recent = recent.Items,
            Trend = await Trend.ReadAsync(previous?.Trend, time, () => trends.DaysAsync(new(), 14, cancellationToken)),
            // What can't be asked now stays as it was last seen.
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
        feed.ChangesAsync(Calm, time, cancellationToken);

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(OverviewSnapshot view) => Refresh;

    private async Task<ExecutorLoad?> LoadAsync(string type, OverviewSnapshot? previous, CancellationToken cancellationToken) =>
        await waiters.TryAsync(t => grains.GetGrain<IAdmissionGrain>(type).View(t), cancellationToken) is { } view
            ? new(type, view.Holders.Length, view.Waiting.Length, view.Limit)
            : previous?.Executors.FirstOrDefault(e => e.Type == type);
}
