using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Grains.Coordination;

/// <summary>
/// The slots of one executor. They are not stored separately but derived from the executions' rows (docs/decisions/0004), so that none can
/// leak.
/// </summary>
[GrainType("shipinator.admission")]
public sealed partial class AdmissionGrain(
    IUnfinishedWork work,
    TimeProvider time,
    IOptions<EngineOptions> options,
    ILogger<AdmissionGrain> logger
) : Grain, IAdmissionGrain
{
    private static readonly TimeSpan NewSlotAge = TimeSpan.FromMinutes(2);
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
                DueTime = _options.SlotSweepPeriod,
                Period = _options.SlotSweepPeriod,
                KeepAlive = false,
            }
        );
    }

    /// <inheritdoc/>
    public async Task<AdmissionResponse> Acquire(AdmissionRequest request, CancellationToken cancellationToken = default)
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

    /// <summary>Compares the slots with the database: one whose holder has ended, and whose release was lost, is released.</summary>
    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        var rows = await work.Holders(Executor, WorkStates.HoldingASlot, cancellationToken);
        var holders = rows.Select(h => h.Execution).ToHashSet();
        var now = time.GetUtcNow();
        foreach (var lease in _book.Leases.Where(l => now - l.Since > NewSlotAge && !holders.Contains(l.Execution)).ToList())
        {
            SlotReclaimed(lease.Execution, Executor);
            _book.Remove(lease.Execution);
        }

        // A slot that was released for an execution that was only slow, or granted by an earlier activation: a running execution keeps it.
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
                await NotifyAsync(holder.Execution);
            }
        }
    }

    /// <summary>Sends a hint; the execution also polls, so a failure must not prevent the hints to others.</summary>
    private async Task NotifyAsync(ExecutionId execution)
    {
        try
        {
            await GrainFactory.GetGrain<IExecutionGrain>(execution.Value).Admitted();
        }
        catch (Exception e)
        {
            NotifyFailed(execution, e.Message);
        }
    }

    [LoggerMessage(1204, LogLevel.Debug, "Execution {Execution} could not be notified of its slot: {Message}")]
    private partial void NotifyFailed(ExecutionId execution, string message);

    [LoggerMessage(1201, LogLevel.Warning, "Released the slot of execution {Execution} on executor {Executor}: the execution has ended")]
    private partial void SlotReclaimed(ExecutionId execution, string executor);
}
