using Microsoft.Extensions.Logging;

namespace Shipinator.Grains.Executions;

/// <summary>The side that talks to the executor.</summary>
public sealed partial class ExecutionGrain
{
    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        await CheckLimitsAsync();
        await CheckSilenceAsync();
        if (Row!.Life.IsTerminal || Now < Due)
        {
            return;
        }

        // What a runner has claimed is never handed over again: if it vanished, it is lost, not run twice.
        if (Row.ClaimedBy is null && Row.Cancel is null && !_handedOver)
        {
            await HandOverAsync(cancellationToken);
            return;
        }

        await PollAsync(cancellationToken);
    }

    /// <summary>As submitted; after a restart, made from the row.</summary>
    private ExecutionHandle HandleOf(ExecutionRecord row) => _handle ??= ExecutionLogic.Handle(row);

    private async Task HandOverAsync(CancellationToken cancellationToken)
    {
        try
        {
            var spec = Row!.Spec;
            var joins = spec.JoinsWorker || await HasWorkerBegunAsync(spec, cancellationToken);
            _handle = await executors.Get(Row.ExecutorType).Submit(joins ? spec with { JoinsWorker = true } : spec, cancellationToken);
            _handedOver = true;
            _submitFailures = 0;
            _waitingFor = null;
            _pollInterval = Options.PollFirst;
            _nextPoll = Now + _pollInterval;
        }
        catch (ExecutorException e) when (e.IsTransient && Now - Row!.SubmittedAt < Options.SubmitTimeout)
        {
            _submitFailures++;
            _waitingFor = WaitReason.Executor(Row.ExecutorType, e.Message, _submitFailures);
            _notBefore =
                Now
                + ExecutionLogic.Backoff(
                    _submitFailures,
                    Options.RetryDelay,
                    e.RetryAfter,
                    Options.SubmitTimeout,
                    Random.Shared.NextDouble()
                );
            SubmitDelayed(e, Id, _submitFailures);
        }
        catch (ExecutorException e)
        {
            var edit = NewEdit(Actor);
            await SaveAsync(ExecutionLogic.End(Row!, Status.Failed, e.Reason, e.Message, null, edit), edit);
        }
    }

    /// <summary>
    /// Whether a step beside this one was claimed: then the worker was there, and one that is gone must not be made again, for what
    /// was claimed would run a second time. Their rows are read, interleaved, so that siblings that ask each other never wait.
    /// </summary>
    private async Task<bool> HasWorkerBegunAsync(ExecutionSpec spec, CancellationToken cancellationToken) =>
        !(_fresh && _submitFailures == 0) && await IsSiblingClaimedAsync(spec, cancellationToken);

    /// <summary>Whether a step beside this one was claimed.</summary>
    private async Task<bool> IsSiblingClaimedAsync(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        var order = spec.Worker.Steps.First(s => s.StepId == spec.StepId).Order;
        foreach (var sibling in spec.Worker.Steps.Where(s => s.StepId != spec.StepId && s.Order == order))
        {
            try
            {
                if (
                    (await GrainFactory.GetGrain<IExecutionGrain>(sibling.FirstExecutionId.Value).Get(cancellationToken)).ClaimedBy
                    is not null
                )
                {
                    return true;
                }
            }
            catch (NotFoundException)
            {
                // It was never begun.
            }
        }

        return false;
    }

    private async Task PollAsync(CancellationToken cancellationToken)
    {
        var row = Row!;
        var executor = executors.Get(row.ExecutorType);
        ExecutionStatus status;
        try
        {
            if (row.Cancel is not null)
            {
                await executor.Cancel(HandleOf(row), cancellationToken);
            }

            status = await executor.Status(HandleOf(row), cancellationToken);
        }
        catch (ExecutorException e) when (e.IsTransient)
        {
            if (row.Cancel is null && await SettleStopAsync(row, null))
            {
                return;
            }

            _waitingFor = WaitReason.Executor(row.ExecutorType, e.Message);
            Slower();
            _notBefore = Now + ExecutionLogic.Backoff(1, TimeSpan.Zero, e.RetryAfter, Options.SubmitTimeout, Random.Shared.NextDouble());
            return;
        }

        if (row.Cancel is { } cancel)
        {
            await ConfirmStopAsync(row, cancel, status);
            return;
        }

        if (await SettleStopAsync(row, status))
        {
            return;
        }

        var waiting = row.Life.Status == Status.Submitted ? status.WaitingFor : null;
        if (waiting != _waitingFor || status.Status.IsTerminal())
        {
            _pollInterval = Options.PollFirst;
        }

        _waitingFor = waiting;
        if (!status.Status.IsTerminal())
        {
            _endsSeen = 0;
            Slower();
            return;
        }

        // The report, with exit code and artifacts, is on its way: it is given two looks' time before the poll's word counts.
        if (++_endsSeen <= 2 && status.Reason is null or Reason.ExitCode)
        {
            _nextPoll = Now + Options.PollFirst;
            return;
        }

        status = RunnerExits.Explain(status, row.ClaimedBy is not null);
        var edit = NewEdit(Actor);
        var ended =
            status.Status == Status.Success
                ? await CheckArtifactsAsync(row, new() { Status = Status.Success, ExitCode = status.ExitCode }, cancellationToken)
                : new()
                {
                    Status = Status.Failed,
                    Reason = status.Reason ?? Reason.Lost,
                    Detail = status.Detail ?? "It ended without a result.",
                    ExitCode = status.ExitCode,
                };
        await SaveAsync(ExecutionLogic.End(row, ended.Status, ended.Reason, ended.Detail, ended.ExitCode, edit), edit);
    }

    /// <summary>A stop is over when the executor says that nothing of it is there any more; not before.</summary>
    private async Task ConfirmStopAsync(ExecutionRecord row, CancelRequest cancel, ExecutionStatus status)
    {
        if (!status.Status.IsTerminal() || status.StillPresent)
        {
            _pollInterval = Options.PollFirst / 4;
            Slower();
            return;
        }

        var edit = NewEdit(cancel.Actor);
        await SaveAsync(ExecutionLogic.Stopped(row, cancel, edit), edit);
    }

    /// <summary>Limits of time become requests to stop, so that what runs is ended before the result is told.</summary>
    private async Task CheckLimitsAsync()
    {
        var row = Row!;
        if (row.Cancel is not null)
        {
            return;
        }

        CancelRequest? limit = null;
        if (row.Life.Status == Status.Running && Now - row.Life.StartedAt > row.Spec.Timeout + Options.TimeoutMargin)
        {
            limit = new(Now, Reason.Timeout, $"The step ran longer than its timeout of {row.Spec.Timeout.InWords()}.", Actor);
        }
        else if (row.Life.Status == Status.Submitted && _handedOver && Now - row.SubmittedAt > Options.ClaimTimeout)
        {
            limit = new(
                Now,
                Reason.ExecutorError,
                $"No runner claimed the step within {Options.ClaimTimeout.InWords()}. {_waitingFor?.Describe()}".TrimEnd(),
                Actor
            );
        }

        if (limit is not null)
        {
            await CommitAsync(row with { Cancel = limit }, []);
            _nextPoll = default;
        }
    }

    /// <summary>
    /// The runner was told to stop, and not by us: the executor may know by whom, an eviction for one. Null: it does not know yet,
    /// because what the platform did reached the runner first.
    /// </summary>
    private async Task<ExecutionReport?> ExplainStopAsync(ExecutionRecord row, ExecutionReport report, CancellationToken cancellationToken)
    {
        try
        {
            return Explain(report, await executors.Get(row.ExecutorType).Status(HandleOf(row), cancellationToken));
        }
        catch (ExecutorException e)
        {
            return e.IsTransient ? null : report;
        }
    }

    private static ExecutionReport? Explain(ExecutionReport report, ExecutionStatus status) =>
        status.Reason is { } reason && reason != Reason.ExitCode
            ? report with
            {
                Status = Status.Failed,
                Reason = reason,
                Detail = status.Detail ?? report.Detail,
            }
        : status.Status.IsTerminal() ? report
        : null;

    /// <summary>Whether it ended now because a stop by somebody else is explained, or nobody will explain it any more.</summary>
    private async Task<bool> SettleStopAsync(ExecutionRecord row, ExecutionStatus? status)
    {
        if (row.Stopped is not { Report: var report, At: var at })
        {
            return false;
        }

        if ((status is null ? null : Explain(report, status)) is not { } explained)
        {
            if (Now < at + Options.StopExplainTimeout)
            {
                _nextPoll = Now + (Options.PollFirst / 4);
                return true;
            }

            explained = report;
        }

        var edit = NewEdit("runner");
        if (ExecutionLogic.Report(row, explained, edit) is { } ended)
        {
            await SaveAsync(ended, edit);
        }

        return true;
    }

    /// <summary>When the executor is called next; what changes meanwhile does not make it earlier than the executor wants.</summary>
    private DateTimeOffset Due => _nextPoll > _notBefore ? _nextPoll : _notBefore;

    private void Slower()
    {
        _nextPoll = Now + _pollInterval;
        _pollInterval = _pollInterval * 1.5 > Options.PollSlowest ? Options.PollSlowest : _pollInterval * 1.5;
    }

    private async Task<string?> MissingSecretsAsync(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        if (spec.Secrets.IsEmpty)
        {
            return null;
        }

        var known = await secrets.Resolve(spec.Worker.ProjectId, spec.Worker.RepositoryId, spec.Secrets, cancellationToken);
        var missing = spec.Secrets.Where(n => !known.ContainsKey(n)).ToList();
        return missing.Count == 0
            ? null
            : $"Step {spec.StepName} names secrets that are not configured for this repository: {string.Join(", ", missing)}.";
    }

    /// <summary>A success needs what the step promised; what a report names must be known.</summary>
    private async Task<ExecutionReport> CheckArtifactsAsync(
        ExecutionRecord row,
        ExecutionReport report,
        CancellationToken cancellationToken
    )
    {
        if (report.Artifacts.IsEmpty && (row.Spec.Artifacts.IsEmpty || report.Status != Status.Success))
        {
            return report;
        }

        var known = await artifacts.OfExecution(Id, cancellationToken);
        var unknown = report.Artifacts.Where(a => known.All(k => k.Id != a)).ToList();
        if (unknown.Count > 0)
        {
            throw new InvalidInputException(
                "artifact_unknown",
                $"Execution {Id} reports artifacts that it has not uploaded: {string.Join(", ", unknown)}."
            );
        }

        var absent = row
            .Spec.Artifacts.Where(o => o.IsRequired() && known.All(k => k.Type != o.Type))
            .Select(o => $"{o.Type} {o.Path ?? o.Ref}")
            .ToList();
        return report.Status == Status.Success && absent.Count > 0
            ? report with
            {
                Status = Status.Failed,
                Reason = Reason.ArtifactMissing,
                Detail = $"The step succeeded without its declared outputs: {string.Join(", ", absent)}.",
            }
            : report;
    }

    [LoggerMessage(1101, LogLevel.Information, "Execution {Id} could not be handed over (try {Try}); it will be tried again")]
    private partial void SubmitDelayed(Exception exception, ExecutionId id, int @try);
}
