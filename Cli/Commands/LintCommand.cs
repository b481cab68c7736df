using System.CommandLine;
using Shipinator.Cli.IO;
using Shipinator.Cli.Server;
using Shipinator.Client;
using Shipinator.Encodings;

namespace Shipinator.Cli.Commands;

/// <summary><c>lint</c>: checks a pipeline file without running it.</summary>
internal static class LintCommand
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        var file = new Argument<string>("FILE")
        {
            Description = "Path of the pipeline file, or of the folder that contains it",
            DefaultValueFactory = _ => WorkingCopy.PipelineFile,
        };
        var trigger = new Option<string>("--event")
        {
            Description = "Trigger type to plan for",
            HelpName = "manual|push|pr|schedule",
            DefaultValueFactory = _ => "manual",
        }.Accept("manual", "push", "pr", "schedule");
        var branch = new Option<string>("--branch")
        {
            Description = "Branch to plan for",
            HelpName = "NAME",
            DefaultValueFactory = _ => "main",
        };
        var inputs = Inputs.Option();
        var executor = new Option<string?>("--executor")
        {
            Description = "Executor to plan for; default: that of the repository or of the server",
            HelpName = "NAME",
        };
        var repository = new Option<string?>("--repository") { Description = "Repository to plan for", HelpName = "NAME" };
        var command = new Command("lint", "Check a pipeline file") { file, trigger, branch, inputs, executor, repository };
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
                    throw new CliException(ExitCodes.Usage, $"File {Path.GetFullPath(path)} does not exist.");
                }

                if (Utf8Text.Read(await File.ReadAllBytesAsync(path, session.Token), out var problem) is not { } content)
                {
                    var invalid = new LintResponse
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
                    return Report(session, path, invalid);
                }

                var response = await session.Client.LintAsync(
                    new()
                    {
                        Content = content,
                        FileName = path,
                        Event = parsed.GetRequiredValue(trigger),
                        Branch = parsed.GetRequiredValue(branch),
                        Inputs = Inputs.Read(parsed.GetValue(inputs)),
                        Executor = parsed.GetValue(executor),
                        Repository = parsed.GetValue(repository) is { } name
                            ? (await session.Catalog.RepositoryAsync(name, session.Token)).Id
                            : null,
                    },
                    session.Token
                );
                return Report(session, path, response);
            }
        );
    }

    private static int Report(Session session, string path, LintResponse response)
    {
        session.Print(
            response,
            CliJson.Default.LintResponse,
            a =>
                session.Terminal.WriteMarkup(
                    a.Valid ? $"[green]✓[/] {ConsoleFormat.Text(path)} is valid" : $"[red]✗[/] {ConsoleFormat.Text(path)} is not valid"
                )
        );
        Show(session.Terminal, response.Errors);
        Show(session.Terminal, response.Warnings, "warning: ");
        return response.Valid ? ExitCodes.Success : ExitCodes.PipelineFile;
    }

    /// <summary>Writes the errors as <c>file:line:column: message</c>, which editors understand, each with the source line.</summary>
    public static void Show(ITerminal terminal, IEnumerable<PipelineErrorResponse> errors, string kind = "")
    {
        foreach (var error in errors)
        {
            terminal.WriteNote(
                string.Create(
                    System.Globalization.CultureInfo.InvariantCulture,
                    $"{error.File}:{error.Line}:{error.Column}: {kind}{error.Message} [{error.Code}]"
                )
            );
            if (!string.IsNullOrWhiteSpace(error.Snippet))
            {
                terminal.WriteNote($"    {error.Snippet}");
            }
        }
    }
}
