using CsCheck;
using Shipinator.Globbing;

namespace Shipinator.Pipelines.Tests;

/// <summary>The meaning of patterns, and the linear cost of matching.</summary>
public sealed class GlobTests
{
    [Theory]
    [InlineData("out/*.{zip,tar.gz}", "out/a.tar.gz", true)]
    [InlineData("out/*.{zip,tar.gz}", "out/a.tar", false)]
    [InlineData("out/?.txt", "out/a.txt", true)]
    [InlineData("out/?.txt", "out/é.txt", true)]
    [InlineData("out/?.txt", "out/😀.txt", true)]
    [InlineData("out/[ab].txt", "out/b.txt", true)]
    [InlineData("out/[ab].txt", "out/[ab].txt", false)]
    [InlineData("out/\\[ab].txt", "out/[ab].txt", true)]
    [InlineData("package-lock.{json,yaml}", "package-lock.yaml", true)]
    [InlineData("*", ".hidden", true)]
    [InlineData("**", ".git/config", true)]
    [InlineData("./src/*", "src/a", true)]
    [InlineData("/src/*", "src/a", true)]
    [InlineData("src//./a", "src/a", true)]
    [InlineData("**/**/a", "a", true)]
    [InlineData("a**b", "a/x/b", true)]
    [InlineData("a/**", "a", false)]
    [InlineData("a/**", "a/b/c", true)]
    [InlineData("{**/,}x", "a/b/x", true)]
    [InlineData("{a/**/,b}x", "a/x", true)]
    [InlineData("{src/,docs/}", "docs/a/b", true)]
    [InlineData("{src/,docs/}", "docs", false)]
    [InlineData("{a,}", "", true)]
    [InlineData("{,a}b", "b", true)]
    [InlineData("[]a]", "]", true)]
    [InlineData("[!]a]", "b", true)]
    [InlineData("[!]a]", "]", false)]
    [InlineData("[a\\]]", "]", true)]
    [InlineData("[a-]", "-", true)]
    [InlineData("[.-0]", "/", false)]
    [InlineData("[^a]", "/", false)]
    [InlineData("[é-ü]", "ö", true)]
    [InlineData("{a/,b/}**/x", "a/x", true)]
    [InlineData("x**/a", "xa", false)]
    [InlineData("x**/a", "xy/a", true)]
    [InlineData("a\\*b", "axb", false)]
    [InlineData("src/*", "src/a/b", false)]
    [InlineData("*/*", "a/b/c", false)]
    [InlineData("src/{*,x}", "src/a/b", false)]
    [InlineData("src/**", "src/a/b", true)]
    [InlineData("src/{,x}", "src/a/b", true)]
    [InlineData("**/", "a/b", true)]
    [InlineData("a/**/", "a/b/c", true)]
    [InlineData("a,b}", "a,b}", true)]
    [InlineData("A", "a", false)]
    [InlineData("a\n", "a", false)]
    public void Matches_OnePattern(string pattern, string text, bool matches)
    {
        Assert.NotNull(Glob.Compile(pattern, out var problem));
        Assert.Null(problem);
        Assert.Equal(matches, GlobList.Of([pattern], out _).Matches(text));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("./")]
    [InlineData("[[:alpha:]]")]
    [InlineData("[a/b]")]
    [InlineData("[]")]
    [InlineData("[!]")]
    public void Compile_InvalidGlob_SaysWhy(string pattern)
    {
        Assert.Null(Glob.Compile(pattern, out var problem));
        Assert.NotEmpty(problem!);
    }

    [Fact]
    public void Matches_ListWithExclusions_OrderDoesNotMatter()
    {
        foreach (var patterns in new[] { new[] { "**/*.cs", "!obj/**" }, ["!obj/**", "**/*.cs"] })
        {
            var list = GlobList.Of(patterns, out _);
            Assert.True(list.Matches("src/a.cs"));
            Assert.False(list.Matches("obj/a.cs"));
            Assert.False(list.MayMatchBelow("obj"));
            Assert.True(list.MayMatchBelow("src"));
        }

        Assert.True(GlobList.Of(["!a"], out _).Matches("b"));
    }

    [Theory]
    [InlineData("out/*.txt", "out", true)]
    [InlineData("out/*.txt", "out/deep", false)]
    [InlineData("out/*.txt", "outer", false)]
    [InlineData("**/x", "any/where", true)]
    [InlineData("{a,b}/x", "b", true)]
    [InlineData("{a,b}/x", "c", false)]
    [InlineData("out", "out", false)]
    [InlineData("src/", "src/a/b", true)]
    [InlineData("a/b/c", "a/b", true)]
    [InlineData("a/b/c", "a/c", false)]
    public void MayMatchBelow_Folders(string pattern, string folder, bool may) =>
        Assert.Equal(may, GlobList.Of([pattern], out _).MayMatchBelow(folder));

    private static readonly Gen<string> Patterns = Of(
        "a",
        "b",
        "/",
        "*",
        "**",
        "**/",
        "?",
        "[ab]",
        "[!a]",
        "\\*",
        "{a,b}",
        "{,/b}",
        "{a*b,**/b}",
        "{a/,b}",
        "."
    )
        .Array[1, 8]
        .Select(string.Concat);

    private static readonly Gen<string> Names = Of("a", "b", "/", "*", ".", "ab").Array[0, 8].Select(string.Concat);

