using Shipinator.Schema;

namespace Shipinator.Triggers;

/// <summary>Limits and forms of the fields of a request. Errors of every method: <see cref="MalformedException"/> with the field.</summary>
public static class Fields
{
    /// <summary>The longest description, in characters.</summary>
    public const int Description = 4_000;

    /// <summary>The longest URL, of a repository or a log, in characters.</summary>
    public const int Url = 2_000;

    /// <summary>The longest value of a closed set, or name of an executor or provider, in characters.</summary>
    public const int Word = 100;

    /// <summary>The longest branch, tag or ref, in characters.</summary>
    public const int Ref = 250;

    /// <summary>The longest name of a project, repository or token, in characters.</summary>
    public const int LongestName = 100;

    /// <summary>How many inputs a run may have.</summary>
    public const int Inputs = 100;

    /// <summary>The longest value of an input, in characters.</summary>
    public const int InputValue = 32_000;

    /// <summary>How many characters of an invalid value an error message quotes.</summary>
    private const int Repeated = 64;

    /// <summary>A text of at most <paramref name="most"/> characters; null stays null.</summary>
    public static string? Text(string? text, string field, int most) =>
        text is null || text.Length <= most
            ? text
            : throw new MalformedException(
                $"{field}_too_long",
                field,
                $"{field} must have at most {most} characters, but has {text.Length}."
            );

    /// <summary>The name of a project, repository or token, trimmed.</summary>
    public static string Name(string? name) =>
        name?.Trim() is { Length: > 0 and <= LongestName } trimmed && !trimmed.Any(char.IsControl)
            ? trimmed
            : throw new MalformedException("name_malformed", "name", $"name must have 1 to {LongestName} printable characters.");

    /// <summary>A description, trimmed; null stays null.</summary>
    public static string? DescriptionText(string? text) => Text(text, "description", Description)?.Trim();

    /// <summary>A branch, a tag, a full ref or a commit.</summary>
    public static string GitRef(string? gitRef) =>
        gitRef is { Length: > 0 and <= Ref }
            ? gitRef
            : throw new MalformedException(
                "git_ref_malformed",
                "git_ref",
                $"git_ref must be a branch, a tag, a full ref or a commit, of 1 to {Ref} characters."
            );

    /// <summary>A commit's id, whole or abbreviated; null stays null.</summary>
    public static string? Commit(string? text, string field) =>
        text is null || (text.Length is >= 4 and <= 64 && text.All(char.IsAsciiHexDigit))
            ? text
            : throw new MalformedException(
                $"{field}_malformed",
                field,
                $"'{Excerpt(text)}' is not a valid commit id; expected 4 to 64 hexadecimal digits."
            );

    /// <summary>The inputs of a run; null stays null.</summary>
    public static IReadOnlyDictionary<string, string>? InputValues(IReadOnlyDictionary<string, string>? inputs)
    {
        if (inputs?.Count > Inputs)
        {
            throw new MalformedException("inputs_too_many", "inputs", $"inputs must have at most {Inputs} values, but has {inputs.Count}.");
        }

        foreach (var (name, value) in inputs ?? new Dictionary<string, string>())
        {
            Text(name, "inputs", Word);
            Text(value, "inputs", InputValue);
        }

        return inputs;
    }

    /// <summary>The part of an invalid value that an error message quotes.</summary>
    public static string Excerpt(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length <= Repeated ? text : StorableText.Cut(text, Repeated) + "…";
    }
}
