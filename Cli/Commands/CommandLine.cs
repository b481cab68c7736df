using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using Shipinator.Cli.IO;
using Shipinator.Cli.Server;
using Shipinator.Client;

namespace Shipinator.Cli.Commands;

/// <summary>The command tree, the options that all commands share, and the mapping of errors to exit codes.</summary>
internal sealed class CommandLine(TimeProvider time)
{
    private readonly Option<string?> _server = new("--server")
    {
        Description = "Server URL (environment: SHIPINATOR_SERVER_URL)",
        HelpName = "URL",
        Recursive = true,
    };
    private readonly Option<string?> _token = new("--token")
    {
        Description = "API token (environment: SHIPINATOR_TOKEN)",
        HelpName = "TOKEN",
        Recursive = true,
    };
    private readonly Option<string> _output = new Option<string>("--output")
    {
        Description = "Output format",
        HelpName = "table|json",
        Recursive = true,
        DefaultValueFactory = _ => "table",
    }.Accept("table", "json");

    public RootCommand Build()
    {
        var root = new RootCommand("Client of a Shipinator server, and launcher of a standalone server") { _server, _token, _output };
        IEnumerable<Command> commands =
        [
            .. ServerCommands.All(this),
            .. RunCommands.All(this),
            .. HistoryCommands.All(this),
            .. LintCommand.All(this),
            .. DeliveryCommands.All(this),
            .. ArtifactCommands.All(this),
            .. CatalogCommands.All(this),
            .. ScheduleCommands.All(this),
            .. TokenCommands.All(this),
            .. SecretCommands.All(this),
        ];
        foreach (var command in commands)
        {
            root.Subcommands.Add(command);
        }

        return root;
    }

    /// <summary>The error messages for an invalid command line.</summary>
    public static IReadOnlyList<string> ParseErrors(ParseResult parsed)
    {
        // A misspelled option causes further errors, such as an unexpected argument; only the cause is shown.
        if (UnknownOption(parsed) is { } option)
        {
            return [option];
        }

        var command = parsed.CommandResult.Command;
        if (command.Subcommands.Count == 0)
        {
            return [.. parsed.Errors.Select(e => e.Message)];
        }

        var names = string.Join(", ", command.Subcommands.Select(c => c.Name));
        var ofOptions = parsed.Errors.Where(e => e.SymbolResult is not CommandResult).Select(e => e.Message);
        return
        [
            .. ofOptions,
            parsed.UnmatchedTokens is [var unknown, ..]
                ? $"'{unknown}' is not a command of '{FullName(command)}'; expected one of {names}."
                : $"'{FullName(command)}' requires a command: {names}.",
        ];
    }

    /// <summary>The command with its parents, as the user types it: <c>shipinator artifacts list</c>.</summary>
    public static string FullName(Command command) =>
        command is RootCommand
            ? "shipinator"
            : $"{command.Parents.OfType<Command>().Select(FullName).FirstOrDefault() ?? "shipinator"} {command.Name}";

    /// <summary>Adds the action of a command that calls the server.</summary>
    public Command Remote(Command command, Func<Session, ParseResult, Task<int>> action)
    {
        command.SetAction(parsed =>
            GuardAsync(
                parsed,
                async (terminal, interrupts) =>
                {
                    var connection = Connection.Find(parsed.GetValue(_server), parsed.GetValue(_token));
                    using var http = ShipinatorClient.CreateHttp(connection.Server, connection.Token);
                    var session = new Session(Client(http, terminal), connection, terminal, time, interrupts, IsJson(parsed));
                    try
                    {
                        return await action(session, parsed);
                    }
                    catch (HttpRequestException e)
                    {
                        throw new CliException(ExitCodes.Unreachable, connection.UnreachableMessage(e), e);
                    }
                }
            )
        );
        return command;
    }

    private ShipinatorClient Client(HttpClient http, ITerminal terminal) =>
        new(http, time)
        {
            ConnectionLost = e => terminal.WriteNote($"Connection to the server lost ({e.Message.TrimEnd('.')}). Reconnecting …"),
        };

    /// <summary>Adds the action of a command that does not need a configured server.</summary>
    public Command Local(Command command, Func<ITerminal, Interrupts, ParseResult, Task<int>> action)
    {
        command.SetAction(parsed => GuardAsync(parsed, (terminal, interrupts) => action(terminal, interrupts, parsed)));
        return command;
    }

    /// <summary>The values of <c>--server</c> and <c>--token</c>.</summary>
    public (string? Server, string? Token) ConnectionOptions(ParseResult parsed) => (parsed.GetValue(_server), parsed.GetValue(_token));

    private bool IsJson(ParseResult parsed) => parsed.GetValue(_output) == "json";

    private async Task<int> GuardAsync(ParseResult parsed, Func<ITerminal, Interrupts, Task<int>> action)
    {
        var terminal = new ConsoleTerminal(IsJson(parsed));
        using var interrupts = new Interrupts();
        try
        {
            if (UnknownOption(parsed) is { } problem)
            {
                throw new CliException(ExitCodes.Usage, problem);
            }

            return await action(terminal, interrupts);
        }
        catch (CliException e)
        {
            terminal.WriteError(e.Message);
            return e.ExitCode;
        }
        catch (ShipinatorApiException e)
        {
            return ReportProblem(terminal, e);
        }
        catch (OperationCanceledException) when (interrupts.Token.IsCancellationRequested)
        {
            return ExitCodes.Interrupted;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            terminal.WriteError(e.Message);
            return ExitCodes.Failed;
        }
    }

    /// <summary>
    /// The error for a misspelled option that was parsed as a positional value, or null. A value that begins with a dash must follow
    /// <c>--</c>.
    /// </summary>
    public static string? UnknownOption(ParseResult parsed)
    {
        if (parsed.Tokens.Any(t => t.Type == TokenType.DoubleDash))
        {
            return null;
        }

        var values = parsed.CommandResult.Command.Arguments.SelectMany(a => parsed.GetResult(a)?.Tokens ?? []).Select(t => t.Value);
        return values.Concat(parsed.UnmatchedTokens).FirstOrDefault(v => v.Length > 1 && v[0] == '-') is { } unknown
            ? $"Unknown option '{unknown}' for '{FullName(parsed.CommandResult.Command)}'. "
                + "To pass a value that begins with '-', put it after '--'."
            : null;
    }

    private static int ReportProblem(ConsoleTerminal terminal, ShipinatorApiException e)
    {
        if (e.Problem.PipelineErrors is { Count: > 0 } errors)
        {
            terminal.WriteError(e.Message);
            LintCommand.Show(terminal, errors);
            return ExitCodes.PipelineFile;
        }

        var fix = e.Status switch
        {
            HttpStatusCode.Unauthorized => " Provide a token with 'shipinator login URL --token TOKEN', --token or SHIPINATOR_TOKEN.",
            HttpStatusCode.Forbidden => " Ask an administrator for a token with a higher role ('shipinator tokens create').",
            _ => "",
        };
        terminal.WriteError(e.Message + fix);
        foreach (var (field, messages) in e.Problem.Errors ?? new Dictionary<string, string[]>())
        {
            foreach (var message in messages.Where(m => m != e.Message))
            {
                terminal.WriteNote($"  {field}: {message}");
            }
        }

        return e.Status switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ExitCodes.Unauthorized,
            HttpStatusCode.NotFound => ExitCodes.NotFound,
            >= HttpStatusCode.InternalServerError => ExitCodes.Unreachable,
            _ => ExitCodes.Invalid,
        };
    }
}
