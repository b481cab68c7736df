using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Grains.Coordination;

/// <summary>
/// The places of one executor. Leases are not kept anywhere of their own: who holds one is what the executions' rows say
/// (docs/decisions/0004), so that none can leak.
/// </summary>
[GrainType("shipinator.admission")]
public sealed partial class AdmissionGrain(
    IUnfinishedWork work,
    TimeProvider time,
    IOptions<EngineOptions> options,
    ILogger<AdmissionGrain> logger
) : Grain, IAdmissionGrain
{
    private static readonly TimeSpan FreshLease = TimeSpan.FromMinutes(2);
    private readonly EngineOptions _options = options.Value;
    private AdmissionBook _book = null!;

    private string Executor => this.GetPrimaryKeyString();

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _book = new(_options.LimitOf(Executor));
        foreach (var holder in await work.Holders(Executor, WorkStates.HoldingASlot, cancellationToken))
        {
            _book.Adopt(holder);
        }

        this.RegisterGrainTimer(
            SweepAsync,
            new GrainTimerCreationOptions
            {
                DueTime = _options.LeaseSweepPeriod,
                Period = _options.LeaseSweepPeriod,
                KeepAlive = false,
            }
        );
    }

    /// <inheritdoc/>
    public async Task<AdmissionAnswer> Acquire(AdmissionRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!_book.Holds(request.Execution))
        {
            _book.Enqueue(new(request.Execution, request.Project, request.Since));
            await GrantAsync(except: request.Execution);
        }

        var granted = _book.Holds(request.Execution);
        return new(granted, granted ? 0 : _book.Ahead(request.Execution), _book.Limit);
    }

    /// <inheritdoc/>
    public Task Release(ExecutionId execution, CancellationToken cancellationToken = default)
    {
        _book.Remove(execution);
        return GrantAsync(except: null);
    }

    /// <inheritdoc/>
    public Task<AdmissionView> View(CancellationToken cancellationToken = default) =>
        Task.FromResult(new AdmissionView(_book.Limit, [.. _book.Leases], [.. _book.Waiting]));

    /// <summary>Compares the leases with the truth: a holder that is over and whose word was lost gives its place back.</summary>
    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        var rows = await work.Holders(Executor, WorkStates.HoldingASlot, cancellationToken);
        var holders = rows.Select(h => h.Execution).ToHashSet();
        var now = time.GetUtcNow();
        foreach (var lease in _book.Leases.Where(l => now - l.Since > FreshLease && !holders.Contains(l.Execution)).ToList())
        {
            LeaseReclaimed(lease.Execution, Executor);
            _book.Remove(lease.Execution);
        }

        // A place that was given back for one that was only slow, or given by an earlier activation: what runs, runs.
        foreach (var holder in rows)
        {
            _book.Adopt(holder);
        }

        await GrantAsync(except: null);
    }

    private async Task GrantAsync(ExecutionId? except)
    {
        foreach (var holder in _book.Grant(time.GetUtcNow()))
        {
            if (holder.Execution != except)
            {
                await TellAsync(holder.Execution);
            }
        }
    }

    /// <summary>A hint: the execution asks again by itself, and who is granted a place after it is told in any case.</summary>
    private async Task TellAsync(ExecutionId execution)
    {
        try
        {
            await GrainFactory.GetGrain<IExecutionGrain>(execution.Value).Admitted();
        }
        catch (Exception e)
        {
            NotTold(execution, e.Message);
        }
    }

    [LoggerMessage(1204, LogLevel.Debug, "Execution {Execution} could not be told of its place: {Message}")]
    private partial void NotTold(ExecutionId execution, string message);

    [LoggerMessage(1201, LogLevel.Warning, "The place that execution {Execution} held at executor {Executor} was given back for it")]
    private partial void LeaseReclaimed(ExecutionId execution, string executor);
}
