using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Placement;

namespace Shipinator.Grains.Runs;

/// <summary>Drives one run: its turn, its jobs stage by stage, its end.</summary>
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

    private RunId Id => new(this.GetPrimaryKey());

    /// <inheritdoc/>
    public async Task Create(CreateRun command, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        if (Row is not null)
        {
            return;
        }

        var edit = new Edit(Id, Now, command.Actor);
        var row = RunLogic.Create(Id, command, edit, Time);
        var jobs = InitialJobs.Of(row, edit);
        await CommitAsync(row, edit.Transitions, jobs);
        foreach (var job in row.Jobs)
        {
            _outcomes[job.Id] = RunLogic.InitialOutcome(job);
        }

        _lastRefresh = Now;

        // The answer does not wait for the work.
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
            Note(job, outcome);
            await RunDriveAsync(CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public Task TurnChanged()
    {
        // Also asked of a run that is over: one that died before it left its group leaves it now.
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
                if (!await StopAsync(Row.Cancel, cancellationToken))
                {
                    return Options.ReconcilePeriod;
                }
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

    /// <summary>The next run's turn.</summary>
    private protected override IReadOnlyList<SettlePart> AfterEnd(RunRecord row) =>
        row.Plan.Concurrency is { } turn ? [SettlePart.Of("turn", stop => Repository().Leave(Id, turn.Group, stop))] : [];

    /// <summary>Starts, skips or ends; false when there is nothing to do but wait.</summary>
    private async Task<bool> StepAsync(CancellationToken cancellationToken)
    {
        var row = Row!;
        if (row.Life.Status == Status.Pending)
        {
            await MoveAsync(Status.Running, null, null);
            return true;
        }

        var wish =
            row.Plan.SkipReason is { } skip && row.Jobs.Any(j => !_outcomes[j.Id].Status.IsTerminal())
                ? new RunWish([], [.. row.Jobs.Where(j => _outcomes[j.Id].Status == Status.Pending)], skip, null)
                : RunLogic.Next(row, _outcomes);
        if (wish.End is { } end)
        {
            await MoveAsync(end.Status, end.Reason, end.Detail);
            return true;
        }

        var reason = row.Plan.SkipReason is null ? wish.SkipReason : Reason.Condition;
        await Task.WhenAll(
            wish.Start.Select(async j => Note(j.Id, await Job(j.Id).Start(cancellationToken)))
                .Concat(wish.Skip.Select(async j => Note(j.Id, await Job(j.Id).Skip(reason, wish.SkipDetail!, cancellationToken))))
        );
        return wish.Start.Concat(wish.Skip).Any(j => _outcomes[j.Id].Status.IsTerminal());
    }

    /// <summary>Whether its turn has come; a newer run that takes its place becomes a request to stop.</summary>
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
                    Cancel = new(Now, Reason.Superseded, $"Run #{newer} of group '{turn.Group}' took its place.", Actor),
                },
                []
            );
            return true;
        }

        _turn = answer.WaitReason ?? (answer.WaitingFor is { } text ? WaitReason.Other(text) : null);
        _turnKnown = answer.Granted;
        return answer.Granted || row.Life.Status == Status.Running;
    }

    /// <summary>Stops every job; true once all are terminal and the run is <c>canceled</c>.</summary>
    private async Task<bool> StopAsync(CancelRequest cancel, CancellationToken cancellationToken)
    {
        var row = Row!;
        await Task.WhenAll(
            row.Jobs.Where(j => !_outcomes[j.Id].Status.IsTerminal())
                .Select(async j => Note(j.Id, await Job(j.Id).Cancel(cancel, cancellationToken)))
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
        var edit = new Edit(Id, Now, actor);
        await CommitAsync(Row! with { Life = edit.Move(Row!.Life, Id.Value, to, reason, detail) }, edit.Transitions);
    }

    private async Task RefreshAndDriveAsync(CancellationToken cancellationToken)
    {
        if (Row is { Life.IsTerminal: false })
        {
            await RefreshAsync(cancellationToken);
        }

        await RunDriveAsync(cancellationToken);
    }

    /// <summary>Reads the jobs' own word: hints may have been lost.</summary>
    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(
            Row!
                .Jobs.Where(j => !(_outcomes.GetValueOrDefault(j.Id)?.Status.IsTerminal() ?? false))
                .Select(async j => Note(j.Id, await Job(j.Id).Touch(cancellationToken)))
        );
        _lastRefresh = Now;
    }

    /// <summary>Hints may come late: what is terminal stays so.</summary>
    private void Note(JobId job, JobOutcome outcome)
    {
        if (
            !(
                _outcomes.TryGetValue(job, out var known)
                && (known.Status.IsTerminal() || (known.Status == Status.Running && outcome.Status == Status.Pending))
            )
        )
        {
            _outcomes[job] = outcome;
        }
    }

    private RunRecord Existing() => Row ?? throw new NotFoundException("pipeline run", Id.ToString());

    private IJobGrain Job(JobId id) => GrainFactory.GetGrain<IJobGrain>(id.Value);

    private IRepositoryGrain Repository() => GrainFactory.GetGrain<IRepositoryGrain>(Row!.RepositoryId.Value);
}
