using System.CommandLine;
using Shipinator.Cli.IO;
using Shipinator.Cli.Server;
using Shipinator.Client;
using Shipinator.Encodings;

namespace Shipinator.Cli.Commands;

/// <summary><c>lint</c>: what is wrong with a pipeline file, before anything runs.</summary>
internal static class LintCommand
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        var file = new Argument<string>("FILE") { Description = "The pipeline file", DefaultValueFactory = _ => WorkingCopy.PipelineFile };
        var happening = new Option<string>("--event")
        {
            Description = "Plan it as if started by this",
            HelpName = "EVENT",
            DefaultValueFactory = _ => "manual",
        }.AcceptOnlyFromAmong("manual", "push", "pr", "schedule");
        var branch = new Option<string>("--branch")
        {
            Description = "Plan it for this branch",
            HelpName = "NAME",
            DefaultValueFactory = _ => "main",
        };
        var inputs = Inputs.Option();
        var executor = new Option<string?>("--executor")
        {
            Description = "Plan it for this executor; by default the repository's or the server's",
            HelpName = "NAME",
        };
        var repository = new Option<string?>("--repository") { Description = "Plan it for this repository", HelpName = "NAME" };
        var command = new Command("lint", "Check a pipeline file") { file, happening, branch, inputs, executor, repository };
        yield return line.Remote(
            command,
            async (session, parsed) =>
            {
                var path = parsed.GetRequiredValue(file);
                if (Directory.Exists(path))
                {
                    path = Path.Combine(path, WorkingCopy.PipelineFile);
                }

                if (!File.Exists(path))
                {
                    throw new CliException(ExitCodes.Usage, $"There is no file {Path.GetFullPath(path)}.");
                }

                if (Utf8Text.Read(await File.ReadAllBytesAsync(path, session.Token), out var problem) is not { } content)
                {
                    var refused = new LintResponse
                    {
                        Valid = false,
                        Errors =
                        [
                            new()
                            {
                                Code = "not_utf8",
                                Message = problem!.Message,
                                File = path,
                                Line = problem.Line,
                                Column = problem.Column,
                                Path = "",
                            },
                        ],
                    };
                    return Tell(session, path, refused);
                }

                var answer = await session.Client.LintAsync(
                    new()
                    {
                        Content = content,
                        FileName = path,
                        Event = parsed.GetRequiredValue(happening),
                        Branch = parsed.GetRequiredValue(branch),
                        Inputs = Inputs.Read(parsed.GetValue(inputs)),
                        Executor = parsed.GetValue(executor),
                        Repository = parsed.GetValue(repository) is { } name
                            ? (await session.Catalog.RepositoryAsync(name, session.Token)).Id
                            : null,
                    },
                    session.Token
                );
                return Tell(session, path, answer);
            }
        );
    }

    private static int Tell(Session session, string path, LintResponse answer)
    {
        session.Print(
            answer,
            CliJson.Default.LintResponse,
            a => session.Terminal.Say(a.Valid ? $"[green]✓[/] {Looks.Text(path)} is valid" : $"[red]✗[/] {Looks.Text(path)} is not valid")
        );
        Show(session.Terminal, answer.Errors);
        Show(session.Terminal, answer.Warnings, "warning: ");
        return answer.Valid ? ExitCodes.Success : ExitCodes.PipelineFile;
    }

    /// <summary>The errors, in the form that editors understand, with the offending line.</summary>
    public static void Show(ITerminal terminal, IEnumerable<PipelineErrorResponse> errors, string kind = "")
    {
        foreach (var error in errors)
        {
            terminal.Note(
                string.Create(
                    System.Globalization.CultureInfo.InvariantCulture,
                    $"{error.File}:{error.Line}:{error.Column}: {kind}{error.Message} [{error.Code}]"
                )
            );
            if (!string.IsNullOrWhiteSpace(error.Snippet))
            {
                terminal.Note($"    {error.Snippet}");
            }
        }
    }
}
