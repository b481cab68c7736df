using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Dashboard.Features.Runs;

/// <summary>
/// A run as it was after some of its transitions: items without a transition are pending, and times come from the transitions
/// up to that point.
/// </summary>
public static class RunMoment
{
    /// <summary>The run and its jobs after the first <paramref name="count"/> transitions of <paramref name="history"/>.</summary>
    public static (RunView Run, IReadOnlyList<JobView> Jobs) At(
        RunView run,
        IReadOnlyList<JobView> jobs,
        IReadOnlyList<HistoryEntry> history,
        int count
    )
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(jobs);
        ArgumentNullException.ThrowIfNull(history);
        var states = new Dictionary<Guid, State>();
        foreach (var line in history.Take(count).Select(h => h.Transition))
        {
            var state = states.GetValueOrDefault(line.EntityId) ?? new State(Status.Pending, null, null, null, null);
            states[line.EntityId] = state with
            {
                Status = line.To,
                Reason = line.Reason,
                Detail = line.Detail,
                Started = line.To is Status.Running ? state.Started ?? line.At : state.Started,
                Ended = line.To.IsTerminal() ? line.At : null,
            };
        }

        var now = Of(states, run.Id.Value);
        return (
            run with
            {
                Status = now.Status,
                Reason = now.Reason,
                Detail = now.Detail,
                StartedAt = now.Started,
                FinishedAt = now.Ended,
            },
            [.. jobs.Select(j => Of(states, j))]
        );
    }

    private static JobView Of(Dictionary<Guid, State> states, JobView job)
    {
        var state = Of(states, job.Id.Value);
        var steps = job.Steps.Select(s => Of(states, s)).Where(s => s.JobAttempt == 1 || states.ContainsKey(s.Id.Value)).ToList();
        return job with
        {
            Status = state.Status,
            Reason = state.Reason,
            Detail = state.Detail,
            StartedAt = state.Started,
            FinishedAt = state.Ended,
            Attempt = steps.Count == 0 ? 1 : Math.Min(job.Attempt, steps.Max(s => s.JobAttempt)),
            Steps = steps,
        };
    }

    private static StepView Of(Dictionary<Guid, State> states, StepView step)
    {
        var state = Of(states, step.Id.Value);
        return step with
        {
            Status = state.Status,
            Reason = state.Reason,
            Detail = state.Detail,
            StartedAt = state.Started,
            FinishedAt = state.Ended,
            ExitCode = state.Status.IsTerminal() ? step.ExitCode : null,
            Executions = [.. step.Executions.Where(e => states.ContainsKey(e.Id.Value)).Select(e => Of(states, e))],
        };
    }

    private static ExecutionView Of(Dictionary<Guid, State> states, ExecutionView execution)
    {
        var state = Of(states, execution.Id.Value);
        return execution with
        {
            Status = state.Status,
            Reason = state.Reason,
            Detail = state.Detail,
            StartedAt = state.Started,
            CompletedAt = state.Ended,
        };
    }

    private static State Of(Dictionary<Guid, State> states, Guid id) =>
        states.GetValueOrDefault(id) ?? new State(Status.Pending, null, null, null, null);

    private sealed record State(Status Status, Reason? Reason, string? Detail, DateTimeOffset? Started, DateTimeOffset? Ended);
}
