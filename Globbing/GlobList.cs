namespace Shipinator.Globbing;

/// <summary>
/// Patterns that are read together: a text is taken when one without <c>!</c> matches it (or there is none without) and none
/// with <c>!</c> does. Their order has no meaning. Immutable.
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

    /// <summary>As they were written.</summary>
    public IReadOnlyList<string> Patterns { get; }

    /// <summary>Compiles the patterns; <paramref name="problem"/> is a sentence about the first that is not a glob, which then takes no part.</summary>
    /// <param name="patterns">With or without <c>!</c>.</param>
    /// <param name="problem">Null when all are globs.</param>
    /// <param name="compile">Where compiled patterns are kept; null: each is compiled anew.</param>
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
                problem ??= $"'{pattern}' is not a glob: {wrong}.";
            }
            else
            {
                (isExcluded ? excluded : wanted).Add(glob);
            }
        }

        return new([.. patterns], [.. wanted], [.. excluded]);
    }

    /// <summary>Whether the list takes the text. Errors: <see cref="GlobTooCostlyException"/>.</summary>
    public bool Matches(string text, GlobCost? cost = null)
    {
        if (_wanted.Length > 0 && !Any(_wanted, text, cost))
        {
            return false;
        }

        return !Any(_excluded, text, cost);
    }

    /// <summary>Whether the list could take something inside the folder: if not, nobody needs to look there.</summary>
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

    /// <summary>Whether a pattern spells this folder out, without a wildcard in its name.</summary>
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
