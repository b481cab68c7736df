using System.CommandLine;
using System.Globalization;
using Shipinator.Cli.IO;
using Shipinator.Cli.Runs;
using Shipinator.Client;
using Spectre.Console;

namespace Shipinator.Cli.Commands;

/// <summary>What shows runs: <c>list</c>, <c>status</c>, <c>logs</c>.</summary>
internal static class HistoryCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        yield return List(line);
        yield return Status(line);
        yield return Logs(line);
    }

    /// <summary>The argument and the option by which a run is named.</summary>
    public static (Argument<string?> Name, Option<string?> Repository) RunName(bool isRequired = false) =>
        (
            new("RUN")
            {
                Description = "Id, beginning of an id, or number" + (isRequired ? "" : "; the newest if absent"),
                Arity = isRequired ? ArgumentArity.ExactlyOne : ArgumentArity.ZeroOrOne,
            },
            Repository()
        );

    private static Option<string?> Repository() =>
        new("--repository", "-r") { Description = "The repository that is meant", HelpName = "NAME" };

    private static Command List(CommandLine line)
    {
        var project = new Option<string?>("--project") { Description = "Only of this project", HelpName = "NAME" };
        var repository = Repository();
        var status = new Option<string?>("--status") { Description = "Only these", HelpName = "STATUS" }.AcceptOnlyFromAmong(
            "pending",
            "running",
            "success",
            "failed",
            "canceled"
        );
        var branch = new Option<string?>("--branch") { Description = "Only of this branch", HelpName = "NAME" };
        var happening = new Option<string?>("--event") { Description = "Only started by this", HelpName = "EVENT" }.AcceptOnlyFromAmong(
            "manual",
            "push",
            "pr",
            "schedule"
        );
        var limit = new Option<int>("--limit", "-n")
        {
            Description = "How many",
            HelpName = "N",
            DefaultValueFactory = _ => 20,
        };
        var command = new Command("list", "Show runs, newest first") { project, repository, status, branch, happening, limit };
        return line.Remote(
            command,
            async (session, parsed) =>
            {
                var count = parsed.GetValue(limit);
                if (count < 1)
                {
                    throw new CliException(
                        ExitCodes.Usage,
                        $"--limit {count.ToString(CultureInfo.InvariantCulture)}: expected at least 1."
                    );
                }

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
                Filter("event", parsed.GetValue(happening));
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
            terminal.Note("There is no such run.");
            return;
        }

        var table = Looks.Table("#", "REPOSITORY", "STATUS", "EVENT", "COMMIT", "CREATED", "TIME", "ID");
        foreach (var run in runs)
        {
            table.AddRow(
                run.RunNumber.ToString(CultureInfo.InvariantCulture),
                Looks.Text($"{run.ProjectName}/{run.RepositoryName}"),
                Looks.Status(run.Status),
                Looks.Text(run.Event),
                Looks.Text(RunSummary.Short(run)),
                Looks.Time(run.CreatedAt),
                Looks.Duration(run.CreatedAt, run.FinishedAt),
                Looks.Text(run.Id)
            );
        }

        terminal.Show(table);
    }

    private static Command Status(CommandLine line)
    {
        var (name, repository) = RunName();
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
            Description = "A run (id, its beginning, number; the newest if absent) or an execution's id",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var repository = Repository();
        var follow = new Option<bool>("--follow", "-f") { Description = "Until the end" };
        var step = new Option<string?>("--step") { Description = "Only of this step: NAME or JOB/NAME", HelpName = "NAME" };
        var command = new Command("logs", "Show what steps wrote") { name, repository, follow, step };
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
                var follower = new RunFollower(session.Client, session.Terminal, session.Time) { Step = wanted, Changes = false };
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
                $"Run {run.Id} has no step '{wanted}'. 'shipinator status {run.Id}' shows its steps."
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

    /// <summary>The bytes as they are for a file or another program; on a terminal its lines, cleaned.</summary>
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
