using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Shipinator.Cli.IO;
using Shipinator.Cli.Runs;
using Shipinator.Cli.Server;
using Shipinator.Client;

namespace Shipinator.Cli.Commands;

/// <summary>Commands that start a run (<c>run</c>, <c>trigger</c>, <c>rerun</c>) or cancel it (<c>cancel</c>).</summary>
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
        var path = new Argument<string>("PATH") { Description = "Folder in a Git repository", DefaultValueFactory = _ => "." };
        var reference = Reference("Branch, tag or commit; default: HEAD");
        var inputs = Inputs.Option();
        var project = new Option<string?>("--project")
        {
            Description = "Project of the repository; default: the name of the folder",
            HelpName = "NAME",
        };
        var file = new Option<string?>("--file")
        {
            Description = "Path of the pipeline file in the repository; the server saves it",
            HelpName = "PATH",
        };
        var detach = Detach();
        var command = new Command("run", "Run the pipeline of a local repository and follow the run")
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
                var (fullRef, commit) = await copy.ResolveAsync(wanted, session.Token);
                var registration = new Registration(session);
                var known = await registration.FindAsync(copy, parsed.GetValue(project));
                var wantedFile = parsed.GetValue(file);
                await copy.RequirePipelineFileAsync(commit, wantedFile ?? known?.PipelineFile ?? WorkingCopy.PipelineFile, session.Token);
                if (wanted is null && await copy.IsDirtyAsync(session.Token))
                {
                    session.Terminal.WriteNote($"Note: {copy.Root} has uncommitted changes; they are not part of the run.");
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
                var run = await CreateOnceAsync(
                    session,
                    key => session.Client.CreateRepositoryRunAsync(repository.Id, request, key, session.Token)
                );
                return await FollowAsync(session, run, parsed.GetValue(detach));
            }
        );
    }

    private static Command Trigger(CommandLine line)
    {
        var name = new Argument<string>("REPOSITORY") { Description = "Name, PROJECT/NAME, ID or clone URL" };
        var reference = Reference("Branch, tag or commit; default: the default branch");
        var inputs = Inputs.Option();
        var trigger = new Option<string>("--pipeline")
        {
            Description = "Pipeline to run",
            HelpName = "NAME",
            DefaultValueFactory = _ => "manual",
        };
        var follow = new Option<bool>("--follow", "-f") { Description = "Follow until the run ends; its result becomes the exit code" };
        var command = new Command("trigger", "Start a run of a registered repository") { name, reference, inputs, trigger, follow };
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
                var run = await CreateOnceAsync(
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
        var (name, repository) = HistoryCommands.RunArguments();
        var failed = new Option<bool>("--failed") { Description = "Run only the jobs that did not succeed" };
        var detach = Detach();
        var command = new Command("rerun", "Run the plan of an earlier run again") { name, repository, failed, detach };
        return line.Remote(
            command,
            async (session, parsed) =>
            {
                var run = await session.Catalog.RunAsync(parsed.GetValue(name), parsed.GetValue(repository), session.Token);
                var request = new RerunRequest { From = parsed.GetValue(failed) ? "failed" : "start" };
                var again = await CreateOnceAsync(session, key => session.Client.RerunAsync(run.Id, request, key, session.Token));
                return await FollowAsync(session, again, parsed.GetValue(detach));
            }
        );
    }

    private static Command Cancel(CommandLine line)
    {
        var (name, repository) = HistoryCommands.RunArguments(isRequired: true);
        return line.Remote(
            new Command("cancel", "Cancel a run") { name, repository },
            async (session, parsed) =>
            {
                var run = await session.Catalog.RunAsync(parsed.GetValue(name), parsed.GetValue(repository), session.Token);
                var canceled = await session.Client.CancelRunAsync(run.Id, session.Token);
                return session.Print(
                    canceled,
                    CliJson.Default.RunResponse,
                    r =>
                        session.Terminal.WriteMarkup(
                            $"Run #{r.RunNumber.ToString(CultureInfo.InvariantCulture)} {ConsoleFormat.Text(r.Id)}: "
                                + (r.FinishedAt is null ? "cancel requested" : ConsoleFormat.Status(r.Status))
                        )
                );
            }
        );
    }

    /// <summary>
    /// Creates a single run, however often the request is sent: with the idempotency key the server recognizes a repeated request, so
    /// that a lost response does not cause a second run.
    /// </summary>
    private static Task<RunResponse> CreateOnceAsync(Session session, Func<string, Task<RunResponse>> request)
    {
        var key = Guid.CreateVersion7().ToString();
        return session.Client.PersistAsync(() => request(key), session.Token);
    }

    private static Option<string?> Reference(string description) => new("--ref") { Description = description, HelpName = "REF" };

    private static readonly string[] TriggerTypes = ["push", "pr", "manual", "schedule"];

    private static Option<bool> Detach() => new("--detach", "-d") { Description = "Start the run without following it" };

    private static async Task<PipelineResponse> PipelineAsync(Session session, RepositoryResponse repository, string wanted)
    {
        var pipelines = (await session.Client.ListPipelinesAsync(repository.Id, session.Token)).Items;
        return pipelines.FirstOrDefault(p => p.Name == wanted || p.Id == wanted)
            ?? throw new CliException(
                ExitCodes.NotFound,
                $"{repository.ProjectName}/{repository.Name} has no pipeline '{wanted}'; available: "
                    + (pipelines.Count == 0 ? "none" : string.Join(", ", pipelines.Select(p => p.TriggerType)))
                    + $". 'on:' in {repository.PipelineFile ?? WorkingCopy.PipelineFile} declares the trigger types."
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
                    session.Terminal.WriteMarkup($"Run #{r.RunNumber.ToString(CultureInfo.InvariantCulture)} {ConsoleFormat.Text(r.Id)}");
                    session.Terminal.WriteMarkup(ConsoleFormat.Text(r.Url));
                }
            );
        }

        session.Terminal.WriteMarkup(
            $"{RunSummary.Title(run)}, {ConsoleFormat.Text(RunSummary.Revision(run))}"
                + (run.CommitMessage is null ? "" : $" [dim]{ConsoleFormat.Text(run.CommitMessage.Split('\n')[0])}[/]")
        );
        session.Terminal.WriteMarkup($"[dim]{ConsoleFormat.Text(run.Url)}[/]");
        Task cancel = Task.CompletedTask;
        session.Interrupts.OnFirst(() => cancel = RequestCancelAsync(session, run));
        try
        {
            var ended = await new RunFollower(session.Client, session.Terminal, session.Time).FollowAsync(run.Id, session.Token);
            await cancel;
            var jobs = (await session.Client.PersistAsync(() => session.Client.GetJobsAsync(run.Id, session.Token), session.Token)).Jobs;
            session.Terminal.WriteMarkup("");
            RunSummary.Show(session.Terminal, ended, jobs);
            if (session.IsJson)
            {
                session.Terminal.WriteResult(JsonSerializer.Serialize(new RunReport(ended, jobs), CliJson.Default.RunReport));
            }

            return ExitCodes.Of(ended.Status);
        }
        catch (OperationCanceledException) when (session.Token.IsCancellationRequested)
        {
            session.Terminal.WriteNote($"Detached; the run continues. To follow it again: shipinator logs --follow {run.Id}");
            throw;
        }
        finally
        {
            session.Interrupts.OnFirst(null);
        }
    }

    private static async Task RequestCancelAsync(Session session, RunResponse run)
    {
        session.Terminal.WriteNote("Canceling the run (press Ctrl-C again to detach without waiting) …");
        try
        {
            await session.Client.CancelRunAsync(run.Id, session.Token);
        }
        catch (Exception e) when (e is HttpRequestException or ShipinatorApiException or OperationCanceledException)
        {
            session.Terminal.WriteNote($"The run could not be canceled: {e.Message}");
        }
    }
}
