using Microsoft.Extensions.Logging;

namespace Shipinator.Grains.Executions;

/// <summary>The next state of an execution's row, with the transitions that lead to it.</summary>
internal sealed record ExecutionChange(ExecutionRecord Next, TransitionLog Log);

/// <summary>
/// Talks to the executor of an execution: submits, polls and cancels, and derives the next state of the row. The grain writes the row.
/// </summary>
internal sealed partial class ExecutorWatch(
    ExecutionId id,
    IExecutorRegistry executors,
    ExecutionArtifacts artifacts,
    SiblingSteps siblings,
    RunnerSilence silence,
    TimeProvider time,
    EngineOptions options,
    ILogger logger
)
{
    private const string Actor = "system";
    private ExecutionHandle? _handle;

    /// <summary>Schedules the calls to the executor.</summary>
    public PollSchedule Polls { get; } = new(time, options);

    /// <summary>The last known wait reason, from the executor or the slot queue; null: unknown.</summary>
    public WaitReason? WaitingFor { get; set; }

    /// <summary>
    /// Whether this activation started the execution and got a slot immediately, so that its parallel group can't have begun long before.
    /// </summary>
    public bool IsFresh { get; set; }

    private DateTimeOffset Now => time.GetUtcNow();

    /// <summary>
    /// Does what is due for a submitted or running execution. Returns the change to write, after which this must be called again; null:
    /// nothing is due.
    /// </summary>
    public async Task<ExecutionChange?> NextAsync(ExecutionRecord row, CancellationToken cancellationToken)
    {
        if (row.Life.IsTerminal)
        {
            return null;
        }

        // Time limits become cancel requests, so that what runs has stopped before the result is reported.
        if (ExecutionLogic.ExceededLimit(row, Now, options, Polls.IsSubmitted, WaitingFor) is { } limit)
        {
            Polls.PollNow();
            return new(row with { Cancel = limit }, NewLog(row, Actor));
        }

        // The node may be down; the platform is often the last to notice.
        if (RunnerSilence.IsExpected(row) && silence.Left() <= TimeSpan.Zero)
        {
            return Failed(row, Reason.Lost, $"No heartbeat from its runner for {options.RunnerSilence.InWords()}.");
        }

        if (!Polls.IsDue)
        {
            return null;
        }

        // A claimed execution is never submitted again: if its runner disappears it is lost, not run twice.
        return row.ClaimedBy is null && row.Cancel is null && !Polls.IsSubmitted
            ? await SubmitAsync(row, cancellationToken)
            : await PollAsync(row, cancellationToken);
    }

    /// <summary>What an execution waits for; null when it waits for nothing that is known.</summary>
    public WaitReason? WaitReasonOf(ExecutionRecord row) =>
        row switch
        {
            { Life.IsTerminal: true } => null,
            { Cancel: { } cancel } => WaitReason.CancelConfirmation(cancel),
            { Life.Status: Status.Pending } => WaitingFor ?? WaitReason.Slot(row.ExecutorType),
            { Life.Status: Status.Submitted } => WaitingFor ?? WaitReason.Runner,
            _ => (RunnerSilence.IsExpected(row) ? silence.Shown : null) ?? WaitingFor,
        };

    /// <summary>The time until <see cref="NextAsync"/> is due.</summary>
    public TimeSpan Left(ExecutionRecord row)
    {
        var poll = Polls.Left;
        return RunnerSilence.IsExpected(row) && silence.Left() is var left && left < poll ? left : poll;
    }

    /// <summary>The report of a stopped runner with the executor's reason; null: the executor has none yet.</summary>
    public async Task<ExecutionReport?> ExplainAsync(ExecutionRecord row, ExecutionReport report, CancellationToken cancellationToken)
    {
        try
        {
            var status = await executors.Get(row.ExecutorType).Status(HandleOf(row), cancellationToken);
            return StopExplanation.Explain(report, status);
        }
        catch (ExecutorException e)
        {
            return e.IsTransient ? null : report;
        }
    }

    private async Task<ExecutionChange?> SubmitAsync(ExecutionRecord row, CancellationToken cancellationToken)
    {
        try
        {
            var joins = await JoinsWorkerAsync(row.Spec, cancellationToken);
            _handle = await executors
                .Get(row.ExecutorType)
                .Submit(joins ? row.Spec with { JoinsWorker = true } : row.Spec, cancellationToken);
            Polls.Submitted();
            WaitingFor = null;
            return null;
        }
        catch (ExecutorException e) when (e.IsTransient && Now - row.SubmittedAt < options.SubmitTimeout)
        {
            Polls.SubmitFailed(e.RetryAfter, Random.Shared.NextDouble());
            WaitingFor = WaitReason.Executor(row.ExecutorType, e.Message, Polls.SubmitFailures);
            SubmitDelayed(e, id, row.ExecutorType, Polls.SubmitFailures);
            return null;
        }
        catch (ExecutorException e)
        {
            return Failed(row, e.Reason, e.Message);
        }
    }

    /// <summary>The handle that the submit returned; after a restart, derived from the row.</summary>
    private ExecutionHandle HandleOf(ExecutionRecord row) => _handle ??= ExecutionLogic.Handle(row);

    /// <summary>Once a parallel step is claimed, a missing worker must not be created again: the claimed step would run twice.</summary>
    private async Task<bool> JoinsWorkerAsync(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        if (spec.JoinsWorker)
        {
            return true;
        }

        var isFirstSubmit = IsFresh && Polls.SubmitFailures == 0;
        return !isFirstSubmit && await siblings.IsAnyClaimedAsync(spec, cancellationToken);
    }

    private async Task<ExecutionChange?> PollAsync(ExecutionRecord row, CancellationToken cancellationToken)
    {
        ExecutionStatus status;
        try
        {
            var executor = executors.Get(row.ExecutorType);
            if (row.Cancel is not null)
            {
                await executor.Cancel(HandleOf(row), cancellationToken);
            }

            status = await executor.Status(HandleOf(row), cancellationToken);
        }
        catch (ExecutorException e) when (e.IsTransient)
        {
            if (row is { Cancel: null, Stopped: { } unexplained })
            {
                return Resolve(row, unexplained, null);
            }

            WaitingFor = WaitReason.Executor(row.ExecutorType, e.Message);
            Polls.PollFailed(e.RetryAfter, Random.Shared.NextDouble());
            return null;
        }

        return row switch
        {
            { Cancel: { } cancel } => Confirm(row, cancel, status),
            { Stopped: { } stopped } => Resolve(row, stopped, status),
            _ => await FollowAsync(row, status, cancellationToken),
        };
    }

    private async Task<ExecutionChange?> FollowAsync(ExecutionRecord row, ExecutionStatus status, CancellationToken cancellationToken)
    {
        var waiting = row.Life.Status == Status.Submitted ? status.WaitingFor : null;
        var changed = waiting != WaitingFor;
        WaitingFor = waiting;
        if (!status.Status.IsTerminal())
        {
            Polls.Running(changed);
            return null;
        }

        if (status.Reason is null or Reason.ExitCode && Polls.WaitsForReport())
        {
            return null;
        }

        var report = ExecutionLogic.ReportOf(RunnerExitReasons.Explain(status, row.ClaimedBy is not null));
        if (report.Status == Status.Success)
        {
            report = await artifacts.CheckAsync(row, report, cancellationToken);
        }

        var log = NewLog(row, Actor);
        return new(ExecutionLogic.End(row, report.Status, report.Reason, report.Detail, report.ExitCode, log), log);
    }

    /// <summary>A cancel is complete only when the executor confirms that nothing of the execution is running.</summary>
    private ExecutionChange? Confirm(ExecutionRecord row, CancelRequest cancel, ExecutionStatus status)
    {
        if (!status.Status.IsTerminal() || status.StillPresent)
        {
            Polls.Canceling();
            return null;
        }

        var log = NewLog(row, cancel.Actor);
        return new(ExecutionLogic.Stopped(row, cancel, log), log);
    }

    /// <summary>Ends an execution that was stopped from outside, once the executor has explained it or the timeout has passed.</summary>
    private ExecutionChange? Resolve(ExecutionRecord row, StopReport stopped, ExecutionStatus? status)
    {
        if (new StopExplanation(stopped, options.StopExplainTimeout).Resolve(status, Now) is not { } report)
        {
            Polls.Explaining();
            return null;
        }

        var log = NewLog(row, "runner");
        return ExecutionLogic.Report(row, report, log) is { } ended ? new(ended, log) : null;
    }

    private ExecutionChange Failed(ExecutionRecord row, Reason reason, string detail)
    {
        var log = NewLog(row, Actor);
        return new(ExecutionLogic.End(row, Status.Failed, reason, detail, null, log), log);
    }

    private TransitionLog NewLog(ExecutionRecord row, string actor) => new(row.Spec.Worker.RunId, Now, actor);

    [LoggerMessage(
        1101,
        LogLevel.Information,
        "Execution {Id} could not be submitted to executor {Executor} ({Failures} failures); retrying"
    )]
    private partial void SubmitDelayed(Exception exception, ExecutionId id, string executor, int failures);
}
