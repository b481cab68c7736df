namespace Shipinator.Pipelines;

/// <summary>What runs a step's script.</summary>
/// <param name="Command">The program and its arguments, before the script's path; empty: <c>/bin/sh -e</c>.</param>
internal sealed record ShellModel(IReadOnlyList<string> Command)
{
    private static readonly Dictionary<string, string[]> Known = new(StringComparer.Ordinal)
    {
        ["sh"] = [],
        ["bash"] = ["bash", "-euo", "pipefail"],
        ["dash"] = ["dash", "-e"],
        ["zsh"] = ["zsh", "-euo", "pipefail"],
        ["python"] = ["python"],
        ["python3"] = ["python3"],
        ["node"] = ["node"],
        ["ruby"] = ["ruby"],
        ["perl"] = ["perl"],
        ["php"] = ["php"],
        ["pwsh"] = ["pwsh", "-NoLogo", "-NoProfile", "-NonInteractive", "-File"],
    };

    private static readonly HashSet<string> Shells = new(StringComparer.Ordinal)
    {
        "sh",
        "bash",
        "dash",
        "ash",
        "busybox",
        "ksh",
        "mksh",
        "zsh",
    };

    public static ShellModel Default { get; } = new([]);

    /// <summary>The known shell names.</summary>
    public static IReadOnlyCollection<string> Words => Known.Keys;

    /// <summary>Whether it is plain <c>sh</c>.</summary>
    public bool IsSh => Command.Count == 0 || BaseName(Command[0]) is "sh" or "dash" or "ash";

    /// <summary>Whether <c>${NAME}</c> is a variable in its scripts.</summary>
    public bool IsShell => Command.Count == 0 || Shells.Contains(BaseName(Command[0]));

    public string Name => Command.Count == 0 ? "sh" : BaseName(Command[0]);

    /// <summary>A known name, or a program with its arguments; null when the key is absent or invalid.</summary>
    public static ShellModel? Read(YamlMapping map) =>
        map.Find("shell") switch
        {
            YamlScalar word => Known.TryGetValue(word.Value, out var command) ? new(command) : null,
            YamlSequence => map.Texts("shell") is { Count: > 0 } command ? new(command) : null,
            _ => null,
        };

    /// <summary>The program of a script's <c>#!</c> line, as the kernel reads it; null when there is none.</summary>
    public static ShellModel? OfShebang(string script)
    {
        if (!script.StartsWith("#!", StringComparison.Ordinal))
        {
            return null;
        }

        var end = script.IndexOf('\n', StringComparison.Ordinal);
        var words = script[2..(end < 0 ? script.Length : end)].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length > 1 && BaseName(words[0]) == "env")
        {
            words = [.. words.Skip(1).SkipWhile(w => w.StartsWith('-') || w.Contains('=', StringComparison.Ordinal))];
        }

        return words.Length == 0 ? null : new(words);
    }

    private static string BaseName(string program) => program[(program.LastIndexOf('/') + 1)..];
}
