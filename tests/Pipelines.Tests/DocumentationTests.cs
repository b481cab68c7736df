using System.Text.RegularExpressions;

namespace Shipinator.Pipelines.Tests;

public sealed partial class DocumentationTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "pipeline-file.md"));

    public static IEnumerable<TheoryDataRow<string>> WholeFiles => Examples()
        .Where(e => Regex.IsMatch(e, "^(build|test|deploy):", RegexOptions.Multiline))
        .Select(e => new TheoryDataRow<string>(e));

    [Theory]
    [MemberData(nameof(WholeFiles))]
    public void ExampleOfThePage_Read_HasNoErrors(string example)
    {
        Assert.Empty(PipelineFile.Parse(example).Errors);
    }

    [Fact]
    public void Page_HeldAgainstTheShapes_NamesEveryKey()
    {
        var missing = Keys(PipelineShapes.File).Distinct().Where(k => !Regex.IsMatch(Page, $@"[`{{ ,]{Regex.Escape(k)}[`:,)}} ]")).ToList();
        Assert.Empty(missing);
    }

    [Fact]
    public void Page_HeldAgainstTheTemplates_NamesEveryName() =>
        Assert.DoesNotContain(Template.PlainNames, n => !Page.Contains($"`{n}`", StringComparison.Ordinal));

    private static IEnumerable<string> Examples() => Fence().Matches(Page).Select(m => m.Groups[1].Value);

    private static IEnumerable<string> Keys(Shape shape) => shape switch
    {
        MapShape map => map.Keys.SelectMany(k => Keys(k.Shape).Prepend(k.Name)),
        ListShape list => Keys(list.Item),
        NamedShape named => Keys(named.Value),
        EitherShape either => either.Options.SelectMany(Keys),
        _ => [],
    };

    [GeneratedRegex("^```yaml\\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
