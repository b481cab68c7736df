using System.CommandLine;
using System.Globalization;
using Shipinator.Cli.IO;
using Shipinator.Cli.Runs;
using Shipinator.Client;
using Spectre.Console;

namespace Shipinator.Cli.Commands;

/// <summary>Commands that show runs: <c>list</c>, <c>status</c>, <c>logs</c>.</summary>
internal static class HistoryCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        yield return List(line);
        yield return Status(line);
        yield return Logs(line);
    }

    /// <summary>The argument and the option that select a run.</summary>
    public static (Argument<string?> Name, Option<string?> Repository) RunArguments(bool isRequired = false) =>
        (
            new("RUN")
            {
                Description = "Run ID, ID prefix or number" + (isRequired ? "" : "; default: the newest run"),
                Arity = isRequired ? ArgumentArity.ExactlyOne : ArgumentArity.ZeroOrOne,
            },
            RepositoryOption()
        );

    private static Option<string?> RepositoryOption(string description = "Repository of the run") =>
        new("--repository", "-r") { Description = description, HelpName = "NAME" };

    private static Command List(CommandLine line)
    {
        var project = new Option<string?>("--project") { Description = "Filter by project", HelpName = "NAME" };
        var repository = RepositoryOption("Filter by repository");
        var status = new Option<string?>("--status")
        {
            Description = "Filter by status",
            HelpName = "pending|running|success|failed|canceled",
        }.Accept("pending", "running", "success", "failed", "canceled");
        var branch = new Option<string?>("--branch") { Description = "Filter by branch", HelpName = "NAME" };
        var trigger = new Option<string?>("--event")
        {
            Description = "Filter by trigger type",
            HelpName = "manual|push|pr|schedule",
        }.Accept("manual", "push", "pr", "schedule");
        var pull = new Option<int?>("--pr") { Description = "Filter by pull request; requires --repository", HelpName = "N" };
        var tag = new Option<string?>("--tag") { Description = "Filter by tag; requires --repository", HelpName = "NAME" };
        var limit = new Option<int>("--limit", "-n")
        {
            Description = "Maximum number of runs",
            HelpName = "N",
            DefaultValueFactory = _ => 20,
        }.Accept(1, int.MaxValue);
        var command = new Command("list", "List runs, newest first") { project, repository, status, branch, trigger, pull, tag, limit };
        return line.Remote(
            command,
            async (session, parsed) =>
            {
                var count = parsed.GetValue(limit);
                var filters = new List<string>();
                void Filter(string key, string? value)
                {
                    if (value is not null)
                    {
                        filters.Add($"{key}={Uri.EscapeDataString(value)}");
                    }
                }

                Filter("project", parsed.GetValue(project) is { } p ? (await session.Catalog.ProjectAsync(p, session.Token)).Id : null);
                Filter(
                    "repository",
                    parsed.GetValue(repository) is { } r ? (await session.Catalog.RepositoryAsync(r, session.Token)).Id : null
                );
                Filter("status", parsed.GetValue(status));
                Filter("branch", parsed.GetValue(branch));
                Filter("event", parsed.GetValue(trigger));
                Filter("pr", parsed.GetValue(pull)?.ToString(CultureInfo.InvariantCulture));
                Filter("tag", parsed.GetValue(tag));
                return session.Print(
                    await CollectAsync(session, filters, count),
                    CliJson.Default.ListRunResponse,
                    runs => Show(session.Terminal, runs)
                );
            }
        );
    }

    private static async Task<List<RunResponse>> CollectAsync(Session session, List<string> filters, int count)
    {
        var runs = new List<RunResponse>();
        string? cursor = null;
        do
        {
            List<string> query = [.. filters, string.Create(CultureInfo.InvariantCulture, $"limit={Math.Min(100, count - runs.Count)}")];
            if (cursor is not null)
            {
                query.Add($"cursor={Uri.EscapeDataString(cursor)}");
            }

            var page = await session.Client.ListRunsAsync(string.Join('&', query), session.Token);
            runs.AddRange(page.Items);
            cursor = page.NextCursor;
        } while (cursor is not null && runs.Count < count);

        return runs;
    }

    private static void Show(ITerminal terminal, List<RunResponse> runs)
    {
        if (runs.Count == 0)
        {
            terminal.WriteNote("No runs found.");
            return;
        }

        var table = ConsoleFormat.Table("#", "REPOSITORY", "STATUS", "EVENT", "COMMIT", "CREATED", "TIME", "ID");
        foreach (var run in runs)
        {
            table.AddRow(
                run.RunNumber.ToString(CultureInfo.InvariantCulture),
                ConsoleFormat.Text($"{run.ProjectName}/{run.RepositoryName}"),
                ConsoleFormat.Status(run.Status),
                ConsoleFormat.Text(run.Event),
                ConsoleFormat.Text(RunSummary.Revision(run)),
                ConsoleFormat.Time(run.CreatedAt),
                ConsoleFormat.Duration(run.CreatedAt, run.FinishedAt),
                ConsoleFormat.Text(run.Id)
            );
        }

        terminal.Write(table);
    }

    private static Command Status(CommandLine line)
    {
        var (name, repository) = RunArguments();
        return line.Remote(
            new Command("status", "Show a run with its jobs, steps and artifacts") { name, repository },
            async (session, parsed) =>
            {
                var run = await session.Catalog.RunAsync(parsed.GetValue(name), parsed.GetValue(repository), session.Token);
                var jobs = (await session.Client.GetJobsAsync(run.Id, session.Token)).Jobs;
                return session.Print(
                    new RunReport(run, jobs),
                    CliJson.Default.RunReport,
                    r => RunSummary.Show(session.Terminal, r.Run, r.Jobs)
                );
            }
        );
    }

    private static Command Logs(CommandLine line)
    {
        var name = new Argument<string?>("RUN|EXECUTION")
        {
            Description = "Run ID, ID prefix or number (default: the newest run), or an execution ID",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var repository = RepositoryOption();
        var follow = new Option<bool>("--follow", "-f") { Description = "Follow until the run ends" };
        var step = new Option<string?>("--step") { Description = "Filter by step: NAME or JOB/NAME", HelpName = "NAME" };
        var command = new Command("logs", "Show the logs of a run or an execution") { name, repository, follow, step };
        return line.Remote(
            command,
            async (session, parsed) =>
            {
                var isFollowing = parsed.GetValue(follow);
                var (run, execution) = await session.Catalog.RunOrExecutionAsync(
                    parsed.GetValue(name),
                    parsed.GetValue(repository),
                    session.Token
                );
                if (execution is not null)
                {
                    return await CopyAsync(session, execution.Id, isFollowing);
                }

                var wanted = parsed.GetValue(step);
                var follower = new RunFollower(session.Client, session.Terminal, session.Time) { Step = wanted, ShowTransitions = false };
                if (isFollowing && run!.FinishedAt is null)
                {
                    return ExitCodes.Of((await follower.FollowAsync(run.Id, session.Token)).Status);
                }

                return await PrintAllAsync(session, follower, run!, wanted);
            }
        );
    }

    private static async Task<int> PrintAllAsync(Session session, RunFollower follower, RunResponse run, string? wanted)
    {
        var steps = (await session.Client.GetJobsAsync(run.Id, session.Token))
            .Jobs.SelectMany(j =>
                j.Steps.OrderBy(s => s.JobAttempt).ThenBy(s => s.ExecutionOrder).Select(s => (Name: $"{j.Name}/{s.Name}", Step: s))
            )
            .Where(s => wanted is null || s.Step.Name == wanted || s.Name == wanted)
            .ToList();
        if (wanted is not null && steps.Count == 0)
        {
            throw new CliException(
                ExitCodes.NotFound,
                $"Run {run.Id} has no step '{wanted}'. Run 'shipinator status {run.Id}' to list its steps."
            );
        }

        foreach (var (name, step) in steps)
        {
            foreach (var execution in step.Executions.OrderBy(e => e.Attempt))
            {
                await follower.PrintLogAsync(execution.Id, name, session.Token, follow: false);
            }
        }

        return ExitCodes.Success;
    }

    /// <summary>Copies the raw bytes to a file or pipe; writes sanitized lines to a terminal.</summary>
    private static async Task<int> CopyAsync(Session session, string execution, bool isFollowing)
    {
        if (session.Terminal.IsOutputTerminal)
        {
            await new RunFollower(session.Client, session.Terminal, session.Time).PrintLogAsync(execution, "", session.Token, isFollowing);
            return ExitCodes.Success;
        }

        await using var output = session.Terminal.OpenOutput();
        await foreach (var piece in session.Client.ReadLogAsync(execution, 0, isFollowing, session.Token))
        {
            await output.WriteAsync(piece, session.Token);
            await output.FlushAsync(session.Token);
        }

        return ExitCodes.Success;
    }
}