    private static Gen<string> Of(params string[] parts) => Gen.Int[0, parts.Length - 1].Select(i => parts[i]);

    [Fact]
    public void Matches_RandomPatterns_AgreesWithABacktrackingMatcher() =>
        Gen.Select(Patterns, Names)
            .Sample(
                (pattern, name) =>
                {
                    // An empty alternative after '**/' could mean the root folder itself, which nobody writes.
                    if (
                        Glob.Compile(pattern, out _) is { } glob
                        && !(pattern.Contains('*', StringComparison.Ordinal) && pattern.Contains("{,", StringComparison.Ordinal))
                        && !pattern.StartsWith('/')
                        && !pattern.StartsWith("./", StringComparison.Ordinal)
                        && !name.StartsWith('/')
                    )
                    {
                        Assert.Equal(Oracle.Matches(pattern, name), glob.Matches(name));
                    }
                },
                iter: 50_000
            );

    [Fact]
    public void MayMatchBelow_RandomPatterns_NeverHidesAMatch() =>
        Gen.Select(Patterns, Names)
            .Sample(
                (pattern, name) =>
                {
                    var slash = name.IndexOf('/', StringComparison.Ordinal);
                    if (Glob.Compile(pattern, out _) is { } glob && slash > 0)
                    {
                        var folder = name[..slash];
                        Assert.True(!glob.Matches(name) || glob.MayMatchBelow(folder), $"{pattern} hides {name}");
                        Assert.True(
                            glob.Matches(name) || name.EndsWith('/') || !glob.MatchesAllBelow(folder),
                            $"{pattern} does not take {name}"
                        );
                    }
                },
                iter: 50_000
            );

    [Theory]
    [InlineData("*a")]
    [InlineData("**a")]
    [InlineData("{a,aa}")]
    [InlineData("{*,a}")]
    [InlineData("**/a")]
    [InlineData("[a-z]*")]
    public void Matches_HostilePattern_WorkIsLinearInTheText(string part)
    {
        var pattern = string.Concat(Enumerable.Repeat(part, Glob.MaxCharacters / part.Length));
        var glob = Glob.Compile(pattern, out var problem);
        Assert.True(glob is not null, problem);
        var (small, large) = (Work(1_000), Work(4_000));
        Assert.True(large <= 5 * small, $"{small} steps became {large}");
        Assert.True(large <= 4_000L * 4 * Glob.MaxCharacters);

        long Work(int length)
        {
            var cost = new GlobCost(long.MaxValue);
            glob.Matches(new string('a', length) + "!", cost);
            return cost.Steps;
        }
    }

    [Fact]
    public void Matches_BeyondTheLimit_Ends() =>
        Assert.Throws<GlobTooCostlyException>(() => Glob.Compile("*a*a*a", out _)!.Matches(new string('a', 1000), new GlobCost(500)));

    /// <summary>A backtracking matcher, with which the compiled one must agree.</summary>
    private static class Oracle
    {
        public static bool Matches(string pattern, string text)
        {
            while (pattern.Contains("//", StringComparison.Ordinal))
            {
                pattern = pattern.Replace("//", "/", StringComparison.Ordinal);
            }

            while (pattern.Contains("/./", StringComparison.Ordinal))
            {
                pattern = pattern.Replace("/./", "/", StringComparison.Ordinal);
            }

            return Unbraced(pattern).Any(p => One(p.EndsWith('/') ? p + "**" : p, 0, text, 0));
        }

        private static IEnumerable<string> Unbraced(string pattern)
        {
            var open = pattern.IndexOf('{', StringComparison.Ordinal);
            if (open < 0)
            {
                return [pattern];
            }

            var close = pattern.IndexOf('}', open);
            return pattern[(open + 1)..close]
                .Split(',')
                .SelectMany(o => Unbraced(string.Concat(pattern.AsSpan(0, open), o, pattern.AsSpan(close + 1))));
        }

        private static bool One(string p, int i, string t, int j)
        {
            if (i == p.Length)
            {
                return j == t.Length;
            }

            if (p[i] == '*')
            {
                var stars = i;
                while (stars < p.Length && p[stars] == '*')
                {
                    stars++;
                }

                if (stars - i > 1 && (i == 0 || p[i - 1] == '/') && stars < p.Length && p[stars] == '/')
                {
                    return One(p, stars + 1, t, j)
                        || Enumerable.Range(j, t.Length - j).Any(k => t[k] == '/' && One(p, stars + 1, t, k + 1));
                }

                for (var k = j; ; k++)
                {
                    if (One(p, stars, t, k))
                    {
                        return true;
                    }

                    if (k == t.Length || (stars - i == 1 && t[k] == '/'))
                    {
                        return false;
                    }
                }
            }

            if (j == t.Length)
            {
                return false;
            }

            switch (p[i])
            {
                case '?':
                    return t[j] != '/' && One(p, i + 1, t, j + 1);
                case '[':
                    var end = p.IndexOf(']', i + 2);
                    var negated = p[i + 1] == '!';
                    var has = p[(i + (negated ? 2 : 1))..end].Contains(t[j], StringComparison.Ordinal);
                    return t[j] != '/' && has != negated && One(p, end + 1, t, j + 1);
                case '\\':
                    return t[j] == p[i + 1] && One(p, i + 2, t, j + 1);
                default:
                    return t[j] == p[i] && One(p, i + 1, t, j + 1);
            }
        }
    }
}
