using System.CommandLine;
using System.Net;
using Shipinator.Cli.IO;
using Shipinator.Cli.Server;
using Shipinator.Client;

namespace Shipinator.Cli.Commands;

/// <summary><c>up</c> and <c>login</c>: having a server.</summary>
internal static class ServerCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        yield return Up(line);
        yield return Login(line);
    }

    private static Command Up(CommandLine line)
    {
        var data = new Option<string?>("--data") { Description = "Folder that keeps everything (SHIPINATOR_DATA)", HelpName = "DIR" };
        var port = new Option<int?>("--port") { Description = "Port to listen on; 0 takes a free one", HelpName = "N" };
        port.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && (!int.TryParse(token.Value, out var number) || number is < 0 or > 65535))
            {
                result.AddError($"--port {token.Value}: expected a number from 0 to 65535.");
            }
        });
        var command = new Command("up", "Start a server on this machine, with its own PostgreSQL, and keep it running until Ctrl-C")
        {
            data,
            port,
        };
        command.SetAction(async parsed =>
        {
            var terminal = new ConsoleTerminal(json: false);
            try
            {
                var code = await ServerProcess.RunAsync(ServerProcess.Find(), parsed.GetValue(data), parsed.GetValue(port), terminal.Note);
                // The server's own word for settings that are wrong is our word for usage.
                return code switch
                {
                    0 => ExitCodes.Success,
                    2 => ExitCodes.Usage,
                    _ => ExitCodes.Failed,
                };
            }
            catch (CliException e)
            {
                terminal.Error(e.Message);
                return e.ExitCode;
            }
        });
        return command;
    }

    private static Command Login(CommandLine line)
    {
        var url = new Argument<string>("URL") { Description = "Address of the server" };
        var command = new Command("login", "Remember a server and a token for this user") { url };
        return line.Local(
            command,
            async (terminal, interrupts, parsed) =>
            {
                var server = Connection.Parse(parsed.GetRequiredValue(url), "URL");
                var token = line.Given(parsed).Token ?? Environment.GetEnvironmentVariable("SHIPINATOR_TOKEN");
                if (string.IsNullOrWhiteSpace(token))
                {
                    if (!Console.IsInputRedirected)
                    {
                        terminal.Note("Token (from 'shipinator tokens create'):");
                    }

                    token = await Console.In.ReadLineAsync(interrupts.Token);
                }

                if (string.IsNullOrWhiteSpace(token))
                {
                    throw new CliException(ExitCodes.Usage, "A token is needed: --token TOKEN, SHIPINATOR_TOKEN, or on standard input.");
                }

                var connection = new Connection(server, token.Trim(), "the command line");
                using var http = ShipinatorClient.CreateHttp(server, connection.Token);
                try
                {
                    var me = await new ShipinatorClient(http).MeAsync(interrupts.Token);
                    Connection.Remember(new(server.ToString().TrimEnd('/'), connection.Token));
                    terminal.Note($"Logged in to {server} as {me.Name} ({me.Role}); kept in {Connection.LoginFile}.");
                    return ExitCodes.Success;
                }
                catch (HttpRequestException e)
                {
                    throw new CliException(ExitCodes.Unreachable, $"The server {server} does not answer: {e.Message}", e);
                }
                catch (ShipinatorApiException e) when (e.Status == HttpStatusCode.Unauthorized)
                {
                    throw new CliException(ExitCodes.Refused, $"{server} does not know this token: {e.Message}", e);
                }
            }
        );
    }
}
