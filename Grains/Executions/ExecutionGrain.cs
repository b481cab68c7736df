using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Grains.Executions;

/// <summary>
/// Drives one execution: its slot, the submit to its executor, the polls, and its end. The runner's report is the fast path; polling
/// the executor is the fallback when the report is lost. Whichever comes first wins.
/// </summary>
[GrainType("shipinator.execution"), Orleans.Placement.PreferLocalPlacement]
public sealed class ExecutionGrain : FsmGrain<ExecutionRecord>, IExecutionGrain
{
    private const string Actor = "system";
    private readonly IExecutorRegistry _executors;
    private readonly ILogStore _logs;
    private readonly SecretCheck _secrets;
    private readonly ExecutionArtifacts _artifacts;
    private readonly ClaimQueue _claims;
    private readonly RunnerSilence _silence;
    private readonly WorkAssignment _assignment;
    private readonly ExecutorWatch _watch;

    /// <summary>A cancel that arrived before the start, which may still arrive.</summary>
    private CancelRequest? _canceledBeforeStart;

    public ExecutionGrain(
        [PersistentState("shipinator.execution", StorageNames.Relational)] IPersistentState<Stored<ExecutionRecord>> state,
        IExecutorRegistry executors,
        IArtifactIndex artifacts,
        ILogStore logs,
        ISecretSource secrets,
        IUnfinishedWork work,
        IGrainFactory grains,
        TimeProvider time,
        IOptions<EngineOptions> options,
        ILogger<ExecutionGrain> logger
    )
        : base(state, work, time, options, logger)
    {
        _executors = executors;
        _logs = logs;
        _secrets = new(secrets);
        _artifacts = new(artifacts);
        _claims = new(time);
        _silence = new(time, Options.RunnerSilence);
        var siblings = new SiblingSteps(grains);
        _assignment = new(_claims, executors, siblings, _silence);
        _watch = new(Id, executors, _artifacts, siblings, _silence, time, Options, logger);
    }

