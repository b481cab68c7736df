using Shipinator.Cli.IO;
using Shipinator.Client;

namespace Shipinator.Cli.Runs;

/// <summary>
/// Shows a run as it goes: every change of jobs and steps, and the logs of all steps, line by line with the step's name before
/// it. Errors: those of <see cref="ShipinatorClient"/>.
/// </summary>
internal sealed class RunFollower(ShipinatorClient client, ITerminal terminal, TimeProvider time)
{
    private static readonly string[] Colors = ["aqua", "olive", "fuchsia", "teal", "purple", "lime", "maroon", "navy"];

    /// <summary>How long the end of a log that says nothing more is waited for once the run is over.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    /// <summary>How often the durations in the tree move.</summary>
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(250);

    private readonly Dictionary<string, string> _names = [];
    private readonly LiveTree _tree = new(time);
    private readonly Dictionary<string, Task> _logs = [];
    private volatile bool _over;
    private long _lastPiece;

    /// <summary>Only steps of this name are shown; null shows all.</summary>
    public string? Step { get; init; }

    /// <summary>Whether changes of state are told, beside the logs.</summary>
    public bool Changes { get; init; } = true;

    /// <summary>Until the run is over; the run as it ended.</summary>
    public async Task<RunResponse> FollowAsync(string run, CancellationToken cancellationToken)
    {
        await using var ticker = time.CreateTimer(_ => ShowStatus(), null, Refresh, Refresh);
        try
        {
            await foreach (var change in client.WatchRunAsync(run, cancellationToken))
            {
                await TellAsync(run, change, cancellationToken);
                ShowStatus();
            }

            await FinishLogsAsync(cancellationToken);
        }
        finally
        {
            await ticker.DisposeAsync();
            _over = true;
            terminal.Status([]);
        }

        return await client.PersistAsync(() => client.GetRunAsync(run, cancellationToken), cancellationToken);
    }

    private async Task TellAsync(string run, TransitionResponse change, CancellationToken cancellationToken)
    {
        if (change.Machine == "run")
        {
            return;
        }

        if (!_names.ContainsKey(change.EntityId))
        {
            Learn(await client.PersistAsync(() => client.GetJobsAsync(run, cancellationToken), cancellationToken));
        }

        var name = _names.GetValueOrDefault(change.EntityId, change.EntityId);
        if (change.Machine == "execution")
        {
            if (change.To != "pending" && !_logs.ContainsKey(change.EntityId) && IsWanted(name))
            {
                _logs[change.EntityId] = PrintLogAsync(change.EntityId, name, cancellationToken);
            }

            return;
        }

        _tree.Note(change);
        if (Changes && change.To != "pending" && change.From != change.To && (change.Machine == "job" || IsWanted(name)))
        {
            Say(change, name);
        }
    }

    private void Say(TransitionResponse change, string name)
    {
        var why = change.To is "failed" or "canceled" or "skipped" ? change.Detail ?? change.Reason : null;
        terminal.Say(
            $"[{Looks.Color(change.To)}]{Looks.Mark(change.To)} {Looks.Text(name)} {Looks.Text(change.To)}[/]"
                + (why is null ? "" : Looks.Text($": {why.ReplaceLineEndings(" ")}"))
        );
    }

    private bool IsWanted(string name) => Step is null || name == Step || name.EndsWith("/" + Step, StringComparison.Ordinal);

    /// <summary>One log without the run: of an execution.</summary>
    public async Task PrintLogAsync(string execution, string name, CancellationToken cancellationToken, bool follow = true)
    {
        var color = Colors[(int)((uint)string.GetHashCode(name, StringComparison.Ordinal) % (uint)Colors.Length)];
        var lines = new LineSplitter(line => terminal.LogLine(name.Length == 0 ? "" : $"[{name}]", color, line));
        try
        {
            await foreach (var piece in client.ReadLogAsync(execution, 0, follow, cancellationToken))
            {
                Interlocked.Exchange(ref _lastPiece, time.GetTimestamp());
                lines.Append(piece.Span);
            }
        }
        catch (Exception e) when (e is ShipinatorApiException or HttpRequestException or IOException)
        {
            terminal.Note($"[{name}] The log can't be read: {e.Message}");
        }

        lines.Complete();
    }

    private async Task FinishLogsAsync(CancellationToken cancellationToken)
    {
        var all = Task.WhenAll(_logs.Values);
        Interlocked.Exchange(ref _lastPiece, time.GetTimestamp());
        while (true)
        {
            var left = Silence - time.GetElapsedTime(Interlocked.Read(ref _lastPiece));
            if (left <= TimeSpan.Zero)
            {
                terminal.Note("The run has ended, but not all of its logs have; 'shipinator logs' shows what is missing.");
                return;
            }

            try
            {
                await all.WaitAsync(left, time, cancellationToken);
                return;
            }
            catch (TimeoutException)
            {
                // Lines that still come are waited for, however many they are.
            }
        }
    }

    /// <summary>Names of jobs, steps and executions.</summary>
    private void Learn(JobsResponse answer)
    {
        _tree.Learn([.. answer.Jobs]);
        foreach (var job in answer.Jobs)
        {
            _names[job.Id] = job.Name;
            foreach (var step in job.Steps)
            {
                _names[step.Id] = $"{job.Name}/{step.Name}";
                foreach (var execution in step.Executions)
                {
                    _names[execution.Id] = $"{job.Name}/{step.Name}";
                }
            }
        }
    }

    private void ShowStatus()
    {
        if (terminal.IsInteractive && !_over)
        {
            terminal.Status(_tree.Lines(terminal.StatusHeight));
        }
    }
}
