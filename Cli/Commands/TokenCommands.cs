using System.CommandLine;
using Shipinator.Cli.IO;
using Spectre.Console;

namespace Shipinator.Cli.Commands;

/// <summary><c>tokens</c>: who may speak to the server.</summary>
internal static class TokenCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        yield return new Command("tokens", "Make, list and revoke API tokens") { Create(line), List(line), Revoke(line) };
    }

    private static Command Create(CommandLine line)
    {
        var name = new Argument<string>("NAME") { Description = "Whom or what it is for" };
        var role = new Option<string>("--role")
        {
            Description = "What it may do",
            HelpName = "read|write|admin",
            DefaultValueFactory = _ => "read",
        }.AcceptOnlyFromAmong("read", "write", "admin");
        return line.Remote(
            new Command("create", "Make a token; its text is shown this once") { name, role },
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
                        session.Terminal.Note($"Token {token.Name} ({token.Role}), id {token.Id}. It is not shown again:");
                        session.Terminal.Result(token.Token ?? "");
                    }
                );
            }
        );
    }

    private static Command List(CommandLine line) =>
        line.Remote(
            new Command("list", "Show all tokens, without their texts"),
            async (session, _) =>
                session.Print(
                    await session.Client.ListTokensAsync(session.Token).ToListAsync(session.Token),
                    CliJson.Default.ListTokenResponse,
                    all =>
                    {
                        var table = Looks.Table("NAME", "ROLE", "BEGINS", "CREATED", "LAST USED", "REVOKED", "ID");
                        all.ForEach(t =>
                            table.AddRow(
                                Looks.Text(t.Name),
                                Looks.Text(t.Role),
                                Looks.Text(t.Prefix),
                                Looks.Time(t.CreatedAt),
                                Looks.Time(t.LastUsedAt),
                                Looks.Time(t.RevokedAt),
                                Looks.Text(t.Id)
                            )
                        );
                        session.Terminal.Show(table);
                    }
                )
        );

    private static Command Revoke(CommandLine line)
    {
        var id = new Argument<string>("ID") { Description = "A token's id" };
        return line.Remote(
            new Command("revoke", "Make a token worthless") { id },
            async (session, parsed) =>
            {
                await session.Client.RevokeTokenAsync(parsed.GetRequiredValue(id), session.Token);
                session.Terminal.Note($"Token {parsed.GetRequiredValue(id)} is revoked.");
                return ExitCodes.Success;
            }
        );
    }
}
