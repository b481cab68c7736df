using System.Globalization;
using Shipinator.Cli.IO;
using Shipinator.Client;

namespace Shipinator.Cli.Runs;

/// <summary>
/// The current state of a run's jobs and steps for the bottom of a terminal: one line each with its duration, and a progress bar.
/// Thread-safe.
/// </summary>
internal sealed class LiveTree(TimeProvider time)
{
    private const int BarWidth = 30;
    private readonly Lock _gate = new();
    private readonly long _begin = time.GetTimestamp();
    private readonly Dictionary<string, State> _states = [];
    private IReadOnlyList<JobResponse> _jobs = [];

    /// <summary>Adds jobs and steps; transitions that were applied before are kept.</summary>
    public void Add(IReadOnlyList<JobResponse> jobs)
    {
        lock (_gate)
        {
            _jobs = jobs;
            foreach (var job in jobs)
            {
                _states.TryAdd(job.Id, new(job.Status, job.StartedAt, job.FinishedAt));
                foreach (var step in job.Steps)
                {
                    _states.TryAdd(step.Id, new(step.Status, step.StartedAt, step.FinishedAt));
                }
            }
        }
    }

    /// <summary>Applies a transition of a job or step.</summary>
    public void Apply(TransitionResponse change)
    {
        lock (_gate)
        {
            var known = _states.GetValueOrDefault(change.EntityId) ?? new(change.To, null, null);
            _states[change.EntityId] = change.To switch
            {
                "running" => new(change.To, known.Started ?? change.At, null),
                "pending" => new(change.To, null, null),
                _ => new(change.To, known.Started, change.At),
            };
        }
    }

    /// <summary>
    /// At most <paramref name="height"/> lines, the progress bar last. If there are more, jobs that are not running are collapsed to one
    /// line, and lines that still don't fit are counted.
    /// </summary>
    public IReadOnlyList<StatusLine> Lines(int height)
    {
        lock (_gate)
        {
            var rows = Rows(expandAll: true);
            if (rows.Count >= height)
            {
                rows = Rows(expandAll: false);
            }

            var room = Math.Max(1, height - 1);
            if (rows.Count > room)
            {
                var left = rows.Count - room + 1;
                rows = [.. rows.Take(room - 1), new("grey", string.Create(CultureInfo.InvariantCulture, $"  … {left} more"))];
            }

            return [.. rows, ProgressBar()];
        }
    }

    private List<StatusLine> Rows(bool expandAll)
    {
        var rows = new List<StatusLine>();
        var width = _jobs.SelectMany(j => j.Steps.Select(s => s.Name.Length + 2).Append(j.Name.Length)).DefaultIfEmpty(0).Max() + 2;
        foreach (var job in _jobs)
        {
            var state = _states[job.Id];
            rows.Add(Row("", job.Name, state, width));
            if (!expandAll && state.Status != "running")
            {
                continue;
            }

            // A retried job shows its current attempt.
            var attempt = job.Steps.Select(s => s.JobAttempt).DefaultIfEmpty(1).Max();
            rows.AddRange(
                job.Steps.Where(s => s.JobAttempt == attempt)
                    .OrderBy(s => s.ExecutionOrder)
                    .Select(s => Row("  ", s.Name, _states[s.Id], width))
            );
        }

        return rows;
    }

    private StatusLine Row(string indent, string name, State state, int width)
    {
        var took = state.Started is { } from ? ConsoleFormat.Duration((state.Finished ?? time.GetUtcNow()) - from) : "";
        return new(
            ConsoleFormat.Color(state.Status),
            $"{indent}{ConsoleFormat.Symbol(state.Status)} {(indent + name).PadRight(width)[indent.Length..]}{took}".TrimEnd()
        );
    }

    private StatusLine ProgressBar()
    {
        var steps = _jobs.SelectMany(j => j.Steps.Where(s => s.JobAttempt == j.Steps.Max(o => o.JobAttempt))).ToList();
        var ended = steps.Count(s => _states[s.Id].Status is not ("pending" or "running"));
        var full = steps.Count == 0 ? 0 : BarWidth * ended / steps.Count;
        var failed = steps.Any(s => _states[s.Id].Status == "failed");
        return new(
            failed ? "red" : "green",
            string.Create(
                CultureInfo.InvariantCulture,
                $"{new string('━', full)}{new string('╌', BarWidth - full)} {ended}/{steps.Count} steps  "
            ) + ConsoleFormat.Duration(time.GetElapsedTime(_begin))
        );
    }

    private sealed record State(string Status, DateTimeOffset? Started, DateTimeOffset? Finished);
}