    private ExecutionId Id => new(this.GetPrimaryKey());

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await base.OnActivateAsync(cancellationToken);
        // Heartbeats may have been missed while the grain was inactive, so the silence starts now.
        _silence.Heard();
        if (Row is { Life.IsTerminal: false })
        {
            Schedule(TimeSpan.Zero);
        }
    }

    /// <inheritdoc/>
    public async Task<ExecutionOutcome> Start(StartExecution command, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        if (Row is not null)
        {
            return Outcome();
        }

        if (_canceledBeforeStart is { } canceled)
        {
            return NeverStarted(canceled);
        }

        var log = NewLog(command.Spec.Worker.RunId, Actor);
        var row = ExecutionLogic.Create(command, log);
        if (await _secrets.MissingAsync(row.Spec, cancellationToken) is { } missing)
        {
            await SaveAsync(ExecutionLogic.End(row, Status.Failed, Reason.ConfigError, missing, null, log), log);
            return Outcome();
        }

        // With a free slot and a waiting runner, the three transitions become one write.
        _watch.IsFresh = await AcquireSlotAsync(row, cancellationToken);
        if (_watch.IsFresh)
        {
            row = ExecutionLogic.Submit(row, log);
            if (row.Spec.Inputs.IsEmpty && _claims.Waiting is [{ Runner: var runner }, ..])
            {
                row = await _assignment.ClaimAsync(row, runner, log, cancellationToken);
            }
        }

        await SaveAsync(row, log);
        // Before the claims, whose inputs may be unavailable: nothing else would drive the execution.
        Schedule(TimeSpan.Zero);
        await RespondToClaimsAsync(cancellationToken);
        return Outcome();
    }

    /// <inheritdoc/>
    public async Task<ExecutionOutcome> Cancel(CancelRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (Row is null)
        {
            _canceledBeforeStart ??= request;
            _claims.Close();
            return NeverStarted(_canceledBeforeStart);
        }

        if (!Row.Life.IsTerminal && Row.Cancel is null)
        {
            var log = NewLog(request.Actor);
            var asked = Row with { Cancel = request };
            await SaveAsync(Row.Life.Status == Status.Pending ? ExecutionLogic.Stopped(asked, request, log) : asked, log);
            _watch.Polls.PollNow();
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

        _watch.Polls.PollNow();
        await RunDriveAsync(cancellationToken);
        return Outcome();
    }

    /// <inheritdoc/>
    public async Task ReleaseWorker(CancellationToken cancellationToken = default)
    {
        if (Row is not null)
        {
            await _executors.Get(Row.ExecutorType).Release(Row.Spec.Worker.JobId, Row.Spec.Worker.Attempt, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async Task<ClaimResult> Claim(string runner, TimeSpan wait, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(runner);
        ThrowIfAbandoned();
        if (Row is { Life.IsTerminal: true } or { Cancel: not null } || (Row is null && _claims.NeverStarts))
        {
            return ClaimQueue.Refusal;
        }

        Heard(runner);
        // This call interleaves with a turn that may be writing the row, so a separate turn responds.
        return await _claims.WaitAsync(
            runner,
            wait,
            () => Row is null ? Task.CompletedTask : this.AsReference<IExecutionGrain>().Admitted(),
            cancellationToken
        );
    }

    /// <inheritdoc/>
    public async Task Report(ExecutionReport report, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(report);
        var row = Row ?? throw new NotFoundException("execution", Id.ToString());
        _silence.Heard();
        if (!row.Life.IsTerminal)
        {
            report = await _artifacts.CheckAsync(row, report, cancellationToken);
            if (report.Status == Status.Canceled && row.Cancel is null)
            {
                if (await _watch.ExplainAsync(row, report, cancellationToken) is not { } explained)
                {
                    // The runner exits after the response, so its report must be durable before.
                    if (row.Stopped is null)
                    {
                        await CommitAsync(row with { Stopped = new(report, Now) }, []);
                    }

                    _watch.Polls.PollNow();
                    Schedule(TimeSpan.Zero);
                    return;
                }

                report = explained;
            }
        }

        var log = NewLog("runner");
        if (ExecutionLogic.Report(row, report, log) is { } ended)
        {
            await SaveAsync(ended, log);
        }

        _watch.Polls.PollNow();
        Schedule(TimeSpan.Zero);
    }

    /// <inheritdoc/>
    public Task<HeartbeatResult> Heartbeat(string runner, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        Heard(runner);
        return Task.FromResult(ExecutionLogic.Heartbeat(Row, runner, Options.CancelGrace));
    }

    /// <inheritdoc/>
    public async Task<string?> WaitingFor(CancellationToken cancellationToken = default) =>
        (await GetWaitReason(cancellationToken))?.Describe();

    /// <inheritdoc/>
    public Task<WaitReason?> GetWaitReason(CancellationToken cancellationToken = default) =>
        Task.FromResult(Row is null ? WaitReason.Start("job") : _watch.WaitReasonOf(Row));

    /// <inheritdoc/>
    public Task<ExecutionRecord> Get(CancellationToken cancellationToken = default) =>
        Task.FromResult(Row ?? throw new NotFoundException("execution", Id.ToString()));

    /// <inheritdoc/>
    public Task Admitted() =>
        Row switch
        {
            null => Task.CompletedTask,
            // The execution has ended, but the release has not reached the admission yet: decline the slot.
            { Life.IsTerminal: true } => Admission(Row).Release(Id),
            _ => RunDriveAsync(CancellationToken.None),
        };

    /// <inheritdoc/>
    public Task NotNeeded()
    {
        if (Row is null)
        {
            // A claim may still arrive; it will be refused.
            _claims.Close();
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task ExecutorChanged()
    {
        if (Row is { Life.IsTerminal: false })
        {
            _watch.Polls.PollNow();
            await RunDriveAsync(CancellationToken.None);
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
            await RespondToClaimsAsync(cancellationToken);
            while (await _watch.NextAsync(Row, cancellationToken) is { } change)
            {
                await SaveAsync(change.Next, change.Log);
            }
        }

        if (Row.Life.IsTerminal)
        {
            _claims.Refuse();
            return await SettleAsync(cancellationToken);
        }

        return Row.Life.Status == Status.Pending ? Options.ReconcilePeriod : _watch.Left(Row);
    }

    /// <summary>Asks for its slot again; the admission's memory may have been lost with a silo.</summary>
    private async Task QueueAsync(ExecutionRecord row, CancellationToken cancellationToken)
    {
        // A slot that was granted in time is valid, however late this turn runs.
        if (await AcquireSlotAsync(row, cancellationToken))
        {
            var log = NewLog(Actor);
            await SaveAsync(ExecutionLogic.Submit(row, log), log);
        }
        else if (Now - row.Life.CreatedAt > Options.QueueTimeout)
        {
            await FailAsync(
                row,
                Reason.Timeout,
                $"No slot on executor \"{row.ExecutorType}\" became free within {Options.QueueTimeout.InWords()}."
            );
        }
    }

    private async Task<bool> AcquireSlotAsync(ExecutionRecord row, CancellationToken cancellationToken)
    {
        var answer = await Admission(row).Acquire(new(Id, row.Spec.Worker.ProjectId, row.Life.CreatedAt), cancellationToken);
        _watch.WaitingFor = answer.Granted ? null : WaitReason.Slot(row.ExecutorType, answer.Ahead, answer.Limit);
        return answer.Granted;
    }

    /// <summary>Assigns the work durably to the first runner. Its repeated claims succeed; other runners are refused.</summary>
    private async Task RespondToClaimsAsync(CancellationToken cancellationToken)
    {
        foreach (var waiter in _assignment.Entitled(() => Row!))
        {
            await AssignAsync(waiter, cancellationToken);
        }
    }

    private async Task AssignAsync(ClaimWaiter waiter, CancellationToken cancellationToken)
    {
        var inputs = await _artifacts.ResolveAsync(Row!.Spec, cancellationToken);
        if (inputs.Error is { } error)
        {
            await FailAsync(Row, inputs.Reason!.Value, error);
            return;
        }

        if (Row.ClaimedBy is null)
        {
            var log = NewLog("runner");
            await SaveAsync(await _assignment.ClaimAsync(Row, waiter.Runner, log, cancellationToken), log);
        }

        waiter.Give(Row, inputs.Inputs);
    }

    /// <summary>Without a name, any holder of the execution's token is accepted. Heartbeats of other runners are ignored.</summary>
    private void Heard(string runner)
    {
        if (runner.Length == 0 || Row?.ClaimedBy is not { } claimed || claimed == runner)
        {
            _silence.Heard();
        }
    }

    /// <inheritdoc/>
    private protected override Lifecycle LifeOf(ExecutionRecord row) => row.Life;

    /// <summary>The log is sealed whether or not the slot can be released, and the other way round.</summary>
    private protected override IReadOnlyList<SettlePart> AfterEnd(ExecutionRecord row) =>
        [
            SettlePart.Of("seal the log", stop => _logs.Seal(Id, stop)),
            SettlePart.Of("release the slot", stop => Admission(row).Release(Id, stop)),
        ];

    /// <summary>Fails pending claims, which wait for a turn that this activation will not run.</summary>
    private protected override void OnAbandoned() => _claims.Fail(Abandoned!);

    private async Task FailAsync(ExecutionRecord row, Reason reason, string detail)
    {
        var log = NewLog(Actor);
        await SaveAsync(ExecutionLogic.End(row, Status.Failed, reason, detail, null, log), log);
    }

    /// <summary>Writes the row, then notifies the job if the execution has ended.</summary>
    private async Task SaveAsync(ExecutionRecord next, TransitionLog log)
    {
        if (ReferenceEquals(next, Row))
        {
            return;
        }

        await CommitAsync(next, log.Transitions);
        if (next.Life.IsTerminal)
        {
            _claims.Refuse();
            await HintAsync(() => GrainFactory.GetGrain<IJobGrain>(next.Spec.Worker.JobId.Value).ExecutionChanged(Id, Outcome()));
        }
    }

    private TransitionLog NewLog(string actor) => NewLog(Row!.Spec.Worker.RunId, actor);

    private TransitionLog NewLog(RunId run, string actor) => new(run, Now, actor);

    private ExecutionOutcome Outcome() => new(Row!.Life.Status, Row.Life.Reason, Row.Life.Detail, Row.ExitCode);

    private static ExecutionOutcome NeverStarted(CancelRequest request) => new(Status.Canceled, request.Reason, request.Detail, null);

    private IAdmissionGrain Admission(ExecutionRecord row) => GrainFactory.GetGrain<IAdmissionGrain>(row.ExecutorType);
}
