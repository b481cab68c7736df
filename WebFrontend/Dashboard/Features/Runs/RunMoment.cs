using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Dashboard.Features.Runs;

/// <summary>
/// A run as it was after some of its transitions: what was not there yet is pending, times are those of the transitions that
/// were told by then.
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
        var lives = new Dictionary<Guid, Life>();
        foreach (var line in history.Take(count).Select(h => h.Transition))
        {
            var life = lives.GetValueOrDefault(line.EntityId) ?? new Life(Status.Pending, null, null, null, null);
            lives[line.EntityId] = life with
            {
                Status = line.To,
                Reason = line.Reason,
                Detail = line.Detail,
                Started = line.To is Status.Running ? life.Started ?? line.At : life.Started,
                Ended = line.To.IsTerminal() ? line.At : null,
            };
        }

        var now = Of(lives, run.Id.Value);
        return (
            run with
            {
                Status = now.Status,
                Reason = now.Reason,
                Detail = now.Detail,
                StartedAt = now.Started,
                FinishedAt = now.Ended,
            },
            [.. jobs.Select(j => Of(lives, j))]
        );
    }

    private static JobView Of(Dictionary<Guid, Life> lives, JobView job)
    {
        var life = Of(lives, job.Id.Value);
        var steps = job.Steps.Select(s => Of(lives, s)).Where(s => s.JobAttempt == 1 || lives.ContainsKey(s.Id.Value)).ToList();
        return job with
        {
            Status = life.Status,
            Reason = life.Reason,
            Detail = life.Detail,
            StartedAt = life.Started,
            FinishedAt = life.Ended,
            Attempt = steps.Count == 0 ? 1 : Math.Min(job.Attempt, steps.Max(s => s.JobAttempt)),
            Steps = steps,
        };
    }

    private static StepView Of(Dictionary<Guid, Life> lives, StepView step)
    {
        var life = Of(lives, step.Id.Value);
        return step with
        {
            Status = life.Status,
            Reason = life.Reason,
            Detail = life.Detail,
            StartedAt = life.Started,
            FinishedAt = life.Ended,
            ExitCode = life.Status.IsTerminal() ? step.ExitCode : null,
            Executions = [.. step.Executions.Where(e => lives.ContainsKey(e.Id.Value)).Select(e => Of(lives, e))],
        };
    }

    private static ExecutionView Of(Dictionary<Guid, Life> lives, ExecutionView execution)
    {
        var life = Of(lives, execution.Id.Value);
        return execution with
        {
            Status = life.Status,
            Reason = life.Reason,
            Detail = life.Detail,
            StartedAt = life.Started,
            CompletedAt = life.Ended,
        };
    }

    private static Life Of(Dictionary<Guid, Life> lives, Guid id) =>
        lives.GetValueOrDefault(id) ?? new Life(Status.Pending, null, null, null, null);

    private sealed record Life(Status Status, Reason? Reason, string? Detail, DateTimeOffset? Started, DateTimeOffset? Ended);
}
