using Shipinator.Cli.IO;
using Shipinator.Client;

namespace Shipinator.Cli.Runs;

/// <summary>
/// Follows a run: writes every transition of jobs and steps, and the logs of all steps, each line prefixed with the step's name.
/// Errors: those of <see cref="ShipinatorClient"/>.
/// </summary>
internal sealed class RunFollower(ShipinatorClient client, ITerminal terminal, TimeProvider time)
{
    private static readonly string[] Colors = ["aqua", "olive", "fuchsia", "teal", "purple", "lime", "maroon", "navy"];

    /// <summary>How long to wait for the next bytes of a log after the run has ended.</summary>
    private static readonly TimeSpan LogIdleTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How often the durations in the tree are refreshed.</summary>
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(250);

    private readonly Dictionary<string, string> _names = [];
    private readonly LiveTree _tree = new(time);
    private readonly Dictionary<string, Task> _logs = [];
    private volatile bool _ended;
    private long _lastPiece;

    /// <summary>Shows only steps with this name; null shows all.</summary>
    public string? Step { get; init; }

    /// <summary>Whether transitions are written, in addition to the logs.</summary>
    public bool ShowTransitions { get; init; } = true;

    /// <summary>Follows until the run ends; returns the ended run.</summary>
    public async Task<RunResponse> FollowAsync(string run, CancellationToken cancellationToken)
    {
        await using var ticker = time.CreateTimer(_ => ShowStatus(), null, Refresh, Refresh);
        try
        {
            await foreach (var change in client.WatchRunAsync(run, cancellationToken))
            {
                await HandleAsync(run, change, cancellationToken);
                ShowStatus();
            }

            await FinishLogsAsync(cancellationToken);
        }
        finally
        {
            await ticker.DisposeAsync();
            _ended = true;
            terminal.ShowStatus([]);
        }

        return await client.PersistAsync(() => client.GetRunAsync(run, cancellationToken), cancellationToken);
    }

    private async Task HandleAsync(string run, TransitionResponse change, CancellationToken cancellationToken)
    {
        if (change.Machine == "run")
        {
            return;
        }

        if (!_names.ContainsKey(change.EntityId))
        {
            AddNames(await client.PersistAsync(() => client.GetJobsAsync(run, cancellationToken), cancellationToken));
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

        _tree.Apply(change);
        if (ShowTransitions && change.To != "pending" && change.From != change.To && (change.Machine == "job" || IsWanted(name)))
        {
            WriteTransition(change, name);
        }
    }

    private void WriteTransition(TransitionResponse change, string name)
    {
        var why = change.To is "failed" or "canceled" or "skipped" ? change.Detail ?? change.Reason : null;
        terminal.WriteMarkup(
            $"[{ConsoleFormat.Color(change.To)}]{ConsoleFormat.Symbol(change.To)} "
                + $"{ConsoleFormat.Text(name)} {ConsoleFormat.Text(change.To)}[/]"
                + (why is null ? "" : ConsoleFormat.Text($": {why.ReplaceLineEndings(" ")}"))
        );
    }

    private bool IsWanted(string name) => Step is null || name == Step || name.EndsWith("/" + Step, StringComparison.Ordinal);

    /// <summary>Writes the log of one execution.</summary>
    public async Task PrintLogAsync(string execution, string name, CancellationToken cancellationToken, bool follow = true)
    {
        var color = Colors[(int)((uint)string.GetHashCode(name, StringComparison.Ordinal) % (uint)Colors.Length)];
        var lines = new LineSplitter(line => terminal.WriteLogLine(name.Length == 0 ? "" : $"[{name}]", color, line));
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
            terminal.WriteNote($"[{name}] Can't read the log: {e.Message}");
        }

        lines.Complete();
    }

    private async Task FinishLogsAsync(CancellationToken cancellationToken)
    {
        var all = Task.WhenAll(_logs.Values);
        Interlocked.Exchange(ref _lastPiece, time.GetTimestamp());
        while (true)
        {
            var left = LogIdleTimeout - time.GetElapsedTime(Interlocked.Read(ref _lastPiece));
            if (left <= TimeSpan.Zero)
            {
                terminal.WriteNote("The run has ended, but some logs are still incomplete. Run 'shipinator logs' to see the rest.");
                return;
            }

            try
            {
                await all.WaitAsync(left, time, cancellationToken);
                return;
            }
            catch (TimeoutException)
            {
                // More bytes may have arrived meanwhile: check the idle time again.
            }
        }
    }

    /// <summary>Registers the names of jobs, steps and executions.</summary>
    private void AddNames(JobsResponse response)
    {
        _tree.Add([.. response.Jobs]);
        foreach (var job in response.Jobs)
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
        if (terminal.IsInteractive && !_ended)
        {
            terminal.ShowStatus(_tree.Lines(terminal.StatusHeight));
        }
    }
}
