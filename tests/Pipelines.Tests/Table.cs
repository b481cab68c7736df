using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace Shipinator.Pipelines.Tests;

/// <summary>
/// The files under data/. The first line of a good file may describe its event:
/// <c>#! event=push branch=main files=a,b message=…</c>, values without spaces (<c>_</c> is a space in a message).
/// </summary>
internal static class Table
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    public static PlanSettings Settings { get; } =
        new()
        {
            ProjectName = "shop",
            RepositoryName = "Shop.Backend",
            RunNumber = 42,
        };

    public static IEnumerable<TheoryDataRow<string>> Good => Names("good");

    public static IEnumerable<TheoryDataRow<string>> Bad => Names("bad");

    public static string Read(string kind, string name) =>
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", kind, name + ".yaml"));

    public static IReadOnlyList<string> GoodTexts => [.. Good.Select(row => Read("good", row.Data))];

    /// <summary>
    /// Compares with the <c>.expected</c> file beside the input. With SHIPINATOR_ACCEPT=1 the result is written there instead, to be
    /// reviewed and committed.
    /// </summary>
    public static void Compare(string kind, string name, string actual, [CallerFilePath] string source = "")
    {
        if (Environment.GetEnvironmentVariable("SHIPINATOR_ACCEPT") == "1")
        {
            File.WriteAllText(Path.Combine(Path.GetDirectoryName(source)!, "data", kind, name + ".expected"), actual);
            return;
        }

        var expected = Path.Combine(AppContext.BaseDirectory, "data", kind, name + ".expected");
        Assert.True(File.Exists(expected), $"data/{kind}/{name}.expected is missing; it would be:\n{actual}");
        Assert.Equal(File.ReadAllText(expected), actual);
    }

    public static TriggerFacts Facts(string text)
    {
        var words = text.StartsWith("#!", StringComparison.Ordinal)
            ? text[2..text.IndexOf('\n', StringComparison.Ordinal)]
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(w => w.Split('=', 2))
                .ToDictionary(p => p[0], p => p[1], StringComparer.Ordinal)
            : [];
        var tag = words.GetValueOrDefault("tag");
        var branch = words.GetValueOrDefault("branch") ?? (tag is null ? "main" : null);
        var pr = words.GetValueOrDefault("pr") is { } number
            ? int.Parse(number, System.Globalization.CultureInfo.InvariantCulture)
            : (int?)null;
        return new TriggerFacts
        {
            Event = words.GetValueOrDefault("event") ?? "push",
            Ref =
                pr is not null ? $"refs/pull/{pr}/head"
                : tag is not null ? $"refs/tags/{tag}"
                : $"refs/heads/{branch}",
            Commit = Commit,
            Branch = branch,
            Tag = tag,
            PrNumber = pr,
            Message = words.GetValueOrDefault("message")?.Replace('_', ' '),
            ChangedFiles = words.GetValueOrDefault("files") is { } files ? files.Split(',').ToImmutableArray() : null,
            Inputs = words
                .Where(w => w.Key.StartsWith("inputs.", StringComparison.Ordinal))
                .ToImmutableSortedDictionary(w => w.Key["inputs.".Length..], w => w.Value, StringComparer.Ordinal),
        };
    }

    private static IEnumerable<TheoryDataRow<string>> Names(string kind) =>
        Directory
            .EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "data", kind), "*.yaml")
            .Select(f => Path.GetFileNameWithoutExtension(f)!)
            .Order(StringComparer.Ordinal)
            .Select(n => new TheoryDataRow<string>(n));
}
