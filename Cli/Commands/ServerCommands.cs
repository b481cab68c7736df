using System.CommandLine;
using System.Net;
using Shipinator.Cli.IO;
using Shipinator.Cli.Server;
using Shipinator.Client;

namespace Shipinator.Cli.Commands;

/// <summary><c>up</c> and <c>login</c>: starting a server and choosing one.</summary>
internal static class ServerCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        yield return Up(line);
        yield return Login(line);
    }

    private static Command Up(CommandLine line)
    {
        var data = new Option<string?>("--data")
        {
            Description = "Data folder (environment: SHIPINATOR_DATA); default: ~/.local/share/shipinator",
            HelpName = "DIR",
        };
        var port = new Option<int?>("--port")
        {
            Description = "Port to listen on; 0 picks a free port; default: 7400",
            HelpName = "N",
        }.Accept(0, 65535);
        var command = new Command("up", "Start a standalone server on this machine and run it until Ctrl-C") { data, port };
        command.SetAction(async parsed =>
        {
            var terminal = new ConsoleTerminal(json: false);
            try
            {
                var code = await ServerProcess.RunAsync(
                    ServerProcess.Find(),
                    parsed.GetValue(data),
                    parsed.GetValue(port),
                    terminal.WriteNote
                );
                // The server ends with 2 when its settings are invalid.
                return code switch
                {
                    0 => ExitCodes.Success,
                    2 => ExitCodes.Usage,
                    _ => ExitCodes.Failed,
                };
            }
            catch (CliException e)
            {
                terminal.WriteError(e.Message);
                return e.ExitCode;
            }
        });
        return command;
    }

    private static Command Login(CommandLine line)
    {
        var url = new Argument<string>("URL") { Description = "Server URL" };
        var command = new Command("login", "Log in to a server and save its URL and token") { url };
        return line.Local(
            command,
            async (terminal, interrupts, parsed) =>
            {
                var server = Connection.Parse(parsed.GetRequiredValue(url), "URL");
                var token = line.ConnectionOptions(parsed).Token ?? Environment.GetEnvironmentVariable("SHIPINATOR_TOKEN");
                if (string.IsNullOrWhiteSpace(token))
                {
                    if (!Console.IsInputRedirected)
                    {
                        terminal.WriteNote("API token (create one with 'shipinator tokens create'):");
                    }

                    token = await Console.In.ReadLineAsync(interrupts.Token);
                }

                if (string.IsNullOrWhiteSpace(token))
                {
                    throw new CliException(
                        ExitCodes.Usage,
                        "A token is required: pass --token TOKEN, set SHIPINATOR_TOKEN, or write it to standard input."
                    );
                }

                var connection = new Connection(server, token.Trim(), "the command line");
                using var http = ShipinatorClient.CreateHttp(server, connection.Token);
                try
                {
                    var me = await new ShipinatorClient(http).MeAsync(interrupts.Token);
                    Connection.Save(new(server.ToString().TrimEnd('/'), connection.Token));
                    terminal.WriteNote($"Logged in to {server} as {me.Name} (role {me.Role}). Saved to {Connection.LoginFile}.");
                    return ExitCodes.Success;
                }
                catch (HttpRequestException e)
                {
                    throw new CliException(ExitCodes.Unreachable, $"Server {server} is unreachable: {e.Message}", e);
                }
                catch (ShipinatorApiException e) when (e.Status == HttpStatusCode.Unauthorized)
                {
                    throw new CliException(ExitCodes.Unauthorized, $"Server {server} rejected the token: {e.Message}", e);
                }
            }
        );
    }
}
