using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Placement;

namespace Shipinator.Grains.Runs;

/// <summary>Drives one run: its turn in a concurrency group, its jobs stage by stage, its end.</summary>
[GrainType("shipinator.run"), RandomPlacement]
public sealed class PipelineRunGrain(
    [PersistentState("shipinator.run", StorageNames.Relational)] IPersistentState<Stored<RunRecord>> state,
    IUnfinishedWork work,
    TimeProvider time,
    IOptions<EngineOptions> options,
    ILogger<PipelineRunGrain> logger
) : FsmGrain<RunRecord>(state, work, time, options, logger), IPipelineRunGrain
{
    private const string Actor = "system";
    private readonly Dictionary<JobId, JobOutcome> _outcomes = [];
    private WaitReason? _turn;
    private bool _turnKnown;
    private DateTimeOffset _lastRefresh;

    /// <summary>The run or one of its jobs changed since the last hint to the sender of commit statuses.</summary>
    private bool _isChanged;

    private RunId Id => new(this.GetPrimaryKey());

    /// <inheritdoc/>
    public async Task Create(CreateRun command, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        if (Row is not null)
        {
            return;
        }

        var log = new TransitionLog(Id, Now, command.Actor);
        var row = RunLogic.Create(Id, command, log, Time);
        var jobs = InitialJobs.Of(row, log);
        await CommitAsync(row, log.Transitions, jobs);
        _isChanged = true;
        foreach (var job in row.Jobs)
        {
            _outcomes[job.Id] = RunLogic.InitialOutcome(job);
        }

        _lastRefresh = Now;

        // The response does not wait for the jobs.
        Schedule(TimeSpan.Zero);
    }

    /// <inheritdoc/>
    public async Task Cancel(CancelRequest request, CancellationToken cancellationToken = default)
    {
        var row = Existing();
        if (row.Life.IsTerminal || row.Cancel is not null)
        {
            return;
        }

        await CommitAsync(row with { Cancel = request }, []);
        Schedule(TimeSpan.Zero);
    }

    /// <inheritdoc/>
    public Task Touch(CancellationToken cancellationToken = default) =>
        Row is null ? Task.CompletedTask : RefreshAndDriveAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<RunRecord> Get(CancellationToken cancellationToken = default) => Task.FromResult(Existing());

    /// <inheritdoc/>
    public async Task JobChanged(JobId job, JobOutcome outcome)
    {
        if (Row is { Life.IsTerminal: false } && Row.Jobs.Any(j => j.Id == job))
        {
            Observe(job, outcome);
            await RunDriveAsync(CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public Task TurnChanged()
    {
        // Also called for a run that has ended: if its silo died before the run left its group, it leaves now.
        _turnKnown = false;
        return Row is null ? Task.CompletedTask : RunDriveAsync(CancellationToken.None);
    }

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

        var known = row.Jobs.Select(j => (Job: j, Outcome: _outcomes.GetValueOrDefault(j.Id) ?? RunLogic.InitialOutcome(j))).ToList();
        var running = known.Where(k => k.Outcome.Status == Status.Running).Select(k => RunLogic.JobName(row, k.Job)).ToList();
        reasons[row.Id.Value] =
            row.Cancel is { } cancel ? WaitReason.CancelConfirmation(cancel, "jobs")
            : row.Life.Status == Status.Pending ? _turn ?? WaitReason.Start()
            : running.Count > 0 ? WaitReason.Jobs(running)
            : WaitReason.Start("jobs");
        foreach (var (job, outcome) in known.Where(k => !k.Outcome.Status.IsTerminal()))
        {
            if (outcome.Status == Status.Pending)
            {
                var why =
                    row.Life.Status == Status.Pending ? WaitReason.Start("run")
                    : running.Count > 0 ? WaitReason.EarlierJobs(running)
                    : WaitReason.Start("stage");
                reasons[job.Id.Value] = why;
                foreach (var step in job.Steps)
                {
                    reasons[step.Value] = why;
                }
            }
            else
            {
                reasons.AddRange(await Job(job.Id).WaitReasons(cancellationToken));
            }
        }

        return reasons.ToImmutable();
    }

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await base.OnActivateAsync(cancellationToken);
        if (Row is { Life.IsTerminal: false })
        {
            Schedule(TimeSpan.Zero);
        }
    }

    /// <inheritdoc/>
    protected override async Task<TimeSpan?> DriveAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await AdvanceAsync(cancellationToken);
        }
        finally
        {
            if (_isChanged)
            {
                _isChanged = false;
                await HintAsync(() => GrainFactory.GetGrain<IStatusSenderGrain>(Row!.RepositoryId.Value).RunChanged());
            }
        }
    }

    private async Task<TimeSpan?> AdvanceAsync(CancellationToken cancellationToken)
    {
        if (Row is null)
        {
            return null;
        }

        if (_outcomes.Count < Row.Jobs.Length || Now - _lastRefresh > Options.ReconcilePeriod)
        {
            await RefreshAsync(cancellationToken);
        }

        while (!Row.Life.IsTerminal)
        {
            if (Row.Cancel is not null)
            {
                if (!await CancelJobsAsync(Row.Cancel, cancellationToken))
                {
                    return Options.ReconcilePeriod;
                }
            }
            else if (Row.Plan.FileErrors is { IsDefaultOrEmpty: false } errors)
            {
                await MoveAsync(Status.Failed, Reason.ConfigError, RunLogic.Describe(errors));
            }
            else if (!await MayRunAsync(cancellationToken))
            {
                return Options.ReconcilePeriod;
            }
            else if (Row.Cancel is null && !await StepAsync(cancellationToken))
            {
                return Options.ReconcilePeriod;
            }
        }

        return await SettleAsync(cancellationToken);
    }

    /// <inheritdoc/>
    private protected override Lifecycle LifeOf(RunRecord row) => row.Life;

    /// <summary>The next run gets its turn.</summary>
    private protected override IReadOnlyList<SettlePart> AfterEnd(RunRecord row) =>
        row.Plan.Concurrency is { } turn
            ? [SettlePart.Of("leave the concurrency group", stop => Repository().Leave(Id, turn.Group, stop))]
            : [];

    /// <summary>Starts or skips jobs, or ends the run; false when it can only wait.</summary>
    private async Task<bool> StepAsync(CancellationToken cancellationToken)
    {
        var row = Row!;
        if (row.Life.Status == Status.Pending)
        {
            await MoveAsync(Status.Running, null, null);
            return true;
        }

        var decision =
            row.Plan.SkipReason is { } skip && row.Jobs.Any(j => !_outcomes[j.Id].Status.IsTerminal())
                ? new RunDecision([], [.. row.Jobs.Where(j => _outcomes[j.Id].Status == Status.Pending)], skip, null)
                : RunLogic.Next(row, _outcomes);
        if (decision.End is { } end)
        {
            await MoveAsync(end.Status, end.Reason, end.Detail);
            return true;
        }

        var reason = row.Plan.SkipReason is null ? decision.SkipReason : Reason.Condition;
        await Task.WhenAll(
            decision
                .Start.Select(async j => Observe(j.Id, await Job(j.Id).Start(cancellationToken)))
                .Concat(
                    decision.Skip.Select(async j => Observe(j.Id, await Job(j.Id).Skip(reason, decision.SkipDetail!, cancellationToken)))
                )
        );
        return decision.Start.Concat(decision.Skip).Any(j => _outcomes[j.Id].Status.IsTerminal());
    }

    /// <summary>Whether it is the run's turn in its group. Requests a cancel when a newer run supersedes it.</summary>
    private async Task<bool> MayRunAsync(CancellationToken cancellationToken)
    {
        var row = Row!;
        if (row.Plan.Concurrency is not { } turn || (_turnKnown && row.Life.Status == Status.Running))
        {
            return true;
        }

        var answer = await Repository().RequestTurn(new(Id, row.RunNumber, turn.Group, turn.CancelPrevious), cancellationToken);
        if (answer.SupersededBy is { } newer && RunLogic.MayBeSuperseded(row, _outcomes))
        {
            await CommitAsync(
                row with
                {
                    Cancel = new(Now, Reason.Superseded, $"Superseded by run #{newer} of group \"{turn.Group}\".", Actor),
                },
                []
            );
            return true;
        }

        _turn = answer.WaitReason ?? (answer.WaitingFor is { } text ? WaitReason.Other(text) : null);
        _turnKnown = answer.Granted;
        return answer.Granted || row.Life.Status == Status.Running;
    }

    /// <summary>Cancels every job; true once all are terminal and the run is <c>canceled</c>.</summary>
    private async Task<bool> CancelJobsAsync(CancelRequest cancel, CancellationToken cancellationToken)
    {
        var row = Row!;
        await Task.WhenAll(
            row.Jobs.Where(j => !_outcomes[j.Id].Status.IsTerminal())
                .Select(async j => Observe(j.Id, await Job(j.Id).Cancel(cancel, cancellationToken)))
        );
        if (row.Jobs.Any(j => !_outcomes[j.Id].Status.IsTerminal()))
        {
            return false;
        }

        await MoveAsync(Status.Canceled, cancel.Reason, cancel.Detail, cancel.Actor);
        return true;
    }

    private async Task MoveAsync(Status to, Reason? reason, string? detail, string actor = Actor)
    {
        var log = new TransitionLog(Id, Now, actor);
        await CommitAsync(Row! with { Life = log.Move(Row!.Life, Id.Value, to, reason, detail) }, log.Transitions);
        _isChanged = true;
    }

    private async Task RefreshAndDriveAsync(CancellationToken cancellationToken)
    {
        if (Row is { Life.IsTerminal: false })
        {
            await RefreshAsync(cancellationToken);
        }

        await RunDriveAsync(cancellationToken);
    }

    /// <summary>Asks the jobs for their outcomes: hints may have been lost.</summary>
    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(
            Row!
                .Jobs.Where(j => !(_outcomes.GetValueOrDefault(j.Id)?.Status.IsTerminal() ?? false))
                .Select(async j => Observe(j.Id, await Job(j.Id).Touch(cancellationToken)))
        );
        _lastRefresh = Now;
    }

    /// <summary>Hints may arrive late: a terminal outcome stays.</summary>
    private void Observe(JobId job, JobOutcome outcome)
    {
        if (
            !(
                _outcomes.TryGetValue(job, out var known)
                && (known.Status.IsTerminal() || (known.Status == Status.Running && outcome.Status == Status.Pending))
            )
        )
        {
            _isChanged |= known is not null && known.Status != outcome.Status;
            _outcomes[job] = outcome;
        }
    }

    private RunRecord Existing() => Row ?? throw new NotFoundException("pipeline run", Id.ToString());

    private IJobGrain Job(JobId id) => GrainFactory.GetGrain<IJobGrain>(id.Value);

    private IRepositoryGrain Repository() => GrainFactory.GetGrain<IRepositoryGrain>(Row!.RepositoryId.Value);
}
