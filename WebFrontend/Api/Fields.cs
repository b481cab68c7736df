using Shipinator.Schema;
using Shipinator.WebFrontend.Api.Problems;

namespace Shipinator.WebFrontend.Api;

/// <summary>How long the texts of requests may be. Errors of every method: <see cref="MalformedException"/>, 400, with the field.</summary>
internal static class Fields
{
    /// <summary>A description, in characters.</summary>
    public const int Description = 4_000;

    /// <summary>An address: of a repository, of a log.</summary>
    public const int Url = 2_000;

    /// <summary>A word of a closed set, or the name of something.</summary>
    public const int Word = 100;

    /// <summary>A branch, tag or ref.</summary>
    public const int Ref = 250;

    /// <summary>How many inputs a run may be given, and how long the value of one may be.</summary>
    public const int Inputs = 100,
        InputValue = 32_000;

    /// <summary>A text of at most so many characters.</summary>
    public static string? Text(string? text, string field, int most) =>
        text is null || text.Length <= most
            ? text
            : throw new MalformedException($"{field}_too_long", field, $"{field} has {text.Length} characters; it may have {most}.");

    /// <summary>A commit's id, whole or abbreviated.</summary>
    public static string? Commit(string? text, string field) =>
        text is null || (text.Length is >= 4 and <= 64 && text.All(char.IsAsciiHexDigit))
            ? text
            : throw new MalformedException(
                $"{field}_malformed",
                field,
                $"'{Short(text)}' is not a commit: expected 4 to 64 hexadecimal digits."
            );

    /// <summary>The inputs of a run.</summary>
    public static IReadOnlyDictionary<string, string>? InputValues(IReadOnlyDictionary<string, string>? inputs)
    {
        if (inputs?.Count > Inputs)
        {
            throw new MalformedException("inputs_too_many", "inputs", $"inputs has {inputs.Count} values; it may have {Inputs}.");
        }

        foreach (var (name, value) in inputs ?? new Dictionary<string, string>())
        {
            Text(name, "inputs", Word);
            Text(value, "inputs", InputValue);
        }

        return inputs;
    }

    /// <summary>As much of something as an error repeats.</summary>
    public static string Short(string text) => text.Length <= 64 ? text : StorableText.Cut(text, 64) + "…";
}
