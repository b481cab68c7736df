namespace Shipinator.Globbing;

/// <summary>
/// A list of patterns: a text matches when a pattern without <c>!</c> matches it (or there is none) and no pattern with <c>!</c> does.
/// Their order does not matter. Immutable.
/// </summary>
internal sealed class GlobList
{
    private readonly Glob[] _wanted;
    private readonly Glob[] _excluded;

    private GlobList(IReadOnlyList<string> patterns, Glob[] wanted, Glob[] excluded)
    {
        Patterns = patterns;
        _wanted = wanted;
        _excluded = excluded;
    }

    /// <summary>The patterns as written.</summary>
    public IReadOnlyList<string> Patterns { get; }

    /// <summary>Compiles the patterns; <paramref name="problem"/> describes the first invalid one. Invalid patterns are ignored.</summary>
    /// <param name="patterns">With or without <c>!</c>.</param>
    /// <param name="problem">Null when all are valid.</param>
    /// <param name="compile">A cache of compiled patterns; null: each is compiled.</param>
    public static GlobList Of(IReadOnlyList<string> patterns, out string? problem, Func<string, Glob?>? compile = null)
    {
        problem = null;
        List<Glob> wanted = [];
        List<Glob> excluded = [];
        foreach (var pattern in patterns)
        {
            var isExcluded = pattern.StartsWith('!');
            var text = isExcluded ? pattern[1..] : pattern;
            string? wrong = null;
            var glob = compile is null ? Glob.Compile(text, out wrong) : compile(text);
            if (glob is null)
            {
                problem ??= $"'{pattern}' is not a valid glob: {wrong}.";
            }
            else
            {
                (isExcluded ? excluded : wanted).Add(glob);
            }
        }

        return new([.. patterns], [.. wanted], [.. excluded]);
    }

    /// <summary>Whether the text matches. Errors: <see cref="GlobTooCostlyException"/>.</summary>
    public bool Matches(string text, GlobCost? cost = null)
    {
        if (_wanted.Length > 0 && !Any(_wanted, text, cost))
        {
            return false;
        }

        return !Any(_excluded, text, cost);
    }

    /// <summary>Whether anything inside the folder could match; if not, it need not be listed.</summary>
    public bool MayMatchBelow(string folder)
    {
        foreach (var glob in _excluded)
        {
            if (glob.MatchesAllBelow(folder))
            {
                return false;
            }
        }

        return _wanted.Length == 0 || Array.Exists(_wanted, g => g.MayMatchBelow(folder));
    }

    /// <summary>Whether a pattern names this folder literally.</summary>
    public bool SpellsOut(string folder) => Array.Exists(_wanted, g => g.SpellsOut(folder));

    private static bool Any(Glob[] globs, string text, GlobCost? cost)
    {
        foreach (var glob in globs)
        {
            if (glob.Matches(text, cost))
            {
                return true;
            }
        }

        return false;
    }
}
