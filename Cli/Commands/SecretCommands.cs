using System.CommandLine;
using Shipinator.Cli.IO;
using Shipinator.Client;
using Spectre.Console;

namespace Shipinator.Cli.Commands;

/// <summary><c>secret</c>: secrets of projects and repositories; <c>admin rotate-keys</c>.</summary>
internal static class SecretCommands
{
    private static readonly string[] Events = ["push", "pr", "manual", "schedule"];

    public static IEnumerable<Command> All(CommandLine line)
    {
        var secret = new Command("secret", "Set, list and remove secrets of projects and repositories")
        {
            Set(line),
            List(line),
            Remove(line),
        };
        secret.Aliases.Add("secrets");
        yield return secret;
        yield return new Command("admin", "Administer the server") { RotateKeys(line) };
    }

    private static Command Set(CommandLine line)
    {
        var name = new Argument<string>("NAME") { Description = "Name of the environment variable" };
        var scope = new ScopeOptions();
        var input = new InputOptions();
        var raw = new Option<bool>("--raw") { Description = "Keep the line break after a value of one line" };
        var events = new Option<string[]>("--event")
        {
            Description = "Only for runs of this event; repeatable; 'any' removes the limit",
            HelpName = "push|pr|manual|schedule",
        }.Accept([.. Events, "any"]);
        var branches = new Option<string[]>("--branch")
        {
            Description = "Only for runs of branches that match this glob; repeatable; 'any' removes the limit",
            HelpName = "GLOB",
        };
        var keep = new Option<bool>("--keep-value") { Description = "Change only the limits; read no value" };
        var command = new Command("set", "Set a secret; its value is read from standard input, a file or a variable")
        {
            name,
            scope.Repository,
            scope.Project,
            input.File,
            input.Variable,
            raw,
            events,
            branches,
            keep,
        };
        return line.Remote(
            command,
            async (session, parsed) =>
            {
                string? value = null;
                if (!parsed.GetValue(keep))
                {
                    value = await input.ReadAsync("value", parsed, session.Token);
                    value = parsed.GetValue(raw) ? value : SecretInput.WithoutLastLineBreak(value);
                }

                var place = await scope.PlaceAsync(session, parsed);
                var secret = await session.Client.SetSecretAsync(
                    place,
                    parsed.GetRequiredValue(name),
                    new()
                    {
                        Value = value,
                        Events = Limits(parsed.GetValue(events)),
                        Branches = Limits(parsed.GetValue(branches)),
                    },
                    session.Token
                );
                return session.Print(
                    secret,
                    CliJson.Default.SecretResponse,
                    s => session.Terminal.WriteNote($"Set secret {s.Name} of the {s.Scope} (version {s.Version}).")
                );
            }
        );
    }

    private static Command List(CommandLine line)
    {
        var scope = new ScopeOptions();
        return line.Remote(
            new Command("list", "List the secrets of a project or repository (without their values)") { scope.Repository, scope.Project },
            async (session, parsed) =>
                session.Print(
                    (await session.Client.ListSecretsAsync(await scope.PlaceAsync(session, parsed), session.Token)).Items,
                    CliJson.Default.IReadOnlyListSecretResponse,
                    all =>
                    {
                        var table = ConsoleFormat.Table("NAME", "VERSION", "EVENTS", "BRANCHES", "CHANGED", "BY");
                        foreach (var s in all)
                        {
                            table.AddRow(
                                ConsoleFormat.Text(s.Name),
                                ConsoleFormat.Text(s.Version.ToString(System.Globalization.CultureInfo.InvariantCulture)),
                                ConsoleFormat.Text(s.Events.Count == 0 ? "any" : string.Join(", ", s.Events)),
                                ConsoleFormat.Text(s.Branches.Count == 0 ? "any" : string.Join(", ", s.Branches)),
                                ConsoleFormat.Time(s.UpdatedAt),
                                ConsoleFormat.Text(s.UpdatedBy)
                            );
                        }

                        session.Terminal.Write(table);
                    }
                )
        );
    }

    private static Command Remove(CommandLine line)
    {
        var name = new Argument<string>("NAME") { Description = "Name of the secret" };
        var scope = new ScopeOptions();
        return line.Remote(
            new Command("rm", "Remove a secret; no step gets it from now on") { name, scope.Repository, scope.Project },
            async (session, parsed) =>
            {
                var place = await scope.PlaceAsync(session, parsed);
                await session.Client.RemoveSecretAsync(place, parsed.GetRequiredValue(name), session.Token);
                session.Terminal.WriteNote($"Removed secret {parsed.GetRequiredValue(name)}.");
                return ExitCodes.Success;
            }
        );
    }

    private static Command RotateKeys(CommandLine line) =>
        line.Remote(
            new Command("rotate-keys", "Encrypt all secrets with the newest key, so that older keys can be removed"),
            async (session, _) =>
                session.Print(
                    await session.Client.RotateKeysAsync(session.Token),
                    CliJson.Default.RotateKeysResponse,
                    r =>
                        session.Terminal.WriteNote(
                            $"Encrypted {r.Reencrypted} values with key {r.KeyId}. "
                                + (
                                    r.Remaining == 0
                                        ? "Older keys can be removed now."
                                        : $"{r.Remaining} values are under another key, which another server still uses: "
                                            + "give all servers the same keys in the same order, and run this command again."
                                )
                        )
                )
        );

    /// <summary>Null when the option was not given; empty for <c>any</c>.</summary>
    private static string[]? Limits(string[]? given) =>
        given is not { Length: > 0 } ? null
        : given.Contains("any", StringComparer.Ordinal) ? []
        : given;

    /// <summary>The options that say whose secrets are meant.</summary>
    private sealed class ScopeOptions
    {
        public Option<string?> Repository { get; } =
            new("--repository") { Description = "Repository of the secret (name, PROJECT/NAME, ID or clone URL)", HelpName = "NAME" };

        public Option<string?> Project { get; } =
            new("--project") { Description = "Project of the secret (name or ID)", HelpName = "NAME" };

        /// <summary>Errors: <see cref="CliException"/> unless exactly one was given.</summary>
        public async Task<SecretPlace> PlaceAsync(Session session, ParseResult parsed) =>
            (parsed.GetValue(Repository), parsed.GetValue(Project)) switch
            {
                ({ } repository, null) => SecretPlace.Repository((await session.Catalog.RepositoryAsync(repository, session.Token)).Id),
                (null, { } project) => SecretPlace.Project((await session.Catalog.ProjectAsync(project, session.Token)).Id),
                _ => throw new CliException(ExitCodes.Usage, "Specify either --repository NAME or --project NAME."),
            };
    }
}

/// <summary>The options that say where a value is read from.</summary>
internal sealed class InputOptions
{
    public Option<string?> File { get; } = new("--from-file") { Description = "Read the value from this file", HelpName = "PATH" };

    public Option<string?> Variable { get; } =
        new("--from-env") { Description = "Read the value from this environment variable", HelpName = "NAME" };

    /// <summary>Errors: <see cref="CliException"/>.</summary>
    public Task<string> ReadAsync(string what, ParseResult parsed, CancellationToken cancellationToken) =>
        SecretInput.ReadAsync(what, parsed.GetValue(File), parsed.GetValue(Variable), cancellationToken);
}
