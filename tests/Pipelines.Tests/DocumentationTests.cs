using System.Text.RegularExpressions;

namespace Shipinator.Pipelines.Tests;

public sealed partial class DocumentationTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "pipeline-file.md"));

    /// <summary>Every example as a complete file: fragments are inserted where they belong.</summary>
    public static IEnumerable<TheoryDataRow<string>> Files => Examples().SelectMany(Complete).Select(e => new TheoryDataRow<string>(e));

    [Theory]
    [MemberData(nameof(Files))]
    public void ExampleOfThePage_Read_HasNoErrors(string example)
    {
        var parsed = PipelineFile.Parse(example);
        Assert.Empty(parsed.Errors);
        Assert.Empty(RunPlanner.Plan(parsed.Model!, Table.Facts("") with { Event = "push" }, Table.Settings).Errors);
    }

    [Fact]
    public void Examples_Completed_AreAllOfThePage()
    {
        Assert.True(Examples().Count() >= 15, "The page has too few examples.");
        // A block with only comments is not an example.
        Assert.All(Examples().Where(e => Words().IsMatch(e)), e => Assert.NotEmpty(Complete(e)));
    }

    [Fact]
    public void Page_ComparedWithTheShapes_NamesEveryKey()
    {
        var missing = Keys(PipelineShapes.File).Distinct().Where(k => !Regex.IsMatch(Page, $@"[`{{ ,]{Regex.Escape(k)}[`:,)}} ]")).ToList();
        Assert.Empty(missing);
    }

    [Fact]
    public void Page_ComparedWithTheTemplates_NamesEveryName() =>
        Assert.DoesNotContain(Template.PlainNames, n => !Page.Contains($"`{n}`", StringComparison.Ordinal));

    private static IEnumerable<string> Examples() => Fence().Matches(Page).Select(m => m.Groups[1].Value);

    private static IEnumerable<string> Complete(string example)
    {
        if (Regex.IsMatch(example, "^(build|test|deploy):", RegexOptions.Multiline))
        {
            return [example];
        }

        if (example.StartsWith("- ", StringComparison.Ordinal))
        {
            return [$"test:\n  steps:\n{Indent(example, 4)}"];
        }

        // Top-level keys with the lines below them: keys of the file, or otherwise of a step.
        return Parts()
            .Split(example)
            .Where(p => Words().IsMatch(p))
            .Select(p =>
                FileKeys.Contains(p[..p.IndexOf(':', StringComparison.Ordinal)])
                    ? p + "build: { steps: [ { name: compile, run: make } ] }\n"
                    : $"build:\n  matrix: {{ go: [\"1.23\"] }}\n  steps: [ {{ name: package, run: make, outputs: [ {{ type: binary, path: "
                        + $"bin/app }} ] }} ]\n"
                        + $"test:\n  steps:\n    - name: unit\n      run: make\n{Indent(p, 6)}"
            );
    }

    private static HashSet<string> FileKeys => new(["on", "concurrency", "clone"], StringComparer.Ordinal);

    private static string Indent(string text, int by) => Regex.Replace(text, "^(?=.)", new string(' ', by), RegexOptions.Multiline);

    private static IEnumerable<string> Keys(Shape shape) =>
        shape switch
        {
            MapShape map => map.Keys.SelectMany(k => Keys(k.Shape).Prepend(k.Name)),
            ListShape list => Keys(list.Item),
            NamedShape named => Keys(named.Value),
            EitherShape either => either.Options.SelectMany(Keys),
            _ => [],
        };

    [GeneratedRegex("^[^#\\n]*\\w", RegexOptions.Multiline)]
    private static partial Regex Words();

    [GeneratedRegex("(?m)^(?=[a-z_]+:)")]
    private static partial Regex Parts();

    [GeneratedRegex("^```yaml\\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
