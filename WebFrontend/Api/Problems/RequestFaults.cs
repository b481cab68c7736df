using System.Text.Json;
using System.Text.RegularExpressions;

namespace Shipinator.WebFrontend.Api.Problems;

/// <summary>
/// Describes a request that could not be read in the terms of the API, since the framework's messages name .NET types and members. The
/// field is null when no single field is wrong.
/// </summary>
internal static partial class RequestFaults
{
    public static (string Detail, string? Field) Describe(BadHttpRequestException exception) =>
        exception.InnerException is JsonException json ? OfJson(json)
        : Parameter().Match(exception.Message) is { Success: true } bind
            ? (
                $"{bind.Groups["name"].Value} must be {Kind(bind.Groups["type"].Value)}, sent once, "
                    + $"but was '{Shorten(bind.Groups["value"].Value)}'.",
                (string?)bind.Groups["name"].Value
            )
        : Absent().Match(exception.Message) is { Success: true } absent
            ? ($"{absent.Groups["name"].Value} is required.", (string?)absent.Groups["name"].Value)
        : exception.Message.StartsWith("Implicit body inferred", StringComparison.Ordinal) ? ("The body is missing; expected JSON.", null)
        : (exception.Message, null);

    private static (string Detail, string? Field) OfJson(JsonException exception)
    {
        var message = exception.Message;
        var path = exception.Path is { Length: > 2 } at && at.StartsWith("$.", StringComparison.Ordinal) ? at[2..] : null;
        if (Missing().Match(message) is { Success: true } missing)
        {
            var names = missing.Groups["names"].Value.TrimEnd('.');
            return (
                $"The body is invalid: {names} is required.",
                Name().Match(names) is { Success: true } first ? Under(path, first.Groups["name"].Value) : path
            );
        }

        if (Unknown().Match(message) is { Success: true } unknown)
        {
            return ($"The body is invalid: '{Shorten(unknown.Groups["name"].Value)}' is not a known member.", unknown.Groups["name"].Value);
        }

        if (Converted().Match(message) is { Success: true } converted)
        {
            return ($"The body is invalid: {Shorten(path ?? "the body")} must be {Kind(converted.Groups["type"].Value)}.", path);
        }

        return ($"The body is invalid: {(Dotnet().IsMatch(message) ? $"{Shorten(path ?? "the body")} can't be read." : message)}", path);
    }

    private static string Under(string? path, string name) => path is null || path == name ? name : $"{path}.{name}";

    private static string Kind(string type) =>
        type switch
        {
            _ when type.Contains("Dictionary", StringComparison.Ordinal) => "an object",
            _ when type.Contains("List", StringComparison.Ordinal) || type.Contains("[]", StringComparison.Ordinal) => "an array",
            _ when type.Contains("System.Boolean", StringComparison.Ordinal) || type is "bool" or "Nullable<bool>" => "true or false",
            _ when type.Contains("System.Int", StringComparison.Ordinal)
                    || type is "int" or "long" or "Nullable<int>" or "Nullable<long>" => "an integer in its range",
            _ when type.Contains("System.String", StringComparison.Ordinal) || type is "string" => "a string",
            _ when type.Contains("Date", StringComparison.Ordinal) => "a timestamp such as 2026-01-31T12:00:00Z",
            _ => "of the expected type",
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
