using System.CommandLine;
using Shipinator.Cli.IO;
using Spectre.Console;

namespace Shipinator.Cli.Commands;

/// <summary><c>tokens</c>: API tokens.</summary>
internal static class TokenCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        yield return new Command("tokens", "Create, list and revoke API tokens") { Create(line), List(line), Revoke(line) };
    }

    private static Command Create(CommandLine line)
    {
        var name = new Argument<string>("NAME") { Description = "What the token is for; must be unique" };
        var role = new Option<string>("--role")
        {
            Description = "Role of the token",
            HelpName = "read|write|admin",
            DefaultValueFactory = _ => "read",
        }.Accept("read", "write", "admin");
        return line.Remote(
            new Command("create", "Create a token and print it; it is not shown again") { name, role },
            async (session, parsed) =>
            {
                var token = await session.Client.CreateTokenAsync(
                    new() { Name = parsed.GetRequiredValue(name), Role = parsed.GetRequiredValue(role) },
                    session.Token
                );
                return session.Print(
                    [token],
                    CliJson.Default.ListTokenResponse,
                    _ =>
                    {
                        session.Terminal.WriteNote(
                            $"Created token {token.Name} (role {token.Role}, ID {token.Id}). Copy it now; it is not shown again:"
                        );
                        session.Terminal.WriteResult(token.Token ?? "");
                    }
                );
            }
        );
    }

    private static Command List(CommandLine line) =>
        line.Remote(
            new Command("list", "List all tokens (without their secrets)"),
            async (session, _) =>
                session.Print(
                    await session.Client.ListTokensAsync(session.Token).ToListAsync(session.Token),
                    CliJson.Default.ListTokenResponse,
                    all =>
                    {
                        var table = ConsoleFormat.Table("NAME", "ROLE", "PREFIX", "CREATED", "LAST USED", "REVOKED", "ID");
                        all.ForEach(t =>
                            table.AddRow(
                                ConsoleFormat.Text(t.Name),
                                ConsoleFormat.Text(t.Role),
                                ConsoleFormat.Text(t.Prefix),
                                ConsoleFormat.Time(t.CreatedAt),
                                ConsoleFormat.Time(t.LastUsedAt),
                                ConsoleFormat.Time(t.RevokedAt),
                                ConsoleFormat.Text(t.Id)
                            )
                        );
                        session.Terminal.Write(table);
                    }
                )
        );

    private static Command Revoke(CommandLine line)
    {
        var id = new Argument<string>("ID") { Description = "Token ID" };
        return line.Remote(
            new Command("revoke", "Revoke a token; it stops working immediately") { id },
            async (session, parsed) =>
            {
                await session.Client.RevokeTokenAsync(parsed.GetRequiredValue(id), session.Token);
                session.Terminal.WriteNote($"Revoked token {parsed.GetRequiredValue(id)}.");
                return ExitCodes.Success;
            }
        );
    }
}
