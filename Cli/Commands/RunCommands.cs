using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Shipinator.Cli.IO;
using Shipinator.Cli.Runs;
using Shipinator.Cli.Server;
using Shipinator.Client;

namespace Shipinator.Cli.Commands;

/// <summary>What makes a run: <c>run</c>, <c>trigger</c>, <c>rerun</c>; and what ends one: <c>cancel</c>.</summary>
internal static class RunCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        yield return Run(line);
        yield return Trigger(line);
        yield return Rerun(line);
        yield return Cancel(line);
    }

    private static Command Run(CommandLine line)
    {
        var path = new Argument<string>("PATH") { Description = "A folder in a Git repository", DefaultValueFactory = _ => "." };
        var reference = Reference();
        var inputs = Inputs.Option();
        var project = new Option<string?>("--project") { Description = "The project; by default named like the folder", HelpName = "NAME" };
        var file = new Option<string?>("--file")
        {
            Description = "Where the pipeline file lies below the repository's root; the server remembers it",
            HelpName = "PATH",
        };
        var detach = Detach();
        var command = new Command("run", "Run the pipeline of a repository on this machine and show it as it goes")
        {
            path,
            reference,
            inputs,
            project,
            file,
            detach,
        };
        return line.Remote(
            command,
            async (session, parsed) =>
            {
                var given = Inputs.Read(parsed.GetValue(inputs));
                var copy = await WorkingCopy.OpenAsync(parsed.GetRequiredValue(path), session.Token);
                var wanted = parsed.GetValue(reference);
                var (fullRef, commit) = await copy.FindAsync(wanted, session.Token);
                var registration = new Registration(session);
                var known = await registration.FindAsync(copy, parsed.GetValue(project));
                var wantedFile = parsed.GetValue(file);
                await copy.RequirePipelineFileAsync(commit, wantedFile ?? known?.PipelineFile ?? WorkingCopy.PipelineFile, session.Token);
                if (wanted is null && await copy.IsDirtyAsync(session.Token))
                {
                    session.Terminal.Note($"Note: a run is of a commit; what is not committed in {copy.Root} is not part of it.");
                }

                var repository = known ?? await registration.EnsureAsync(copy, parsed.GetValue(project), wantedFile);
                if (wantedFile is not null && wantedFile != (repository.PipelineFile ?? WorkingCopy.PipelineFile))
                {
                    repository = await session.Client.UpdateRepositoryAsync(
                        repository.Id,
                        new() { PipelineFile = wantedFile },
                        session.Token
                    );
                }

                var request = new CreateRunRequest
                {
                    GitRef = fullRef,
                    GitSha = commit,
                    Inputs = given,
                    TriggerType = "manual",
                };
                var run = await OnceAsync(
                    session,
                    key => session.Client.CreateRepositoryRunAsync(repository.Id, request, key, session.Token)
                );
                return await FollowAsync(session, run, parsed.GetValue(detach));
            }
        );
    }

    private static Command Trigger(CommandLine line)
    {
        var name = new Argument<string>("REPOSITORY") { Description = "Name, PROJECT/NAME, id or clone URL" };
        var reference = Reference();
        var inputs = Inputs.Option();
        var trigger = new Option<string>("--pipeline")
        {
            Description = "Which pipeline",
            HelpName = "NAME",
            DefaultValueFactory = _ => "manual",
        };
        var follow = new Option<bool>("--follow", "-f") { Description = "Show the run as it goes and end with its exit code" };
        var command = new Command("trigger", "Start a run of a repository that the server knows")
        {
            name,
            reference,
            inputs,
            trigger,
            follow,
        };
        return line.Remote(
            command,
            async (session, parsed) =>
            {
                var repository = await session.Catalog.RepositoryAsync(parsed.GetRequiredValue(name), session.Token);
                var request = new CreateRunRequest
                {
                    GitRef = parsed.GetValue(reference) ?? repository.DefaultBranch,
                    Inputs = Inputs.Read(parsed.GetValue(inputs)),
                };
                var wanted = parsed.GetRequiredValue(trigger);
                var pipeline = TriggerTypes.Contains(wanted, StringComparer.Ordinal)
                    ? null
                    : await PipelineAsync(session, repository, wanted);
                var run = await OnceAsync(
                    session,
                    key =>
                        pipeline is null
                            ? session.Client.CreateRepositoryRunAsync(
                                repository.Id,
                                request with
                                {
                                    TriggerType = wanted,
                                },
                                key,
                                session.Token
                            )
                            : session.Client.CreateRunAsync(pipeline.Id, request, key, session.Token)
                );
                return await FollowAsync(session, run, !parsed.GetValue(follow));
            }
        );
    }

    private static Command Rerun(CommandLine line)
    {
        var (name, repository) = HistoryCommands.RunName();
        var failed = new Option<bool>("--failed") { Description = "Keep the results of jobs that succeeded" };
        var detach = Detach();
        var command = new Command("rerun", "Run a run's plan again") { name, repository, failed, detach };
        return line.Remote(
            command,
            async (session, parsed) =>
            {
                var run = await session.Catalog.RunAsync(parsed.GetValue(name), parsed.GetValue(repository), session.Token);
                var request = new RerunRequest { From = parsed.GetValue(failed) ? "failed" : "start" };
                var again = await OnceAsync(session, key => session.Client.RerunAsync(run.Id, request, key, session.Token));
                return await FollowAsync(session, again, parsed.GetValue(detach));
            }
        );
    }

    private static Command Cancel(CommandLine line)
    {
        var (name, repository) = HistoryCommands.RunName(isRequired: true);
        return line.Remote(
            new Command("cancel", "Ask a run to stop") { name, repository },
            async (session, parsed) =>
            {
                var run = await session.Catalog.RunAsync(parsed.GetValue(name), parsed.GetValue(repository), session.Token);
                var canceled = await session.Client.CancelRunAsync(run.Id, session.Token);
                return session.Print(
                    canceled,
                    CliJson.Default.RunResponse,
                    r =>
                        session.Terminal.Say(
                            $"Run #{r.RunNumber.ToString(CultureInfo.InvariantCulture)} {Looks.Text(r.Id)}: "
                                + (r.FinishedAt is null ? "asked to stop" : Looks.Status(r.Status))
                        )
                );
            }
        );
    }

    /// <summary>
    /// One run, however often the request must be sent: the key lets the server recognize it, so that an answer that was lost
    /// on its way does not make a second run.
    /// </summary>
    private static Task<RunResponse> OnceAsync(Session session, Func<string, Task<RunResponse>> request)
    {
        var key = Guid.CreateVersion7().ToString();
        return session.Client.PersistAsync(() => request(key), session.Token);
    }

    private static Option<string?> Reference() => new("--ref") { Description = "Branch, tag or commit", HelpName = "REF" };

    private static readonly string[] TriggerTypes = ["push", "pr", "manual", "schedule"];

    private static Option<bool> Detach() => new("--detach", "-d") { Description = "Do not wait for the run's end" };

    private static async Task<PipelineResponse> PipelineAsync(Session session, RepositoryResponse repository, string wanted)
    {
        var pipelines = (await session.Client.ListPipelinesAsync(repository.Id, session.Token)).Items;
        return pipelines.FirstOrDefault(p => p.Name == wanted || p.Id == wanted)
            ?? throw new CliException(
                ExitCodes.NotFound,
                $"{repository.ProjectName}/{repository.Name} has no pipeline '{wanted}'; there is: "
                    + (pipelines.Count == 0 ? "none" : string.Join(", ", pipelines.Select(p => p.TriggerType)))
                    + $". 'on:' in {repository.PipelineFile ?? WorkingCopy.PipelineFile} says what starts runs."
            );
    }

    private static async Task<int> FollowAsync(Session session, RunResponse run, bool detach)
    {
        if (detach)
        {
            return session.Print(
                run,
                CliJson.Default.RunResponse,
                r =>
                {
                    session.Terminal.Say($"Run #{r.RunNumber.ToString(CultureInfo.InvariantCulture)} {Looks.Text(r.Id)}");
                    session.Terminal.Say(Looks.Text(r.Url));
                }
            );
        }

        session.Terminal.Say(
            $"[bold]Run #{run.RunNumber.ToString(CultureInfo.InvariantCulture)}[/] of {Looks.Text(run.ProjectName)}/{Looks.Text(run.RepositoryName)}, {Looks.Text(RunSummary.Short(run))}"
                + (run.CommitMessage is null ? "" : $" [dim]{Looks.Text(run.CommitMessage.Split('\n')[0])}[/]")
        );
        session.Terminal.Say($"[dim]{Looks.Text(run.Url)}[/]");
        Task cancel = Task.CompletedTask;
        session.Interrupts.OnFirst(() => cancel = AskToCancelAsync(session, run));
        try
        {
            var ended = await new RunFollower(session.Client, session.Terminal, session.Time).FollowAsync(run.Id, session.Token);
            await cancel;
            var jobs = (await session.Client.PersistAsync(() => session.Client.GetJobsAsync(run.Id, session.Token), session.Token)).Jobs;
            RunSummary.Show(session.Terminal, ended, jobs);
            if (session.IsJson)
            {
                session.Terminal.Result(JsonSerializer.Serialize(new RunReport(ended, jobs), CliJson.Default.RunReport));
            }

            return ExitCodes.Of(ended.Status);
        }
        catch (OperationCanceledException) when (session.Token.IsCancellationRequested)
        {
            session.Terminal.Note($"Left. The run goes on without being watched: shipinator logs -f {run.Id}");
            throw;
        }
        finally
        {
            session.Interrupts.OnFirst(null);
        }
    }

    private static async Task AskToCancelAsync(Session session, RunResponse run)
    {
        session.Terminal.Note("Asking the run to stop (Ctrl-C again leaves without waiting) …");
        try
        {
            await session.Client.CancelRunAsync(run.Id, session.Token);
        }
        catch (Exception e) when (e is HttpRequestException or ShipinatorApiException or OperationCanceledException)
        {
            session.Terminal.Note($"It could not be asked: {e.Message}");
        }
    }
}
