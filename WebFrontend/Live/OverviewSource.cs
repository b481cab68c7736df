using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Orleans.Runtime;
using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Live;

/// <summary>The state of the whole installation.</summary>
public sealed record OverviewSnapshot
{
    /// <summary>Runs that are not over, newest first.</summary>
    public required IReadOnlyList<LiveRun> Live { get; init; }

    /// <summary>What each live run as a whole waits for.</summary>
    public required ImmutableDictionary<Guid, string> Waiting { get; init; }

    /// <summary>The newest runs that are over.</summary>
    public required IReadOnlyList<RunView> Recent { get; init; }

    /// <summary>The last two weeks.</summary>
    public required IReadOnlyList<DayTrend> Days { get; init; }

    /// <summary>The executors with who is at work and who waits.</summary>
    public required IReadOnlyList<ExecutorLoad> Executors { get; init; }

    /// <summary>The silos and how they are.</summary>
    public required IReadOnlyList<SiloLine> Silos { get; init; }
}

/// <summary>An executor's places.</summary>
public sealed record ExecutorLoad(string Type, int Held, int Waiting, int Limit);

/// <summary>A silo of the cluster.</summary>
public sealed record SiloLine(string Address, string Status);

/// <summary>Reads the overview. There is one for everybody.</summary>
public sealed class OverviewSource(
    RunQueries runs, TrendQueries trends, IExecutorRegistry executors, IGrainFactory grains, IChangeFeed feed, TimeProvider time) : IViewSource<bool, OverviewSnapshot>
{
    private const int LiveLimit = 50;
    private const int RecentLimit = 20;
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Calm = TimeSpan.FromMilliseconds(400);

    /// <inheritdoc/>
    public async Task<OverviewSnapshot> ReadAsync(bool key, OverviewSnapshot? previous, CancellationToken cancellationToken)
    {
        var live = await trends.LiveAsync(LiveLimit, cancellationToken);
        var waiting = await Task.WhenAll(live.Select(l => WaitingAsync(l.Run.Id, cancellationToken)));
        var recent = await runs.ListAsync(new(), new PageRequest(RecentLimit + live.Count > PageRequest.MaxLimit ? PageRequest.MaxLimit : RecentLimit + live.Count), cancellationToken);
        var hosts = await grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: false, cancellationToken);
        return new()
        {
            Live = live,
            Waiting = live.Zip(waiting).Where(w => w.Second is not null).ToImmutableDictionary(w => w.First.Run.Id.Value, w => w.Second!),
            Recent = [.. recent.Items.Where(r => r.Status.IsTerminal()).Take(RecentLimit)],
            Days = await trends.DaysAsync(new(), 14, cancellationToken),
            Executors = await Task.WhenAll(executors.Types.Order(StringComparer.Ordinal).Select(t => LoadAsync(t, cancellationToken))),
            Silos = [.. hosts.Where(h => h.Value is not SiloStatus.Dead).OrderBy(h => h.Key.ToString(), StringComparer.Ordinal).Select(h => new SiloLine(h.Key.Endpoint.ToString(), h.Value.ToString()))],
        };
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<bool> ChangesAsync(bool key, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var _ in feed.Changes(null, cancellationToken))
        {
            yield return true;
            // Every run of everybody moves this one: a glance at it needs no more than two or three pictures a second.
            await Task.Delay(Calm, time, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(OverviewSnapshot view) => Refresh;

    private async Task<string?> WaitingAsync(RunId run, CancellationToken cancellationToken)
    {
        try
        {
            var all = await grains.GetGrain<IPipelineRunGrain>(run.Value).WaitingFor(cancellationToken);
            return all.GetValueOrDefault(run.Value) ?? all.Values.FirstOrDefault();
        }
        catch (ShipinatorException)
        {
            return null;
        }
    }

    private async Task<ExecutorLoad> LoadAsync(string type, CancellationToken cancellationToken)
    {
        var view = await grains.GetGrain<IAdmissionGrain>(type).View(cancellationToken);
        return new(type, view.Holders.Length, view.Waiting.Length, view.Limit);
    }
}
