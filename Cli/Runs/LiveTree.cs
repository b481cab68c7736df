using System.Globalization;
using Shipinator.Cli.IO;
using Shipinator.Client;

namespace Shipinator.Cli.Runs;

/// <summary>
/// The jobs and steps of a run as they stand now, for the bottom of a terminal: a line each, with how long it took or takes,
/// and a bar of how many steps are over. Safe to use from several threads.
/// </summary>
internal sealed class LiveTree(TimeProvider time)
{
    private const int BarWidth = 30;
    private readonly Lock _gate = new();
    private readonly long _begin = time.GetTimestamp();
    private readonly Dictionary<string, State> _states = [];
    private IReadOnlyList<JobResponse> _jobs = [];

    /// <summary>The jobs and steps that there are; what was told of them since stays.</summary>
    public void Learn(IReadOnlyList<JobResponse> jobs)
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

    /// <summary>A job or step moved.</summary>
    public void Note(TransitionResponse change)
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
    /// At most <paramref name="height"/> lines, the bar last. When there are more, jobs that are over or not begun are told in
    /// one line, and what still does not fit is counted.
    /// </summary>
    public IReadOnlyList<StatusLine> Lines(int height)
    {
        lock (_gate)
        {
            var rows = Rows(everything: true);
            if (rows.Count >= height)
            {
                rows = Rows(everything: false);
            }

            var room = Math.Max(1, height - 1);
            if (rows.Count > room)
            {
                var left = rows.Count - room + 1;
                rows = [.. rows.Take(room - 1), new("grey", string.Create(CultureInfo.InvariantCulture, $"  … {left} more"))];
            }

            return [.. rows, Bar()];
        }
    }

    private List<StatusLine> Rows(bool everything)
    {
        var rows = new List<StatusLine>();
        var width = _jobs.SelectMany(j => j.Steps.Select(s => s.Name.Length + 2).Append(j.Name.Length)).DefaultIfEmpty(0).Max() + 2;
        foreach (var job in _jobs)
        {
            var state = _states[job.Id];
            rows.Add(Row("", job.Name, state, width));
            if (!everything && state.Status != "running")
            {
                continue;
            }

            // A job that began again shows the attempt that counts.
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
        var took = state.Started is { } from ? Looks.Duration((state.Finished ?? time.GetUtcNow()) - from) : "";
        return new(
            Looks.Color(state.Status),
            $"{indent}{Looks.Mark(state.Status)} {(indent + name).PadRight(width)[indent.Length..]}{took}".TrimEnd()
        );
    }

    private StatusLine Bar()
    {
        var steps = _jobs.SelectMany(j => j.Steps.Where(s => s.JobAttempt == j.Steps.Max(o => o.JobAttempt))).ToList();
        var over = steps.Count(s => _states[s.Id].Status is not ("pending" or "running"));
        var full = steps.Count == 0 ? 0 : BarWidth * over / steps.Count;
        var failed = steps.Any(s => _states[s.Id].Status == "failed");
        return new(
            failed ? "red" : "green",
            string.Create(
                CultureInfo.InvariantCulture,
                $"{new string('━', full)}{new string('╌', BarWidth - full)} {over}/{steps.Count} steps  {Looks.Duration(time.GetElapsedTime(_begin))}"
            )
        );
    }

    private sealed record State(string Status, DateTimeOffset? Started, DateTimeOffset? Finished);
}
