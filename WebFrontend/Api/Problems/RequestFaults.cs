using System.Text.Json;
using System.Text.RegularExpressions;

namespace Shipinator.WebFrontend.Api.Problems;

/// <summary>
/// What is wrong with a request that could not be read, in the words of the API: the framework speaks of .NET's types and members. The
/// field is null where none is to blame.
/// </summary>
internal static partial class RequestFaults
{
    public static (string Detail, string? Field) Describe(BadHttpRequestException exception) =>
        exception.InnerException is JsonException json ? OfJson(json)
        : Parameter().Match(exception.Message) is { Success: true } bind
            ? (
                $"{bind.Groups["name"].Value}: '{Shorten(bind.Groups["value"].Value)}' is not {Kind(bind.Groups["type"].Value)}, given once.",
                (string?)bind.Groups["name"].Value
            )
        : Absent().Match(exception.Message) is { Success: true } absent
            ? ($"{absent.Groups["name"].Value} is missing.", (string?)absent.Groups["name"].Value)
        : exception.Message.StartsWith("Implicit body inferred", StringComparison.Ordinal)
            ? ("The body is missing: JSON is expected.", null)
        : (exception.Message, null);

    private static (string Detail, string? Field) OfJson(JsonException exception)
    {
        var message = exception.Message;
        var path = exception.Path is { Length: > 2 } at && at.StartsWith("$.", StringComparison.Ordinal) ? at[2..] : null;
        if (Missing().Match(message) is { Success: true } missing)
        {
            var names = missing.Groups["names"].Value.TrimEnd('.');
            return (
                $"The body is not what is expected: it lacks {names}.",
                Name().Match(names) is { Success: true } first ? Under(path, first.Groups["name"].Value) : path
            );
        }

        if (Unknown().Match(message) is { Success: true } unknown)
        {
            return (
                $"The body is not what is expected: '{Shorten(unknown.Groups["name"].Value)}' is not known here.",
                unknown.Groups["name"].Value
            );
        }

        if (Converted().Match(message) is { Success: true } converted)
        {
            return (
                $"The body is not what is expected: {Shorten(path ?? "the whole")} is not {Kind(converted.Groups["type"].Value)}.",
                path
            );
        }

        return (
            $"The body is not what is expected: {(Dotnet().IsMatch(message) ? $"{Shorten(path ?? "the whole")} can't be read." : message)}",
            path
        );
    }

    private static string Under(string? path, string name) => path is null || path == name ? name : $"{path}.{name}";

    private static string Kind(string type) =>
        type switch
        {
            _ when type.Contains("Dictionary", StringComparison.Ordinal) => "an object",
            _ when type.Contains("List", StringComparison.Ordinal) || type.Contains("[]", StringComparison.Ordinal) => "a list",
            _ when type.Contains("System.Boolean", StringComparison.Ordinal) || type is "bool" or "Nullable<bool>" => "true or false",
            _ when type.Contains("System.Int", StringComparison.Ordinal)
                    || type is "int" or "long" or "Nullable<int>" or "Nullable<long>" => "a whole number in its range",
            _ when type.Contains("System.String", StringComparison.Ordinal) || type is "string" => "a text",
            _ when type.Contains("Date", StringComparison.Ordinal) => "a time such as 2026-01-31T12:00:00Z",
            _ => "of the expected kind",
        };

    private static string Shorten(string text) => text.Length > 100 ? text[..100] + "…" : text;

    [GeneratedRegex(@"^Failed to bind parameter ""(?<type>.+) (?<name>\w+)"" from ""(?<value>.*)""\.\z", RegexOptions.Singleline)]
    private static partial Regex Parameter();

    [GeneratedRegex(@"^Required parameter "".+ (?<name>\w+)"" was not provided from ", RegexOptions.Singleline)]
    private static partial Regex Absent();

    [GeneratedRegex(@"was missing required properties including: (?<names>[^|]+?)\.(?: Path: |\z)", RegexOptions.Singleline)]
    private static partial Regex Missing();

    [GeneratedRegex(@"'(?<name>[^']+)'")]
    private static partial Regex Name();

    [GeneratedRegex(@"^The JSON property '(?<name>.*)' could not be mapped to any \.NET member", RegexOptions.Singleline)]
    private static partial Regex Unknown();

    [GeneratedRegex(@"^The JSON value could not be converted to (?<type>[^ ]+?)\. ", RegexOptions.Singleline)]
    private static partial Regex Converted();

    [GeneratedRegex(@"System\.|Shipinator\.|\.NET")]
    private static partial Regex Dotnet();
}
