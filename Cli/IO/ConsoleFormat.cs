using System.Globalization;
using Spectre.Console;

namespace Shipinator.Cli.IO;

/// <summary>Formats times, sizes, durations, states and tables consistently.</summary>
internal static class ConsoleFormat
{
    public static Table Table(params string[] columns)
    {
        var table = new Table().Border(TableBorder.None);
        table.ShowHeaders = true;
        foreach (var column in columns)
        {
            table.AddColumn(new TableColumn($"[bold]{Markup.Escape(column)}[/]").NoWrap().Padding(0, 0, 2, 0));
        }

        return table;
    }

    public static string Text(string? text) => Markup.Escape(TerminalText.Name(text));

    public static string Color(string status) =>
        status switch
        {
            "success" => "green",
            "failed" => "red",
            "canceled" or "skipped" => "yellow",
            "running" => "blue",
            _ => "grey",
        };

    public static string Symbol(string status) =>
        status switch
        {
            "success" => "✓",
            "failed" => "✗",
            "running" => "▶",
            "canceled" => "■",
            "skipped" => "-",
            _ => "•",
        };

    public static string Status(string status) => $"[{Color(status)}]{Markup.Escape(status)}[/]";

    public static string Duration(DateTimeOffset? from, DateTimeOffset? to) => from is { } a && to is { } b ? Duration(b - a) : "";

    public static string Duration(TimeSpan span) =>
        span switch
        {
            { TotalSeconds: < 0 } => "0.0s",
            { TotalSeconds: < 60 } => span.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + "s",
            { TotalHours: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalMinutes}m{span.Seconds:00}s"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalHours}h{span.Minutes:00}m"),
        };

    public static string Size(long bytes) =>
        bytes switch
        {
            < 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
            < 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.0} KiB"),
            < 1024L * 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.0} MiB"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1073741824.0:0.0} GiB"),
        };

    public static string Time(DateTimeOffset? at) =>
        at?.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "";
}
