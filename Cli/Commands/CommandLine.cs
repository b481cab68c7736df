using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using Shipinator.Cli.IO;
using Shipinator.Cli.Server;
using Shipinator.Client;

namespace Shipinator.Cli.Commands;

/// <summary>The tree of commands, what they have in common, and how their errors become exit codes.</summary>
internal sealed class CommandLine(TimeProvider time)
{
    private readonly Option<string?> _server = new("--server")
    {
        Description = "Address of the server (SHIPINATOR_SERVER_URL)",
        HelpName = "URL",
        Recursive = true,
    };
    private readonly Option<string?> _token = new("--token")
    {
        Description = "API token (SHIPINATOR_TOKEN)",
        HelpName = "TOKEN",
        Recursive = true,
    };
    private readonly Option<string> _output = new Option<string>("--output")
    {
        Description = "What standard output gets: table for people, json for programs",
        HelpName = "table|json",
        Recursive = true,
        DefaultValueFactory = _ => "table",
    }.AcceptOnlyFromAmong("table", "json");

    /// <summary>All commands.</summary>
    public RootCommand Build() =>
        [
            _server,
            _token,
            _output,
            .. ServerCommands.All(this),
            .. RunCommands.All(this),
            .. HistoryCommands.All(this),
            .. LintCommand.All(this),
            .. ArtifactCommands.All(this),
            .. CatalogCommands.All(this),
            .. TokenCommands.All(this),
        ];

    /// <summary><c>shipinator artifacts list</c>.</summary>
    public static string FullName(Command command) =>
        command is RootCommand
            ? "shipinator"
            : $"{command.Parents.OfType<Command>().Select(FullName).FirstOrDefault() ?? "shipinator"} {command.Name}";

    /// <summary>A command that speaks to a server.</summary>
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
                        throw new CliException(ExitCodes.Unreachable, connection.Away(e), e);
                    }
                }
            )
        );
        return command;
    }

    private ShipinatorClient Client(HttpClient http, ITerminal terminal) =>
        new(http, time)
        {
            ConnectionLost = e => terminal.Note($"Lost the connection to the server ({e.Message.TrimEnd('.')}); reconnecting …"),
        };

    /// <summary>A command that needs none.</summary>
    public Command Local(Command command, Func<ITerminal, Interrupts, ParseResult, Task<int>> action)
    {
        command.SetAction(parsed => GuardAsync(parsed, (terminal, interrupts) => action(terminal, interrupts, parsed)));
        return command;
    }

    /// <summary>The address and token options' own values.</summary>
    public (string? Server, string? Token) Given(ParseResult parsed) => (parsed.GetValue(_server), parsed.GetValue(_token));

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
            terminal.Error(e.Message);
            return e.ExitCode;
        }
        catch (ShipinatorApiException e)
        {
            return Refused(terminal, e);
        }
        catch (OperationCanceledException) when (interrupts.Token.IsCancellationRequested)
        {
            return ExitCodes.Interrupted;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            terminal.Error(e.Message);
            return ExitCodes.Failed;
        }
    }

    /// <summary>What is wrong when a misspelled option was taken for a path, name or id; a value that begins with a dash stands after <c>--</c>.</summary>
    public static string? UnknownOption(ParseResult parsed)
    {
        var values = parsed.Tokens.Any(t => t.Type == TokenType.DoubleDash)
            ? []
            : parsed.CommandResult.Command.Arguments.SelectMany(a => parsed.GetResult(a)?.Tokens ?? []);
        return values.FirstOrDefault(t => t.Value.Length > 1 && t.Value[0] == '-') is { } unknown
            ? $"There is no option '{unknown.Value}' of '{FullName(parsed.CommandResult.Command)}'; its --help shows all. If it is a value, write it after '--'."
            : null;
    }

    private static int Refused(ConsoleTerminal terminal, ShipinatorApiException e)
    {
        if (e.Problem.PipelineErrors is { Count: > 0 } errors)
        {
            terminal.Error(e.Message);
            LintCommand.Show(terminal, errors);
            return ExitCodes.PipelineFile;
        }

        var fix = e.Status switch
        {
            HttpStatusCode.Unauthorized => " Give a token with 'shipinator login URL --token TOKEN', --token or SHIPINATOR_TOKEN.",
            HttpStatusCode.Forbidden => " The token's role is too small for this: an admin makes another with 'shipinator tokens create'.",
            _ => "",
        };
        terminal.Error(e.Message + fix);
        foreach (var (field, messages) in e.Problem.Errors ?? new Dictionary<string, string[]>())
        {
            foreach (var message in messages.Where(m => m != e.Message))
            {
                terminal.Note($"  {field}: {message}");
            }
        }

        return e.Status switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ExitCodes.Refused,
            HttpStatusCode.NotFound => ExitCodes.NotFound,
            >= HttpStatusCode.InternalServerError => ExitCodes.Unreachable,
            _ => ExitCodes.Invalid,
        };
    }
}
