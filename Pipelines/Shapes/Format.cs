using System.Text.RegularExpressions;
using Shipinator.Globbing;

namespace Shipinator.Pipelines;

/// <summary>The format of a scalar's text.</summary>
/// <param name="Expected">Completes "expected …".</param>
/// <param name="Problem">
/// What is wrong with a text: null when it is valid, empty when <paramref name="Expected"/> says enough, a hint when it starts with a
/// space, the rest of the sentence when it ends with a period.
/// </param>
/// <param name="Pattern">The format as a regular expression for the JSON Schema, as closely as possible.</param>
/// <param name="Choices">The allowed values, when they are a closed set.</param>
internal sealed record Format(
    string Expected,
    Func<string, string?> Problem,
    string? Pattern = null,
    IReadOnlyList<string>? Choices = null
);

/// <summary>The formats of the pipeline file.</summary>
internal static partial class Formats
{
    private static readonly string[] CronFields = ["minute", "hour", "day of the month", "month", "weekday"];

    private const string NamePattern =
        "^[^\\u0000-\\u0020\\u007f-\\u00a0]([^\\u0000-\\u001f\\u007f-\\u00a0]{0,98}[^\\u0000-\\u0020\\u007f-\\u00a0])?$";
    private const string TargetPattern = "^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,99}$";
    private const string EnvPattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$";
    private const string WordPattern = "^[A-Za-z_][A-Za-z0-9_-]{0,62}$";
    private const string MatrixNamePattern = "^[A-Za-z_][A-Za-z0-9_-]{0,62}([.][A-Za-z_][A-Za-z0-9_-]{0,62})?$";

    /// <summary>Short enough to remain a DNS label with the four characters that an executor puts before it.</summary>
    private const string DnsPattern = "^[a-z]([a-z0-9-]{0,57}[a-z0-9])?$";
    private const string ImagePattern = "^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}$";
    private const string CpuPattern = "^([0-9]{1,5}m|[0-9]{1,4}(\\.[0-9]{1,3})?)$";
    private const string MemoryPattern = "^[0-9]{1,15}(\\.[0-9]{1,3})?(k|M|G|T|Ki|Mi|Gi|Ti)?$";
    private const string NamespacePattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
    private const string UuidPattern = "^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$";

    public static Format Any { get; } = new("text", _ => null);

    public static Format NotBlank { get; } = new("non-blank text", t => string.IsNullOrWhiteSpace(t) ? "" : null, "\\S");

    public static Format Name { get; } = new("a name of 1 to 100 printable characters", Names.Problem, NamePattern);

    public static Format Target { get; } =
        Matching("a name of letters, digits, spaces and ._/-, at most 100 characters", TargetPattern, TargetForm());

    public static Format Word { get; } = Matching("a name of letters, digits, _ and -, at most 63 characters", WordPattern, WordForm());

    public static Format MatrixValue { get; } =
        new(
            "non-blank text of 1 to 256 printable characters",
            t =>
                string.IsNullOrWhiteSpace(t) || t.Length > 256 ? ""
                : Names.HiddenCharacter(t) is { } hidden ? $"contains the invisible character {hidden}"
                : null,
            "^(?=[\\s\\S]*\\S)[\\s\\S]{1,256}$"
        );

    /// <summary>A key of a matrix, or a member of a map value: <c>go</c>, <c>image.os</c>.</summary>
    public static Format MatrixName { get; } = Matching("a key of the matrix, such as go or image.os", MatrixNamePattern, MatrixNameForm());

    public static Format OutputPath { get; } =
        new(
            "a path or glob below the workspace (no leading /, no ..)",
            t =>
                t.StartsWith('!')
                    ? "can't start with '!', because an output lists what is kept; use a narrower glob."
                    : RelativeGlob!.Problem(t)
        );

    public static Format Dns { get; } =
        Matching("a host name of lower-case letters, digits and -, at most 59 characters", DnsPattern, DnsForm());

