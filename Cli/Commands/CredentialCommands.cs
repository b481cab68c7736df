using System.CommandLine;
using Shipinator.Cli.IO;
using Shipinator.Client;

namespace Shipinator.Cli.Commands;

/// <summary><c>repositories credential</c> and <c>repositories webhook-secret</c>: what a repository and its forge share.</summary>
internal static class CredentialCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        yield return new Command("credential", "The repository's own credential for its clone URL")
        {
            SetCredential(line),
            ShowCredential(line),
            RemoveCredential(line),
        };
        yield return new Command("webhook-secret", "The secret with which the forge signs webhooks")
        {
            SetWebhookSecret(line),
            ShowWebhookSecret(line),
            RemoveWebhookSecret(line),
        };
    }

    private static Argument<string> Name() => new("REPOSITORY") { Description = "Name, PROJECT/NAME, ID or clone URL" };

    private static Command SetCredential(CommandLine line)
    {
        var name = Name();
        var username = new Option<string?>("--username") { Description = "User name; default: git", HelpName = "NAME" };
        var input = new InputOptions();
        return line.Remote(
            new Command("set", "Set the credential; its password or token is read from standard input, a file or a variable")
            {
                name,
                username,
                input.File,
                input.Variable,
            },
            async (session, parsed) =>
            {
                var password = SecretInput.WithoutLastLineBreak(await input.ReadAsync("password or token", parsed, session.Token));
                var repository = await session.Catalog.RepositoryAsync(parsed.GetRequiredValue(name), session.Token);
                var credential = await session.Client.SetCredentialAsync(
                    repository.Id,
                    new() { Username = parsed.GetValue(username), Password = password },
                    session.Token
                );
                return session.Print(
                    credential,
                    CliJson.Default.CredentialResponse,
                    c => session.Terminal.WriteNote($"Set the credential of {repository.Name}: user {c.Username} for {c.Url} only.")
                );
            }
        );
    }

    private static Command ShowCredential(CommandLine line)
    {
        var name = Name();
        return line.Remote(
            new Command("show", "Show the credential, without its password") { name },
            async (session, parsed) =>
            {
                var repository = await session.Catalog.RepositoryAsync(parsed.GetRequiredValue(name), session.Token);
                var credential =
                    await session.Client.GetCredentialAsync(repository.Id, session.Token)
                    ?? throw new CliException(ExitCodes.NotFound, $"Repository {repository.Name} has no credential of its own.");
                return session.Print(
                    credential,
                    CliJson.Default.CredentialResponse,
                    c =>
                        session.Terminal.WriteResult(
                            $"user {c.Username} for {c.Url}, set by {c.UpdatedBy}"
                                + (c.IsUsed ? "" : "; not used, because the clone URL has changed: set it again")
                        )
                );
            }
        );
    }

    private static Command RemoveCredential(CommandLine line)
    {
        var name = Name();
        return line.Remote(
            new Command("rm", "Remove the credential") { name },
            async (session, parsed) =>
            {
                var repository = await session.Catalog.RepositoryAsync(parsed.GetRequiredValue(name), session.Token);
                await session.Client.RemoveCredentialAsync(repository.Id, session.Token);
                session.Terminal.WriteNote($"Removed the credential of {repository.Name}.");
                return ExitCodes.Success;
            }
        );
    }

    private static Command SetWebhookSecret(CommandLine line)
    {
        var name = Name();
        var input = new InputOptions();
        return line.Remote(
            new Command("set", "Set the secret; it is read from standard input, a file or a variable") { name, input.File, input.Variable },
            async (session, parsed) =>
            {
                var value = SecretInput.WithoutLastLineBreak(await input.ReadAsync("secret", parsed, session.Token));
                var repository = await session.Catalog.RepositoryAsync(parsed.GetRequiredValue(name), session.Token);
                var secret = await session.Client.SetWebhookSecretAsync(repository.Id, new() { Value = value }, session.Token);
                return session.Print(
                    secret,
                    CliJson.Default.WebhookSecretResponse,
                    s =>
                        session.Terminal.WriteNote(
                            $"Set the webhook secret of {repository.Name} (version {s.Version})."
                                + (s.PreviousUntil is { } until ? $" The one before is accepted until {until:u}." : "")
                        )
                );
            }
        );
    }

    private static Command ShowWebhookSecret(CommandLine line)
    {
        var name = Name();
        return line.Remote(
            new Command("show", "Show who set the secret, without its value") { name },
            async (session, parsed) =>
            {
                var repository = await session.Catalog.RepositoryAsync(parsed.GetRequiredValue(name), session.Token);
                var secret =
                    await session.Client.GetWebhookSecretAsync(repository.Id, session.Token)
                    ?? throw new CliException(ExitCodes.NotFound, $"Repository {repository.Name} has no webhook secret.");
                return session.Print(
                    secret,
                    CliJson.Default.WebhookSecretResponse,
                    s =>
                        session.Terminal.WriteResult(
                            $"version {s.Version}, set by {s.UpdatedBy}"
                                + (s.PreviousUntil is { } until ? $"; the one before is accepted until {until:u}" : "")
                        )
                );
            }
        );
    }

    private static Command RemoveWebhookSecret(CommandLine line)
    {
        var name = Name();
        return line.Remote(
            new Command("rm", "Remove the secret; no webhook is accepted from now on") { name },
            async (session, parsed) =>
            {
                var repository = await session.Catalog.RepositoryAsync(parsed.GetRequiredValue(name), session.Token);
                await session.Client.RemoveWebhookSecretAsync(repository.Id, session.Token);
                session.Terminal.WriteNote($"Removed the webhook secret of {repository.Name}.");
                return ExitCodes.Success;
            }
        );
    }
}
