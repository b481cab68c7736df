using Microsoft.Extensions.Logging;

namespace Shipinator.Grains.Executions;

/// <summary>A row as it is to be written, with the transitions that lead to it.</summary>
internal sealed record ExecutionChange(ExecutionRecord Next, TransitionLog Log);

/// <summary>
/// The side of an execution that talks to its executor: it submits, polls and cancels, and says what that means for the row. It writes
/// nothing: that is the grain's.
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

    /// <summary>When the executor is called next.</summary>
    public PollSchedule Polls { get; } = new(time, options);

    /// <summary>What the execution waits for, as the executor or its queue said last; null: nothing is known.</summary>
    public WaitReason? WaitingFor { get; set; }

    /// <summary>Started by this activation, with a slot at once: nothing of its parallel group can have begun long before.</summary>
    public bool IsFresh { get; set; }

    private DateTimeOffset Now => time.GetUtcNow();

    /// <summary>
    /// Does what is due for a submitted or running execution. Returns what is to be written, after which it must be called again; null: it
    /// has nothing to do now.
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

        // Its node may be gone: the platform often learns it last.
        if (RunnerSilence.IsExpected(row) && silence.Left() <= TimeSpan.Zero)
        {
            return Failed(row, Reason.Lost, $"No sign of life from its runner for {options.RunnerSilence.InWords()}.");
        }

        if (!Polls.IsDue)
        {
            return null;
        }

        // What a runner has claimed is never submitted again: if it vanished, it is lost, not run twice.
        return row.ClaimedBy is null && row.Cancel is null && !Polls.IsSubmitted
            ? await SubmitAsync(row, cancellationToken)
            : await PollAsync(row, cancellationToken);
    }

    /// <summary>How long until <see cref="NextAsync"/> has something to do.</summary>
    public TimeSpan Left(ExecutionRecord row)
    {
        var poll = Polls.Left;
        return RunnerSilence.IsExpected(row) && silence.Left() is var left && left < poll ? left : poll;
    }

    /// <summary>A report that the runner was stopped, with the executor's reason; null: the executor does not know one yet.</summary>
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

    /// <summary>As submitted; after a restart, made from the row.</summary>
    private ExecutionHandle HandleOf(ExecutionRecord row) => _handle ??= ExecutionLogic.Handle(row);

    /// <summary>Once a parallel step was claimed, a worker that is gone must not be made again: what was claimed would run twice.</summary>
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

    /// <summary>A cancel is over when the executor says that nothing of the execution is there any more; not before.</summary>
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

    /// <summary>The end of an execution that somebody else stopped, once that is explained or nobody will explain it any more.</summary>
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