    public static Format Namespace { get; } =
        Matching("a namespace of lower-case letters, digits and -, at most 63 characters", NamespacePattern, NamespaceForm());

    public static Format Image { get; } =
        Matching("an image such as golang:1.24 or registry.local/app@sha256:…", ImagePattern, ImageForm());

    public static Format Cpu { get; } = Matching("an amount of CPU such as 500m or 1.5", CpuPattern, CpuForm());

    public static Format Memory { get; } = Matching("an amount of memory such as 512Mi or 1Gi", MemoryPattern, MemoryForm());

    public static Format Uuid { get; } =
        new("an artifact's id, a UUID", t => EntityId.TryParse<ArtifactId>(t, out _) ? null : "", UuidPattern);

    public static Format EnvName { get; } =
        new(
            "a variable name of letters, digits and _",
            t =>
                !PipelineEnvironment.IsValidName(t) ? ""
                : PipelineEnvironment.IsReserved(t) ? "is reserved for Shipinator (CI, CI_…, SHIPINATOR…); choose another name."
                : null,
            EnvPattern
        );

    public static Format Duration { get; } =
        new(
            "a duration such as 90s, 30m or 1h30m, at most 30d",
            t =>
                Durations.TryParse(t, out _) ? null
                : t.Length > 0 && t.All(char.IsAsciiDigit) ? $"has no unit (did you mean {Phrases.Shorten(t)}s or {Phrases.Shorten(t)}m?)"
                : "",
            Durations.Pattern
        );

    public static Format GlobPattern { get; } = new("a glob such as main, release/** or !docs/**", GlobProblem);

    public static Format RelativePath { get; } = new("a path below the workspace (no leading /, no ..)", PathProblem);

    public static Format RelativeGlob { get; } =
        new(
            "a path or glob below the workspace (no leading /, no ..)",
            t => PathProblem(t) ?? (t.StartsWith('!') ? "can't start with '!' (write '\\!' for a literal '!')" : GlobProblem(t))
        );

    /// <summary>An entry of a list in which <c>!</c> excludes.</summary>
    public static Format RelativeGlobOfMany { get; } = RelativeGlob with { Problem = t => PathProblem(t) ?? GlobProblem(t) };

    public static Format Cron { get; } = new("a cron expression of five fields: minute hour day month weekday", CronProblem);

    public static Format TimeZone { get; } =
        new("an IANA time zone such as UTC, Europe/Berlin or America/New_York", TimeZoneProblem, TimeZones.Pattern);

