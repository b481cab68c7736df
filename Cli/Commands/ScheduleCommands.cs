using System.CommandLine;
using System.Globalization;
using Shipinator.Cli.IO;
using Shipinator.Client;
using Spectre.Console;

namespace Shipinator.Cli.Commands;

/// <summary><c>schedules</c> and <c>schedule</c>: what starts runs by itself, and switching it on and off.</summary>
internal static class ScheduleCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        yield return List(line);
        yield return new Command("schedule", "Enable, disable and run a schedule")
        {
            Switch(line, "enable", "Let a schedule start runs again, from its next due time on", enabled: true),
            Switch(line, "disable", "Stop a schedule from starting runs; it stays disabled when the pipeline file changes", enabled: false),
            Run(line),
        };
    }

    private static Command List(CommandLine line)
    {
        var repository = new Argument<string?>("REPOSITORY")
        {
            Description = "Name, PROJECT/NAME, ID or clone URL; default: all repositories",
            Arity = ArgumentArity.ZeroOrOne,
        };
        return line.Remote(
            new Command("schedules", "List schedules with their next and last runs") { repository },
            async (session, parsed) =>
            {
                var id = parsed.GetValue(repository) is { } name ? (await session.Catalog.RepositoryAsync(name, session.Token)).Id : null;
                var schedules = new List<ScheduleResponse>();
                await foreach (var schedule in session.Client.ListSchedulesAsync(id, session.Token))
                {
                    schedules.Add(schedule);
                }

                return session.Print(schedules, CliJson.Default.ListScheduleResponse, all => Show(session, all));
            }
        );
    }

    private static void Show(Session session, List<ScheduleResponse> schedules)
    {
        var table = ConsoleFormat.Table("REPOSITORY", "SCHEDULE", "ZONE", "BRANCH", "STATUS", "NEXT", "LAST RUN", "ID");
        foreach (var s in schedules)
        {
            table.AddRow(
                ConsoleFormat.Text($"{s.ProjectName}/{s.RepositoryName}"),
                ConsoleFormat.Text(s.Name is null ? s.Cron : $"{s.Name} ({s.Cron})"),
                ConsoleFormat.Text(s.Timezone),
                ConsoleFormat.Text(s.Branch),
                ConsoleFormat.Text(s.Status),
                ConsoleFormat.Time(s.NextAt),
                s.LastRunNumber is { } number
                    ? $"#{number.ToString(CultureInfo.InvariantCulture)} {ConsoleFormat.Status(s.LastRunStatus ?? "")}"
                    : "",
                ConsoleFormat.Text(s.Id)
            );
        }

        session.Terminal.Write(table);
        foreach (var s in schedules)
        {
            var label = $"{s.ProjectName}/{s.RepositoryName} {s.Name ?? s.Cron}";
            if (s.Failure is { } failure)
            {
                session.Terminal.WriteMarkup(
                    $"{ConsoleFormat.Text(label)}: {ConsoleFormat.Text(failure)}"
                        + (s.Failures > 1 ? $" ({s.Failures.ToString(CultureInfo.InvariantCulture)} due times in a row have no run)" : "")
                );
            }

            if (s.Note is { } note)
            {
                session.Terminal.WriteMarkup($"{ConsoleFormat.Text(label)}: {ConsoleFormat.Text(note)}");
            }
        }
    }

    private static Argument<string> Id() => new("ID") { Description = "Schedule ID, as 'shipinator schedules' shows it" };

    private static Command Switch(CommandLine line, string name, string description, bool enabled)
    {
        var id = Id();
        return line.Remote(
            new Command(name, description) { id },
            async (session, parsed) =>
            {
                var schedule = await session.Client.UpdateScheduleAsync(
                    parsed.GetRequiredValue(id),
                    new() { Enabled = enabled },
                    session.Token
                );
                return session.Print(
                    schedule,
                    CliJson.Default.ScheduleResponse,
                    s =>
                        session.Terminal.WriteMarkup(
                            $"{(s.Enabled ? "Enabled" : "Disabled")} schedule {ConsoleFormat.Text(s.Name ?? s.Cron)}"
                                + (s.NextAt is { } next ? $"; next run: {ConsoleFormat.Time(next)}" : "")
                        )
                );
            }
        );
    }

    private static Command Run(CommandLine line)
    {
        var id = Id();
        return line.Remote(
            new Command("run", "Start a run of a schedule now, without changing when it is due") { id },
            async (session, parsed) =>
            {
                var key = Guid.CreateVersion7().ToString();
                var run = await session.Client.PersistAsync(
                    () => session.Client.RunScheduleAsync(parsed.GetRequiredValue(id), key, session.Token),
                    session.Token
                );
                return session.Print(
                    run,
                    CliJson.Default.RunResponse,
                    r =>
                    {
                        session.Terminal.WriteMarkup(
                            $"Run #{r.RunNumber.ToString(CultureInfo.InvariantCulture)} {ConsoleFormat.Text(r.Id)}"
                        );
                        session.Terminal.WriteMarkup(ConsoleFormat.Text(r.Url));
                    }
                );
            }
        );
    }
}
