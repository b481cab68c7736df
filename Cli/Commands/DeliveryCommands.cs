using System.CommandLine;
using System.Globalization;
using Shipinator.Cli.IO;
using Shipinator.Client;
using Spectre.Console;

namespace Shipinator.Cli.Commands;

/// <summary>The command <c>deliveries</c>.</summary>
internal static class DeliveryCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        var name = new Argument<string>("REPOSITORY")
        {
            Description = "Name, PROJECT/NAME, ID or clone URL; default: the repository in this folder",
            DefaultValueFactory = _ => ".",
        };
        var limit = new Option<int>("--limit", "-n")
        {
            Description = "Maximum number of deliveries",
            HelpName = "N",
            DefaultValueFactory = _ => 20,
        }.Accept(1, int.MaxValue);
        var process = new Option<string?>("--process") { Description = "Process a delivery again", HelpName = "ID" };
        yield return line.Remote(
            new Command("deliveries", "List a repository's webhook deliveries and what came of them, newest first")
            {
                name,
                limit,
                process,
            },
            async (session, parsed) =>
            {
                var found = parsed.GetValue(process) is { } id
                    ? [await session.Client.ProcessDeliveryAsync(id, session.Token)]
                    : await session
                        .Client.ListDeliveriesAsync(
                            (await session.Catalog.RepositoryAsync(parsed.GetRequiredValue(name), session.Token)).Id,
                            session.Token
                        )
                        .Take(parsed.GetValue(limit))
                        .ToListAsync(session.Token);
                return session.Print(found, CliJson.Default.ListDeliveryResponse, all => Show(session.Terminal, all));
            }
        );
    }

    private static void Show(ITerminal terminal, List<DeliveryResponse> deliveries)
    {
        if (deliveries.Count == 0)
        {
            terminal.WriteNote("No deliveries found.");
            return;
        }

        var table = ConsoleFormat.Table("RECEIVED", "EVENT", "SUMMARY", "OUTCOME", "DETAIL", "RUN", "ID");
        table.Columns[4].NoWrap = false;
        foreach (var delivery in deliveries)
        {
            table.AddRow(
                ConsoleFormat.Time(delivery.ReceivedAt),
                ConsoleFormat.Text(delivery.EventName),
                ConsoleFormat.Text(delivery.Summary),
                ConsoleFormat.Text(delivery.Outcome ?? "waiting"),
                ConsoleFormat.Text(Detail(delivery)),
                ConsoleFormat.Text(delivery.Runs is [.., var run] ? run : ""),
                ConsoleFormat.Text(delivery.Id)
            );
        }

        terminal.Write(table);
    }

    private static string Detail(DeliveryResponse delivery) =>
        (
            delivery.FileErrors is [var error, ..]
                ? string.Create(CultureInfo.InvariantCulture, $"{error.File}:{error.Line}:{error.Column}: {error.Message}")
                : delivery.Detail ?? delivery.Failure ?? ""
        ).ReplaceLineEndings(" ");
}