    public static Format Branch { get; } =
        new(
            "a branch, such as main, of 1 to 250 characters without spaces",
            t => t.Length is 0 or > 250 || t.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)) ? "" : null,
            "^\\S{1,250}$"
        );

    public static Format Version { get; } = OneOf("1");

    public static Format ArtifactType { get; } = OneOf([.. ArtifactTypes.Spellings]);

    public static Format DeployedType { get; } =
        OneOf([.. ArtifactTypes.Spellings.Where(s => ArtifactTypes.IsDeployable(ArtifactTypes.Canonical(s)))]);

    /// <summary><c>always</c> means both.</summary>
    public static Format Status { get; } = OneOf("success", "failure", "always");

    public static Format OutputWhen { get; } = OneOf("success", "failure", "always");

    public static Format OneOf(params string[] words) =>
        new(
            words.Length == 1 ? words[0] : $"one of {Phrases.List(words)}",
            t => words.Contains(t, StringComparer.Ordinal) ? null : Phrases.DidYouMean(t, words),
            Choices: words
        );

    /// <summary>Some of the trigger types; words of other systems get a hint.</summary>
    public static Format Trigger(params string[] words)
    {
        var format = OneOf(words);
        return format with
        {
            Problem = t =>
                t switch
                {
                    "pull_request" or "merge_request" or "merge_request_event" => " Did you mean 'pr'?",
                    "workflow_dispatch" or "web" => " Did you mean 'manual'?",
                    "cron" => " Did you mean 'schedule'?",
                    "tag" => " A tag is a push; filter with 'tag' or 'tags'.",
                    _ => format.Problem(t),
                },
        };
    }

    // In .NET '$' also matches before a final line break, which a block scalar leaves there.
    private static Format Matching(string expected, string pattern, Regex form) =>
        new(expected, t => form.IsMatch(t) && !t.EndsWith('\n') ? null : "", pattern);

    private static string? PathProblem(string text) =>
        string.IsNullOrWhiteSpace(text)
        || text.Length > 1024
        || text.StartsWith('/')
        || text.Contains('\n', StringComparison.Ordinal)
        || text.Split('/').Contains("..")
            ? ""
            : null;

    private static string? GlobProblem(string text) =>
        Glob.Compile(text.StartsWith('!') ? text[1..] : text, out var problem) is null ? $"is not a valid glob: {problem}" : null;

    /// <summary>Cronos' own messages may contain any character of the text, or a NUL: only the fact that it failed is used.</summary>
    private static string? CronProblem(string text)
    {
        if (text.Length > 200)
        {
            return "is longer than 200 characters";
        }

        var fields = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (fields is [['@', ..]])
        {
            return ScheduleTimes.IsValid(fields[0]) ? null : $" Valid macros: {Phrases.List(ScheduleTimes.Macros)}.";
        }

        if (fields.Length != 5)
        {
            return $"has {fields.Length} {(fields.Length == 1 ? "field" : "fields")}";
        }

        for (var i = 0; i < fields.Length; i++)
        {
            if (!ScheduleTimes.IsValid(string.Join(' ', fields.Select((f, at) => at == i ? f : "*"))))
            {
                return $"has the invalid {CronFields[i]} '{Phrases.Shorten(fields[i])}'";
            }
        }

        return !ScheduleTimes.IsValid(text) ? ""
            : ScheduleTimes.IsEverDue(text) ? null
            : "is never due, because no month has that day";
    }

    private static string? TimeZoneProblem(string text) =>
        TimeZones.Find(text) is not null ? null : Phrases.DidYouMean(text, TimeZones.Known);

    [GeneratedRegex(MatrixNamePattern)]
    private static partial Regex MatrixNameForm();

    [GeneratedRegex(TargetPattern)]
    private static partial Regex TargetForm();

    [GeneratedRegex(WordPattern)]
    private static partial Regex WordForm();

    [GeneratedRegex(DnsPattern)]
    private static partial Regex DnsForm();

    [GeneratedRegex(NamespacePattern)]
    private static partial Regex NamespaceForm();

    [GeneratedRegex(ImagePattern)]
    private static partial Regex ImageForm();

    [GeneratedRegex(CpuPattern)]
    private static partial Regex CpuForm();

    [GeneratedRegex(MemoryPattern)]
    private static partial Regex MemoryForm();
}

/// <summary>The artifact types and their accepted spellings.</summary>
internal static class ArtifactTypes
{
    public const string Image = "image";
    public const string Chart = "chart";
    public const string File = "file";

    private static readonly Dictionary<string, string> Table = new(StringComparer.Ordinal)
    {
        ["binary"] = "binary",
        ["image"] = Image,
        ["oci_image"] = Image,
        ["chart"] = Chart,
        ["helm_chart"] = Chart,
        ["test-report"] = "test-report",
        ["test_report"] = "test-report",
        ["coverage"] = "coverage",
        ["file"] = File,
    };

    public static IReadOnlyList<string> Spellings { get; } = [.. Table.Keys];

    public static string Canonical(string spelling) => Table.GetValueOrDefault(spelling, spelling);

    /// <summary>Whether a deploy without steps can install it.</summary>
    public static bool IsDeployable(string type) => type is Image or Chart or File;

    /// <summary>Whether it may be a reference to something pushed elsewhere.</summary>
    public static bool MayBeRef(string type) => type is Image or Chart;
}
