using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Grains.Jobs;

/// <summary>Drives one job: its steps in order, parallel groups concurrently, retries, and its end.</summary>
[GrainType("shipinator.job"), Orleans.Placement.PreferLocalPlacement]
public sealed class JobGrain(
    [PersistentState("shipinator.job", StorageNames.Relational)] IPersistentState<Stored<JobRecord>> state,
    IServerAddress address,
    IUnfinishedWork work,
    TimeProvider time,
    IOptions<EngineOptions> options,
    ILogger<JobGrain> logger
) : FsmGrain<JobRecord>(state, work, time, options, logger), IJobGrain
{
    private const string Actor = "system";
    private readonly Dictionary<ExecutionId, ExecutionOutcome> _outcomes = [];
    private readonly WorkerReleases _releases = new(time, options.Value.RetryDelay, logger);
    private DateTimeOffset _lastRefresh;
    private bool _cancelTold;

    private JobId Id => new(this.GetPrimaryKey());

    /// <inheritdoc/>
    public async Task<JobOutcome> Start(CancellationToken cancellationToken = default)
    {
        var row = Existing();
        if (row.Life.Status == Status.Pending)
        {
            // Start and the first steps are one write.
            var log = NewLog(Actor);
            await SaveAsync(JobLogic.Advance(JobLogic.Start(row, log, Time), _outcomes, log, Time), log);
            Schedule(TimeSpan.Zero);
        }

        return Outcome();
    }

    /// <inheritdoc/>
    public async Task<JobOutcome> Skip(Reason reason, string detail, CancellationToken cancellationToken = default)
    {
        var log = NewLog(Actor);
        await SaveAsync(JobLogic.Skip(Existing(), log, reason, detail), log);
        return Outcome();
    }

    /// <inheritdoc/>
    public async Task<JobOutcome> Cancel(CancelRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var row = Existing();
        if (!row.Life.IsTerminal && row.Cancel is null)
        {
            var log = NewLog(request.Actor);
            await SaveAsync(JobLogic.Advance(row with { Cancel = request }, _outcomes, log, Time), log);
            Schedule(TimeSpan.Zero);
        }

        return Outcome();
    }

    /// <inheritdoc/>
    public async Task<JobOutcome> Touch(CancellationToken cancellationToken = default)
    {
        // If the silo died after the job's end, its worker may not have been released.
        if (Existing().Life.Status != Status.Pending)
        {
            _lastRefresh = default;
            await RunDriveAsync(cancellationToken);
        }

        return Outcome();
    }

    /// <inheritdoc/>
    public async Task ExecutionChanged(ExecutionId execution, ExecutionOutcome outcome)
    {
        if (Row is { Life.IsTerminal: false })
        {
            Observe(execution, outcome);
            await RunDriveAsync(CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public Task<StepProgress> StepOf(ExecutionId execution, CancellationToken cancellationToken = default) =>
        Task.FromResult(JobLogic.Place(Existing(), execution));

    /// <inheritdoc/>
    public Task<WorkerNeed> GetWorkerNeed(int attempt, CancellationToken cancellationToken = default) =>
        Task.FromResult(
            Row is not { } row ? WorkerNeed.Unknown
            : !row.Life.IsTerminal && attempt >= row.Attempt ? WorkerNeed.Needed
            : WorkerNeed.Over
        );

    /// <inheritdoc/>
    public async Task<ImmutableDictionary<Guid, string>> WaitingFor(CancellationToken cancellationToken = default) =>
        (await WaitReasons(cancellationToken)).ToImmutableDictionary(w => w.Key, w => w.Value.Describe());

    /// <inheritdoc/>
    public async Task<ImmutableDictionary<Guid, WaitReason>> WaitReasons(CancellationToken cancellationToken = default)
    {
        var row = Existing();
        var reasons = ImmutableDictionary.CreateBuilder<Guid, WaitReason>();
        if (row.Life.IsTerminal)
        {
            return reasons.ToImmutable();
        }

        var plans = row.Spec.Plan.Steps;
        var running = row.Steps.Where(s => s.Life.Status == Status.Running).ToList();
        var names = running.Select(s => plans[s.Index].Name).ToList();
        reasons[row.Id.Value] =
            row.Cancel is { } cancel ? WaitReason.CancelConfirmation(cancel, "executions")
            : row.RestartBecause is not null ? WaitReason.PreviousAttempt(row.RestartBecause)
            : row.NotBefore is { } start && start > Now ? WaitReason.Retry(row.Attempt, start)
            : running.Count > 0 ? WaitReason.Steps(names)
            : row.Life.Status == Status.Pending ? WaitReason.Start("stage")
            : WaitReason.Start("steps");
        foreach (var step in row.Steps.Where(s => s.Life.Status == Status.Pending))
        {
            reasons[step.Id.Value] = running.Count > 0 ? WaitReason.EarlierSteps(names) : WaitReason.Start();
        }

        foreach (var step in running)
        {
            if (step.Started < step.Executions.Length)
            {
                reasons[step.Id.Value] = WaitReason.Retry(step.Executions.Length, step.NotBefore ?? Now);
            }
            else if (await Execution(step.Executions[^1]).GetWaitReason(cancellationToken) is { } why)
            {
                reasons[step.Id.Value] = why;
                reasons[step.Executions[^1].Value] = why;
            }
        }

        return reasons.ToImmutable();
    }

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await base.OnActivateAsync(cancellationToken);
        if (Row is { Life.Status: Status.Running })
        {
            Schedule(TimeSpan.Zero);
        }
    }

    /// <inheritdoc/>
    protected override async Task<TimeSpan?> DriveAsync(CancellationToken cancellationToken)
    {
        if (Row is null || Row.Life.Status == Status.Pending)
        {
            return null;
        }

        while (!Row.Life.IsTerminal)
        {
            if (Row.Cancel is null && JobLogic.Deadline(Row) <= Now)
            {
                var limit = new CancelRequest(
                    Now,
                    Reason.Timeout,
                    $"The job ran longer than its timeout of {Row.Spec.Plan.Timeout.InWords()}.",
                    Actor
                );
                await CommitAsync(Row with { Cancel = limit }, []);
            }

            var log = NewLog(Row.Cancel?.Actor ?? Actor);
            var before = Row;
            await SaveAsync(JobLogic.Advance(before, _outcomes, log, Time), log);
            if (!await ActAsync(cancellationToken) && ReferenceEquals(before, Row))
            {
                break;
            }
        }

        if (Row.Life.IsTerminal)
        {
            return await SettleAsync(cancellationToken);
        }

        var release = await ReleaseWorkersAsync(cancellationToken);
        var moment = JobLogic.NextMoment(Row) - Now;
        var due = release < moment || moment is null ? release ?? moment : moment;
        return due is null || due > Options.ReconcilePeriod ? Options.ReconcilePeriod
            : due > TimeSpan.FromMilliseconds(10) ? due
            : TimeSpan.FromMilliseconds(10);
    }

    /// <summary>Starts or cancels executions as the row requires; true when one of them has ended.</summary>
    private async Task<bool> ActAsync(CancellationToken cancellationToken)
    {
        var row = Row!;
        if (row.Life.IsTerminal)
        {
            return false;
        }

        var stopping = JobLogic.IsStopping(row);
        var refresh = Now - _lastRefresh > Options.ReconcilePeriod || (stopping && !_cancelTold);
        var ask = JobLogic.Active(row).Where(a => refresh || !_outcomes.ContainsKey(a.Execution)).ToList();
        if (refresh)
        {
            _lastRefresh = Now;
        }

        await Task.WhenAll(
            ask.Select(async a =>
            {
                var grain = Execution(a.Execution);
                Observe(
                    a.Execution,
                    stopping
                            ? await grain.Cancel(
                                row.Cancel ?? new(Now, Reason.DependencyFailed, $"The job is restarting. {row.RestartBecause}", Actor),
                                cancellationToken
                            )
                        : _outcomes.ContainsKey(a.Execution) ? await grain.Touch(cancellationToken)
                        : await grain.Start(Command(row, a.Step, a.Execution), cancellationToken)
                );
            })
        );
        _cancelTold = stopping;
        return ask.Any(a => _outcomes[a.Execution].Status.IsTerminal());
    }

    private async Task SaveAsync(JobRecord next, TransitionLog log)
    {
        var before = Row!;
        if (ReferenceEquals(next, before))
        {
            return;
        }

        await CommitAsync(next, log.Transitions);
        foreach (var execution in JobLogic.NeverStarted(before, next))
        {
            await HintAsync(() => Execution(execution).NotNeeded());
        }

        if (next.Life.IsTerminal && !before.Life.IsTerminal)
        {
            await HintAsync(() => GrainFactory.GetGrain<IPipelineRunGrain>(next.Spec.RunId.Value).JobChanged(Id, Outcome()));
        }
    }

    /// <summary>Releases the workers of attempts that have ended. Returns the delay before a retry; null: all are released.</summary>
    private Task<TimeSpan?> ReleaseWorkersAsync(CancellationToken cancellationToken)
    {
        var row = Row!;
        var ended = row.Steps.Select(s => s.JobAttempt).Distinct().Where(a => a < row.Attempt || row.Life.IsTerminal);
        return _releases.RunAsync(Id, ended, (attempt, stop) => ReleaseWorkerAsync(row, attempt, stop), cancellationToken);
    }

    /// <summary>
    /// Uses an execution that was submitted. An execution that the job's row shows as started may not exist, if its grain was unreachable
    /// before the cancel, while a parallel one has created the worker.
    /// </summary>
    private async Task ReleaseWorkerAsync(JobRecord row, int attempt, CancellationToken cancellationToken)
    {
        var started = row.Steps.Where(s => s.JobAttempt == attempt).SelectMany(s => s.Executions.Take(s.Started));
        foreach (var execution in started.Select(Execution))
        {
            try
            {
                await execution.Get(cancellationToken);
            }
            catch (NotFoundException)
            {
                continue;
            }

            await execution.ReleaseWorker(cancellationToken);
            return;
        }
    }

    /// <inheritdoc/>
    private protected override Lifecycle LifeOf(JobRecord row) => row.Life;

    /// <inheritdoc/>
    private protected override IReadOnlyList<SettlePart> AfterEnd(JobRecord row) =>
        row.Steps.Any(s => s.Started > 0) ? [new("release the workers", ReleaseWorkersAsync)] : [];

    private StartExecution Command(JobRecord row, StepRecord step, ExecutionId execution) =>
        new(ExecutionSpecFactory.Create(row, step, execution, address.PublicUrl), row.Spec.Executor, row.Spec.Plan.Type == JobType.Deploy);

    /// <summary>Hints may arrive late: a terminal outcome stays.</summary>
    private void Observe(ExecutionId execution, ExecutionOutcome outcome)
    {
        if (!(_outcomes.TryGetValue(execution, out var known) && known.Status.IsTerminal()))
        {
            _outcomes[execution] = outcome;
        }
    }

    private TransitionLog NewLog(string actor) => new(Existing().Spec.RunId, Now, actor);

    private JobOutcome Outcome() => new(Row!.Life.Status, Row.Life.Reason, Row.Life.Detail);

    private JobRecord Existing() => Row ?? throw new NotFoundException("job", Id.ToString());

    private IExecutionGrain Execution(ExecutionId id) => GrainFactory.GetGrain<IExecutionGrain>(id.Value);
}
