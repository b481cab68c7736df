using System.Text;
using Shipinator.Globbing;
using Shipinator.Pipelines;

namespace Shipinator.Triggers.Secrets;

/// <summary>The fields of secrets and credentials. Errors of every method: <see cref="MalformedException"/> with the field.</summary>
public static class SecretFields
{
    /// <summary>The longest value, in bytes of UTF-8.</summary>
    public const int MostBytes = 64 * 1024;

    /// <summary>The shortest value, in characters: a shorter one can't be masked.</summary>
    public const int FewestCharacters = 4;

    /// <summary>How many secrets a project or repository can have.</summary>
    public const int MostSecrets = 200;

    /// <summary>How many branch globs a secret can have.</summary>
    public const int MostBranches = 20;

    private const int LongestUsername = 250;
    private const int ShortestWebhookSecret = 16;
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The events that a secret can be limited to.</summary>
    public static IReadOnlyList<string> Events { get; } = ["push", "pr", "manual", "schedule"];

    /// <summary>Variables that decide what a step executes, or that the runner sets.</summary>
    private static readonly HashSet<string> Reserved = new(StringComparer.Ordinal)
    {
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "PWD",
        "OLDPWD",
        "IFS",
        "ENV",
        "BASH_ENV",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
    };

    /// <summary>The name of an environment variable that is not reserved.</summary>
    public static string Name(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!PipelineEnvironment.IsValidName(name))
        {
            throw Malformed(
                "name",
                $"'{Fields.Excerpt(name)}' is not a valid name for a secret; expected the name of an environment variable: letters, "
                    + "digits and underscores, no digit first, at most 128 characters."
            );
        }

        return PipelineEnvironment.IsReserved(name) || Reserved.Contains(name)
            ? throw Malformed("name", $"'{name}' is reserved (CI, CI_…, SHIPINATOR…, {string.Join(", ", Reserved)}); choose another name.")
            : name;
    }

    /// <summary>A value in UTF-8.</summary>
    public static byte[] Value(string value, string field = "value")
    {
        ArgumentNullException.ThrowIfNull(value);
        byte[] bytes;
        try
        {
            bytes = Strict.GetBytes(value);
        }
        catch (EncoderFallbackException)
        {
            throw Malformed(field, $"{field} is not valid Unicode text.");
        }

        return value.Contains('\0', StringComparison.Ordinal)
                ? throw Malformed(field, $"{field} must not contain the character U+0000, because an environment variable can't.")
            : value.Trim().Length < FewestCharacters
                ? throw Malformed(
                    field,
                    $"{field} must have at least {FewestCharacters} characters besides white space, because shorter values can't be masked."
                )
            : bytes.Length > MostBytes ? throw Malformed(field, $"{field} must have at most {MostBytes} bytes, but has {bytes.Length}.")
            : bytes;
    }

    /// <summary>Events without repetitions; null stays null.</summary>
    public static IReadOnlyList<string>? EventLimits(IReadOnlyList<string>? events)
    {
        foreach (var name in events ?? [])
        {
            if (!Events.Contains(name, StringComparer.Ordinal))
            {
                throw Malformed("events", $"'{Fields.Excerpt(name ?? "")}' is not a valid event; expected {string.Join(", ", Events)}.");
            }
        }

        return events is null ? null : [.. Events.Where(e => events.Contains(e, StringComparer.Ordinal))];
    }

    /// <summary>Branch globs without repetitions; null stays null.</summary>
    public static IReadOnlyList<string>? BranchLimits(IReadOnlyList<string>? branches)
    {
        if (branches is null)
        {
            return null;
        }

        if (branches.Count > MostBranches)
        {
            throw Malformed("branches", $"branches must have at most {MostBranches} globs, but has {branches.Count}.");
        }

        foreach (var branch in branches)
        {
            if (branch is not { Length: > 0 and <= Fields.Ref } || branch.Any(c => char.IsControl(c) || c == ' '))
            {
                throw Malformed("branches", $"Each of branches must be a glob such as main or release/*, of 1 to {Fields.Ref} characters.");
            }

            if (branch.StartsWith('!') || Glob.Compile(branch, out var problem) is null && problem is not null)
            {
                throw Malformed("branches", $"'{Fields.Excerpt(branch)}' is not a valid glob; expected for example main or release/*.");
            }
        }

        return [.. branches.Distinct(StringComparer.Ordinal)];
    }

    /// <summary>The user name of a credential; empty: <c>git</c>.</summary>
    public static string Username(string? username)
    {
        var trimmed = username?.Trim() is { Length: > 0 } given ? given : "git";
        return trimmed.Length <= LongestUsername && !trimmed.Any(char.IsControl)
            ? trimmed
            : throw Malformed("username", $"username must have 1 to {LongestUsername} printable characters.");
    }

    /// <summary>A password or token of a credential: one line.</summary>
    public static string Password(string password)
    {
        var trimmed = password?.TrimEnd('\r', '\n') ?? "";
        _ = Value(trimmed, "password");
        return trimmed.Any(char.IsControl) ? throw Malformed("password", "password must be one line without control characters.") : trimmed;
    }

    /// <summary>The secret that a forge signs with.</summary>
    public static byte[] WebhookSecret(string value)
    {
        var trimmed = value?.TrimEnd('\r', '\n') ?? "";
        return trimmed.Length is >= ShortestWebhookSecret and <= 250 && !trimmed.Any(char.IsControl)
            ? Value(trimmed)
            : throw Malformed(
                "value",
                $"value must have {ShortestWebhookSecret} to 250 printable characters: with a shorter one, signatures can be forged."
            );
    }

    private static MalformedException Malformed(string field, string message) => new($"{field}_malformed", field, message);
}
