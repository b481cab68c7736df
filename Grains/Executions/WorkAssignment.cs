namespace Shipinator.Grains.Executions;

/// <summary>Assigns an execution's work to the first runner that claims it. The grain writes the row.</summary>
internal sealed class WorkAssignment(ClaimQueue claims, IExecutorRegistry executors, SiblingSteps siblings, RunnerSilence silence)
{
    /// <summary>
    /// The pending claims that get the work, one after the other: the first of them may change the row, and with it the decision about the
    /// others. Claims that are refused or come too late are completed here.
    /// </summary>
    public IEnumerable<ClaimWaiter> Entitled(Func<ExecutionRecord> row)
    {
        foreach (var waiter in claims.Waiting)
        {
            switch (ClaimQueue.Decide(row(), waiter.Runner))
            {
                case ClaimDecision.Refuse:
                    waiter.Refuse();
                    break;
                case ClaimDecision.Conflict:
                    waiter.Conflict(row().Id);
                    break;
                case ClaimDecision.Give:
                    yield return waiter;
                    break;
            }
        }
    }

    /// <summary>
    /// The row after a claim, to be written immediately. Whether the response may contain the clone credential is decided first: a step
    /// knows its own token and may know that of the next step, so the response to a repeated claim, or to a claim in a workspace in which
    /// anything has already run, never contains it.
    /// </summary>
    public async Task<ExecutionRecord> ClaimAsync(
        ExecutionRecord row,
        string runner,
        TransitionLog log,
        CancellationToken cancellationToken
    )
    {
        var mayClone =
            !row.Spec.JoinsWorker
            && row.Spec.Worker.Source is not null
            && executors.Get(row.ExecutorType).RunnersClone
            && !await siblings.IsAnyClaimedAsync(row.Spec, cancellationToken);
        claims.Choose(runner, mayClone);
        silence.Heard();
        return ExecutionLogic.Claim(row, runner, log);
    }
}
