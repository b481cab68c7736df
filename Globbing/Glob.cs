namespace Shipinator.Globbing;

/// <summary>
/// One compiled pattern: <c>*</c> and <c>?</c> stay within a path segment, <c>**</c> crosses segments, <c>[a-z]</c>,
/// <c>[!0-9]</c> and <c>{a,b}</c> are alternatives, <c>\</c> escapes the next character, a folder <c>src/</c> means everything in it.
/// Matching is case-sensitive, and a leading dot is an ordinary character. It takes time proportional to the pattern's length times the
/// text's, for any input. Immutable.
/// </summary>
internal sealed class Glob
{
    /// <summary>The maximum length of a pattern, in characters.</summary>
    public const int MaxCharacters = 512;

    /// <summary>The number of steps between the pattern's own and the last one: they match everything in a folder.</summary>
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

    /// <summary>
    /// Compiles a pattern without a leading <c>!</c>; null, with the reason in <paramref name="problem"/>, when it is not valid.
    /// </summary>
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

    /// <summary>Whether anything inside the folder (a path without a trailing slash) could match.</summary>
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

    /// <summary>Whether the pattern literally starts with this folder.</summary>
    public bool SpellsOut(string folder) =>
        _prefix.Length > folder.Length && _prefix[folder.Length] == '/' && _prefix.StartsWith(folder, StringComparison.Ordinal);

    private int WholeFolder => _program.Length - TailLength;

    /// <summary>Runs all states in parallel, character by character, without backtracking.</summary>
    private (bool Matches, bool Lives, bool TakesAll) Run(string text, bool asFolder, GlobCost? cost)
    {
        var length = _program.Length;
        // Two lists of states in the order they were found, and the generation in which each was found last.
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

    /// <summary>Adds a state, or the states that it leads to without a character, to the list.</summary>
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
