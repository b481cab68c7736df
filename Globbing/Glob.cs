namespace Shipinator.Globbing;

/// <summary>
/// One compiled pattern: <c>*</c> and <c>?</c> stay within a path segment, <c>**</c> crosses segments, <c>[a-z]</c>,
/// <c>[!0-9]</c> and <c>{a,b}</c> choose, <c>\</c> takes the next character as it is, a folder <c>src/</c> means all in it.
/// Case counts, and a dot at the beginning of a name is a character like any other. Matching takes time proportional to the
/// pattern's length times the text's, whatever the two are. Immutable.
/// </summary>
internal sealed class Glob
{
    /// <summary>The longest pattern in characters.</summary>
    public const int MaxCharacters = 512;

    /// <summary>The steps after those of the pattern's text and before the last one: everything in a folder.</summary>
    internal const int TailLength = 4;

    private const int Start = -1;

    private readonly GlobStep[] _program;
    private readonly string _prefix;
    private readonly bool _isPlain;
    private readonly bool _isWholeRoot;

    private Glob(GlobStep[] program, string prefix, bool isPlain, bool isWholeRoot)
    {
        _isWholeRoot = isWholeRoot;
        _program = program;
        _prefix = prefix;
        _isPlain = isPlain;
    }

    /// <summary>The pattern without a leading <c>!</c>; null when it is not a glob, and then <paramref name="problem"/> says why.</summary>
    public static Glob? Compile(string pattern, out string? problem)
    {
        var compiler = new GlobCompiler();
        problem = compiler.Compile(pattern);
        return problem is null ? new(compiler.Program, compiler.Prefix, compiler.IsPlain, compiler.IsWholeRoot) : null;
    }

    /// <summary>Errors: <see cref="GlobTooCostlyException"/>.</summary>
    public bool Matches(string text, GlobCost? cost = null)
    {
        if (_isPlain)
        {
            cost?.Charge(1);
            return text == _prefix;
        }

        if (!text.StartsWith(_prefix, StringComparison.Ordinal))
        {
            cost?.Charge(1);
            return false;
        }

        return Run(text, asFolder: false, cost).Matches;
    }

    /// <summary>Whether something inside the folder (a path without a slash at its end) could match.</summary>
    public bool MayMatchBelow(string folder)
    {
        if (SpellsOut(folder))
        {
            return true;
        }

        return !_isPlain
            && folder.AsSpan().StartsWith(_prefix.AsSpan(0, Math.Min(_prefix.Length, folder.Length)), StringComparison.Ordinal)
            && Run(folder, asFolder: true, null).Lives;
    }

    /// <summary>Whether everything inside the folder matches.</summary>
    public bool MatchesAllBelow(string folder) => !_isPlain && Run(folder, asFolder: true, null).TakesAll;

    /// <summary>Whether the pattern begins with this very folder, without a wildcard in its name.</summary>
    public bool SpellsOut(string folder) =>
        _prefix.Length > folder.Length && _prefix[folder.Length] == '/' && _prefix.StartsWith(folder, StringComparison.Ordinal);

    private int WholeFolder => _program.Length - TailLength;

    /// <summary>All states at once, character by character: none is ever tried again.</summary>
    private (bool Matches, bool Lives, bool TakesAll) Run(string text, bool asFolder, GlobCost? cost)
    {
        var length = _program.Length;
        // The first half holds the states in the order they were found, the second when each was found last.
        Span<int> memory = length <= 1024 ? stackalloc int[length * 3] : new int[length * 3];
        var now = memory[..length];
        var next = memory[length..(2 * length)];
        var seen = memory[(2 * length)..];
        var generation = 1;
        var count = Add(0, now, 0, seen, generation, Start);
        count = _isWholeRoot ? Add(WholeFolder, now, count, seen, generation, Start) : count;
        foreach (var rune in text.EnumerateRunes())
        {
            cost?.Charge(count + 1);
            count = Step(rune.Value, now[..count], next, seen, ++generation);
            if (count == 0)
            {
                return default;
            }

            var swap = now;
            now = next;
            next = swap;
        }

        if (asFolder)
        {
            count = Step('/', now[..count], next, seen, ++generation);
            now = next;
        }

        var takesAll = false;
        foreach (var state in now[..count])
        {
            takesAll |= _program[state].Kind == GlobStepKind.Rest;
        }

        return (seen[length - 1] == generation, count > 0, takesAll);
    }

    private int Step(int character, ReadOnlySpan<int> now, Span<int> next, Span<int> seen, int generation)
    {
        var count = 0;
        foreach (var state in now)
        {
            if (_program[state].Takes(character))
            {
                count = Add(state + 1, next, count, seen, generation, character);
                count =
                    _program[state].Kind == GlobStepKind.FolderSlash ? Add(WholeFolder, next, count, seen, generation, character) : count;
            }
        }

        return count;
    }

    /// <summary>Puts a state, or those that it leads to without a character, into the list.</summary>
    private int Add(int state, Span<int> list, int count, Span<int> seen, int generation, int previous)
    {
        while (seen[state] != generation)
        {
            seen[state] = generation;
            ref readonly var step = ref _program[state];
            switch (step.Kind)
            {
                case GlobStepKind.Jump:
                    state = step.Target;
                    break;
                case GlobStepKind.Fork:
                    count = Add(state + 1, list, count, seen, generation, previous);
                    state = step.Target;
                    break;
                case GlobStepKind.AtSegmentStart when previous is Start or '/':
                    state++;
                    break;
                case GlobStepKind.AtSegmentStart:
                    return count;
                default:
                    list[count++] = state;
                    return count;
            }
        }

        return count;
    }
}
