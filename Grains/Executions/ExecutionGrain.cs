using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Grains.Executions;

/// <summary>
/// Drives one execution: a place, the hand-over to its executor, the watch, the end. The runner's callback is the fast
/// path; asking the executor by timer is what saves us when the callback is lost. Whichever comes first wins.
/// </summary>
[GrainType("shipinator.execution"), Orleans.Placement.PreferLocalPlacement]
public sealed partial class ExecutionGrain(
    [PersistentState("shipinator.execution", StorageNames.Relational)] IPersistentState<Stored<ExecutionRecord>> state,
    IExecutorRegistry executors,
    IArtifactIndex artifacts,
    ILogStore logs,
    ISecretSource secrets,
    IUnfinishedWork work,
    TimeProvider time,
    IOptions<EngineOptions> options,
    ILogger<ExecutionGrain> logger
) : FsmGrain<ExecutionRecord>(state, work, time, options, logger), IExecutionGrain
{
    private const string Actor = "system";
    private readonly List<ClaimWaiter> _claims = [];
    private WaitReason? _waitingFor;
    private bool _handedOver;
    private ExecutionHandle? _handle;

    /// <summary>Begun by this activation, with a place at once: nothing of its group can have begun long before.</summary>
    private bool _fresh;

    /// <summary>Its step was passed over before it began.</summary>
    private bool _notNeeded;
    private int _submitFailures;
    private int _endsSeen;
    private TimeSpan _pollInterval;
    private DateTimeOffset _nextPoll;
    private DateTimeOffset _notBefore;

    private ExecutionId Id => new(this.GetPrimaryKey());

    /// <inheritdoc/>
    public async Task<ExecutionOutcome> Start(StartExecution command, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        if (Row is not null)
        {
            return Outcome();
        }

        var edit = NewEdit(command.Spec.Worker.RunId, Actor);
        var row = ExecutionLogic.Create(command, edit);
        if (await MissingSecretsAsync(row.Spec, cancellationToken) is { } missing)
        {
            await SaveAsync(ExecutionLogic.End(row, Status.Failed, Reason.ConfigError, missing, null, edit), edit);
            return Outcome();
        }

        // A place that is free at once, and a runner that is waiting already, make one write of three.
        var answer = await Admission(row).Acquire(new(Id, row.Spec.Worker.ProjectId, row.Life.CreatedAt), cancellationToken);
        Queued(answer, row);
        if (answer.Granted)
        {
            row = ExecutionLogic.Submit(row, edit);
            _fresh = true;
        }

        if (answer.Granted && row.Spec.Inputs.IsEmpty && _claims.Count > 0)
        {
            await AllowCloneAsync(_claims[0], row, cancellationToken);
            row = ExecutionLogic.Claim(row, _claims[0].Runner, edit);
            Heard("");
        }

        await SaveAsync(row, edit);
        await AnswerClaimsAsync(cancellationToken);
        Schedule(TimeSpan.Zero);
        return Outcome();
    }

    /// <inheritdoc/>
    public async Task<ExecutionOutcome> Cancel(CancelRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (Row is null)
        {
            // Never begun: there is nothing that could run.
            return new(Status.Canceled, request.Reason, request.Detail, null);
        }

        if (!Row.Life.IsTerminal && Row.Cancel is null)
        {
            var edit = NewEdit(request.Actor);
            var asked = Row with { Cancel = request };
            await SaveAsync(Row.Life.Status == Status.Pending ? ExecutionLogic.Stopped(asked, request, edit) : asked, edit);
            _nextPoll = default;
            Schedule(TimeSpan.Zero);
        }

        return Outcome();
    }

    /// <inheritdoc/>
    public async Task<ExecutionOutcome> Touch(CancellationToken cancellationToken = default)
    {
        if (Row is null)
        {
            return new(Status.Pending, null, null, null);
        }

        _nextPoll = default;
        await RunDriveAsync(cancellationToken);
        return Outcome();
    }

    /// <inheritdoc/>
    public async Task ReleaseWorker(CancellationToken cancellationToken = default)
    {
        if (Row is not null)
        {
            await executors.Get(Row.ExecutorType).Release(Row.Spec.Worker.JobId, Row.Spec.Worker.Attempt, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async Task Report(ExecutionReport report, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(report);
        var row = Row ?? throw new NotFoundException("execution", Id.ToString());
        Heard("");
        if (!row.Life.IsTerminal)
        {
            report = await CheckArtifactsAsync(row, report, cancellationToken);
            if (report.Status == Status.Canceled && row.Cancel is null)
            {
                if (await ExplainStopAsync(row, report, cancellationToken) is not { } explained)
                {
                    // The runner goes once it is answered: what it said must not be in memory alone.
                    if (row.Stopped is null)
                    {
                        await CommitAsync(row with { Stopped = new(report, Now) }, []);
                    }

                    _nextPoll = default;
                    Schedule(TimeSpan.Zero);
                    return;
                }

                report = explained;
            }
        }

        var edit = NewEdit("runner");
        if (ExecutionLogic.Report(row, report, edit) is { } ended)
        {
            await SaveAsync(ended, edit);
        }

        _nextPoll = default;
        Schedule(TimeSpan.Zero);
    }

    /// <inheritdoc/>
    public Task<HeartbeatResult> Heartbeat(string runner, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        Heard(runner);
        return Task.FromResult(
            new HeartbeatResult(
                Row is null
                    || Row.Life.IsTerminal
                    || Row.Cancel is not null
                    || (Row.ClaimedBy is not null && runner.Length > 0 && Row.ClaimedBy != runner),
                Options.CancelGrace,
                Row is null or { Life.IsTerminal: true } or { ClaimedBy: null }
            )
        );
    }

    /// <inheritdoc/>
    public async Task<string?> WaitingFor(CancellationToken cancellationToken = default) =>
        (await GetWaitReason(cancellationToken))?.Describe();

    /// <inheritdoc/>
    public Task<WaitReason?> GetWaitReason(CancellationToken cancellationToken = default) =>
        Task.FromResult(
            Row switch
            {
                null => WaitReason.Start("job"),
                { Life.IsTerminal: true } => null,
                { Cancel: { } cancel } => WaitReason.CancelConfirmation(cancel),
                { Life.Status: Status.Pending } => _waitingFor ?? WaitReason.Slot(Row.ExecutorType),
                { Life.Status: Status.Submitted } => _waitingFor ?? WaitReason.Runner,
                _ => ToldSilence() ?? _waitingFor,
            }
        );

    /// <inheritdoc/>
    public Task<ExecutionRecord> Get(CancellationToken cancellationToken = default) =>
        Task.FromResult(Row ?? throw new NotFoundException("execution", Id.ToString()));

    /// <inheritdoc/>
    public Task Admitted() =>
        Row switch
        {
            null => Task.CompletedTask,
            // It left the queue by its end, which the admission has not heard of: the place is for somebody else.
            { Life.IsTerminal: true } => Admission(Row).Release(Id),
            _ => RunDriveAsync(CancellationToken.None),
        };

    /// <inheritdoc/>
    public async Task ExecutorChanged()
    {
        if (Row is { Life.IsTerminal: false })
        {
            _nextPoll = default;
            await RunDriveAsync(CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await base.OnActivateAsync(cancellationToken);
        _pollInterval = Options.PollFirst;
        // Whoever spoke while nobody listened has a new period.
        Heard("");
        if (Row is { Life.IsTerminal: false })
        {
            Schedule(TimeSpan.Zero);
        }
    }

    /// <inheritdoc/>
    protected override async Task<TimeSpan?> DriveAsync(CancellationToken cancellationToken)
    {
        if (Row is null)
        {
            return null;
        }

        if (Row.Life.Status == Status.Pending)
        {
            await QueueAsync(Row, cancellationToken);
        }

        if (Row.Life.Status is Status.Submitted or Status.Running)
        {
            await AnswerClaimsAsync(cancellationToken);
            await WatchAsync(cancellationToken);
        }

        if (Row.Life.IsTerminal)
        {
            RefuseClaims();
            return await SettleAsync(cancellationToken);
        }

        var poll = Due - Now;
        return Row.Life.Status == Status.Pending ? Options.ReconcilePeriod
            : SilenceLeft() is { } silence && silence < poll ? silence
            : poll;
    }

    /// <summary>Asks for its place again; the admission's memory may have been lost with a silo.</summary>
    private async Task QueueAsync(ExecutionRecord row, CancellationToken cancellationToken)
    {
        if (Now - row.Life.CreatedAt > Options.QueueTimeout)
        {
            var late = NewEdit(Actor);
            await SaveAsync(
                ExecutionLogic.End(
                    row,
                    Status.Failed,
                    Reason.Timeout,
                    $"No place at executor {row.ExecutorType} came free within {Options.QueueTimeout.InWords()}.",
                    null,
                    late
                ),
                late
            );
            return;
        }

        var answer = await Admission(row).Acquire(new(Id, row.Spec.Worker.ProjectId, row.Life.CreatedAt), cancellationToken);
        Queued(answer, row);
        if (answer.Granted)
        {
            var edit = NewEdit(Actor);
            await SaveAsync(ExecutionLogic.Submit(row, edit), edit);
        }
    }

    private void Queued(AdmissionAnswer answer, ExecutionRecord row) =>
        _waitingFor = answer.Granted ? null : WaitReason.Slot(row.ExecutorType, answer.Ahead, answer.Limit);

    /// <inheritdoc/>
    private protected override Lifecycle LifeOf(ExecutionRecord row) => row.Life;

    /// <summary>A log that is sealed, whether or not the place can be given back, and the other way round.</summary>
    private protected override IReadOnlyList<SettlePart> AfterEnd(ExecutionRecord row) =>
        [SettlePart.Of("log", stop => logs.Seal(Id, stop)), SettlePart.Of("place", stop => Admission(row).Release(Id, stop))];

    /// <summary>Writes, then tells the job.</summary>
    private async Task SaveAsync(ExecutionRecord next, Edit edit)
    {
        if (ReferenceEquals(next, Row))
        {
            return;
        }

        await CommitAsync(next, edit.Transitions);
        if (next.Life.IsTerminal)
        {
            RefuseClaims();
            await HintAsync(() => GrainFactory.GetGrain<IJobGrain>(next.Spec.Worker.JobId.Value).ExecutionChanged(Id, Outcome()));
        }
    }

    private Edit NewEdit(string actor) => NewEdit(Row!.Spec.Worker.RunId, actor);

    private Edit NewEdit(RunId run, string actor) => new(run, Now, actor);

    private ExecutionOutcome Outcome() => new(Row!.Life.Status, Row.Life.Reason, Row.Life.Detail, Row.ExitCode);

    private IAdmissionGrain Admission(ExecutionRecord row) => GrainFactory.GetGrain<IAdmissionGrain>(row.ExecutorType);
}
