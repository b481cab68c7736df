using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using CsCheck;

namespace Shipinator.Pipelines.Tests;

/// <summary>
/// Files and events designed to be expensive. Where the work can be counted, the count is compared; otherwise its growth: four times the
/// size must not take much more than four times as long, on any machine.
/// </summary>
public sealed class HostileTests
{
    /// <summary>A hostile file: 90 patterns, shared by 200 steps through an alias.</summary>
    private static string Globs(int patterns, int steps, string pattern) =>
        "x: &g ["
        + string.Join(", ", Enumerable.Range(0, patterns).Select(i => $"'{pattern}{i}'"))
        + "]\n"
        + "build: { jobs: { "
        + string.Join(
            ", ",
            Enumerable
                .Range(0, (steps + 99) / 100)
                .Select(j => $"j{j}: {{ steps: [ {StepsWithGlobs(Math.Min(100, steps - (j * 100)))} ] }}")
        )
        + " } }\n";

    private static string StepsWithGlobs(int count) =>
        string.Join(", ", Enumerable.Range(0, count).Select(i => $"{{ name: s{i}, run: x, when: {{ branch: *g }} }}"));

    [Fact]
    public void Patterns_ThatManyStepsShare_AreCompiledAndMatchedOnce()
    {
        var small = Steps(10);
        Assert.True(small > 0);
        Assert.True(Steps(200) <= small + 1000, "steps that share patterns match them again");

        static long Steps(int steps)
        {
            var model = PipelineFile
                .Parse(
                    Globs(90, steps, "*a*a*a*a*a*a*")
                        .Replace("x: &g", "on: { push: { branches: &g", StringComparison.Ordinal)
                        .Replace("]\nbuild", "] } }\nbuild", StringComparison.Ordinal)
                )
                .Model!;
            var matcher = new FactMatcher(Facts(new string('a', 500)));
            var when = new WhenEvaluator(matcher);
            foreach (var step in model.Jobs.SelectMany(j => j.Steps))
            {
                Assert.NotNull(when.Evaluate(step.When).SkipReason);
            }

            return matcher.Steps;
        }
    }

    [Fact]
    public void Globs_ThatCostMoreThanTheLimit_EndThePlanWithAnError()
    {
        // As many different patterns as possible, against the longest possible paths.
        var text =
            "build: { steps: ["
            + string.Join(
                ", ",
                Enumerable
                    .Range(0, 99)
                    .Select(i =>
                    {
                        var patterns = Enumerable.Range(0, 20).Select(p => $"'**a**a**a**a**a**a**a**a**a**a**a**a{i}-{p}'");
                        return $"{{ name: s{i}, run: x, when: {{ path: [{string.Join(", ", patterns)}] }} }}";
                    })
            )
            + "] }";
        var model = PipelineFile.Parse(text).Model!;
        var facts = Facts("main") with
        {
            ChangedFiles = [.. Enumerable.Range(0, 1000).Select(i => string.Concat(Enumerable.Repeat("a/", 1000)) + i)],
        };
        var planned = RunPlanner.Plan(model, facts, Table.Settings);
        Assert.Equal("too_many_matches", Assert.Single(planned.Errors).Code);
        Assert.False(
            PipelineFile
                .Parse(
                    "on: { push: { paths: ['"
                        + string.Concat(Enumerable.Repeat("**a", 150))
                        + "b'] } }\nbuild: { steps: [ { name: a, run: x } ] }"
                )
                .Model!.Matches(facts)
                .Runs
        );
    }

    /// <summary>
    /// Empty and one-character values cost work as well: each job and step of the run resolves them again.
    /// </summary>
    [Theory]
    [InlineData("{{ .tag }}", 6_500)]
    [InlineData("{{ .matrix.a }}", 4_300)]
    [InlineData("\\\\{{", 8_000)]
    [InlineData("$NONE", 8_000)]
    [InlineData("$$", 16_000)]
    public void Templates_ThatManyStepsShare_EndThePlanWithAnErrorBeforeTheyCostMuch(string part, int times)
    {
        var steps = string.Concat(Enumerable.Range(0, 15).Select(i => $"    - {{ name: s{i}, run: x, env: *e }}\n"));
        var text =
            $"x-e: &e {{ A: \"{string.Concat(Enumerable.Repeat(part, times))}\" }}\nbuild:\n"
            + $"  matrix: {{ a: [{string.Join(", ", Enumerable.Range(0, 64))}] }}\n  steps:\n{steps}";
        var read = PipelineFile.Parse(text);
        Assert.Empty(read.Errors);
        var planned = RunPlanner.Plan(read.Model!, Facts("main"), Table.Settings);
        Assert.Equal("plan_too_large", Assert.Single(planned.Errors).Code);
    }

    [Fact]
    public void Templates_InAnOrdinaryFile_StayFarBelowTheLimit()
    {
        var variables = string.Join(", ", Enumerable.Range(0, 20).Select(i => $"V{i}: \"{{{{ .tag }}}}{{{{ .branch }}}} $HOME\""));
        var text =
            $"build:\n  env: {{ {variables} }}\n  matrix: {{ a: [1, 2, 3, 4, 5, 6, 7, 8] }}\n  steps: "
            + $"[{string.Join(", ", Enumerable.Range(0, 99).Select(i => $"{{ name: s{i}, run: 'echo {{{{ .branch }}}}' }}"))}]\n";
        Assert.Empty(RunPlanner.Plan(PipelineFile.Parse(text).Model!, Facts("main"), Table.Settings).Errors);
    }

    [Theory]
    [InlineData("branch")]
    [InlineData("tag")]
    [InlineData("ref")]
    [InlineData("event")]
    [InlineData("input name")]
    [InlineData("input value")]
    [InlineData("inputs")]
    public void Fact_ThatIsTooLong_IsRefusedBeforePlanning(string which)
    {
        var model = PipelineFile
            .Parse(
                "on: { push: { branches: ['**a**b**c'] }, manual: { inputs: { i: } } }\nbuild: { steps: [ { name: a, run: x, when: { "
                    + "branch: '*a*b*c*d' } } ] }"
            )
            .Model!;
        var big = new string('a', 900_000);
        var facts = which switch
        {
            "branch" => Facts(big),
            "tag" => Facts("x") with { Branch = null, Tag = big },
            "ref" => Facts("x") with { Ref = big },
            "event" => Facts("x") with { Event = big },
            "input name" => Facts("x") with { Event = "manual", Inputs = Given(big, "x") },
            "input value" => Facts("x") with { Event = "manual", Inputs = Given("i", big) },
            _ => Facts("x") with
            {
                Event = "manual",
                Inputs = Enumerable.Range(0, 10_000).ToImmutableSortedDictionary(i => $"i{i}", i => "", StringComparer.Ordinal),
            },
        };
        var error = Assert.Single(RunPlanner.Plan(model, facts, Table.Settings).Errors);
        Assert.Equal("bad_fact", error.Code);
        Assert.True(error.Message.Length < 500);
        var match = model.Matches(facts);
        Assert.False(match.Runs);
        Assert.True(match.Reason!.Length < 500);

        static ImmutableSortedDictionary<string, string> Given(string name, string value) =>
            ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal).Add(name, value);
    }

    [Fact]
    public void LongMessageAndManyChangedFiles_DoNotGrowThePlan()
    {
        var model = PipelineFile.Parse("build: { steps: [ { name: a, run: x, when: { path: nothing } } ] }").Model!;
        var facts = Facts("main") with
        {
            Message = new string('m', 900_000),
            ChangedFiles = [.. Enumerable.Range(0, 100_000).Select(i => $"f{i}")],
        };
        var plan = RunPlanner.Plan(model, facts, Table.Settings).Plan!;
        Assert.True(PlanJson.Serialize(plan).Length < 20_000);
        Assert.Null(plan.Jobs[0].Steps[0].SkipReason);
    }

    /// <summary>Texts by size; quadratic work takes 16 times as long for four times the size.</summary>
    public static IEnumerable<TheoryDataRow<string>> Shapes => Makers.Keys.Select(k => new TheoryDataRow<string>(k));

    private static readonly Dictionary<string, Func<int, string>> Makers = new(StringComparer.Ordinal)
    {
        ["unknown keys"] = n => Lines(n, i => $"wrong_key_number_{i}: 1"),
        ["unknown templates"] = n => "build: { steps: [ { name: a, run: \"" + Repeat(n, i => $"{{{{ .brunch{i} }}}}") + "\" } ] }",
        ["one unknown template at many places"] = n =>
            "build: { steps: [ { name: a, run: \"" + Repeat(n, _ => "{{ .brunch }}") + "\" } ] }",
        ["stray templates in a block"] = n => "build:\n  steps:\n    - name: a\n      run: |\n" + Lines(n, _ => "        {{ a"),
        ["unknown templates through aliases"] = n =>
            "env: { A: &a '"
            + Repeat(20, i => $"{{{{ .nope{i} }}}}")
            + "' }\nbuild: { steps: [ { name: a, command: ["
            + Repeat(n / 20, _ => "*a, ")
            + "x] } ] }",
        ["unknown steps"] = n =>
            "build: { steps: ["
            + Repeat(99, i => $"{{ name: abcdefghijklmn{i}, run: x }}, ")
            + "] }\ntest: { steps: [ { name: t, run: x, inputs: ["
            + Repeat(n / 4, i => $"{{ step: abcdefghijklmx{i} }}, ")
            + "] } ] }",
        ["many entries of env"] = n => "env: {" + Repeat(n, i => $"A{i}: x, ") + "}\nbuild: { steps: [ { name: a, run: x } ] }",
        ["many secrets"] = n =>
            "secrets: ["
            + Repeat(n, i => $"S{i}, ")
            + "]\nbuild: { jobs: { "
            + Repeat(60, j => $"j{j}: {{ secrets: [X{j}], steps: [ {{ name: a, run: x, secrets: [Y] }} ] }}, ")
            + "} }",
        ["matrix"] = n => "build: { matrix: {" + Repeat(n / 10, i => $"k{i}: [a, b, c], ") + "}, steps: [ { name: a, run: x } ] }",
        ["duplicate keys"] = n => "build:\n" + Lines(n, _ => "  steps: []"),
        ["long key"] = n => new string('k', n * 10) + ": x",
        ["long lines with tabs"] = n => "build:\n" + new string('\t', n * 10) + "x",
        ["open braces"] = n => "build: " + new string('{', n),
        ["open quotes"] = n => "build: \"" + Repeat(n, _ => "\\\" "),
        ["comments"] = n => Lines(n, _ => "# x"),
        ["blank lines"] = n => new string('\n', n * 10),
        ["merges"] = n => "a: &a {b: c}\nbuild: {" + Repeat(n / 2, _ => "<<: *a, ") + "}",
        ["anchors"] = n => "build: [" + Repeat(n, i => $"&a{i} x, ") + "]",
        ["directives"] = n => Lines(n, i => $"%TAG !a{i}! tag:x,2000:") + "---\nbuild:",
        ["script of pipes"] = n => "build:\n  steps:\n    - name: a\n      run: |\n" + Lines(n, i => $"        m | tee <(c) [[ $'x"),
        ["script of substitutions"] = n => "build:\n  steps:\n    - name: a\n      run: '" + Repeat(n, _ => "$(") + "'",
        ["script of quotes in substitutions"] = n =>
            "build:\n  steps:\n    - name: a\n      run: |\n        " + Repeat(n, _ => "\"$(a ${b") + "\n",
        ["script of here-documents"] = n => "build:\n  steps:\n    - name: a\n      run: |\n" + Lines(n, i => $"        a <<E{i}"),
        ["globs"] = n =>
            "build: { steps: [ { name: a, run: x, when: { branch: [" + Repeat(n / 8, i => $"'{{a,b,c}}*{i}**', ") + "] } } ] }",
        ["invisible characters"] = n => "build: { steps: [ { name: \"" + Repeat(n, _ => "\\e") + "\", run: x } ] }",
        ["stages and conditions"] = n =>
            "build: { when: ["
            + Repeat(n / 20, i => $"{{ branch: a{i} }}, ")
            + "], jobs: { "
            + Repeat(20, j => $"j{j}: {{ when: [" + Repeat(n / 100, i => $"{{ branch: b{i} }}, ") + "], steps: [ { name: a, run: x } ] }, ")
            + "} }",
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    [SuppressMessage("ApiDesign", "RS0030", Justification = "The processor's time is what is measured.")]
    public void HostileText_FourTimesAsLarge_TakesAboutFourTimesAsLong(string shape)
    {
        var make = Makers[shape];
        var (small, large) = (make(2_000), make(8_000));
        Assert.True(Encoding.UTF8.GetByteCount(large) <= PipelineLimits.FileBytes, $"{large.Length} characters would be refused unread");
        Lint(small);
        var (little, much) = (Least(small), Least(large));
        // Up to 50 ms is acceptable regardless of growth.
        Assert.True(
            much <= TimeSpan.FromMilliseconds(50) || much <= 10 * little,
            $"{little.TotalMilliseconds} ms became {much.TotalMilliseconds} ms"
        );
        Assert.True(much <= TimeSpan.FromSeconds(1), $"{much.TotalMilliseconds} ms");

        static TimeSpan Least(string text) =>
            Enumerable
                .Range(0, 3)
                .Min(_ =>
                {
                    var before = ThreadTime();
                    Lint(text);
                    return ThreadTime() - before;
                });
    }

    /// <summary>The CPU time of this thread, which excludes other work of the machine.</summary>
    private static TimeSpan ThreadTime()
    {
        var fields = File.ReadAllText("/proc/thread-self/schedstat").Split(' ');
        return TimeSpan.FromTicks(long.Parse(fields[0], System.Globalization.CultureInfo.InvariantCulture) / 100);
    }

    [Fact]
    public void Canceled_ParserAndPlanner_End()
    {
        var canceled = new CancellationToken(canceled: true);
        Assert.ThrowsAny<OperationCanceledException>(() =>
            PipelineFile.Parse("build: { steps: [ { name: a, run: x } ] }", cancellationToken: canceled)
        );
        var model = PipelineFile.Parse("build: { steps: [ { name: a, run: x } ] }").Model!;
        Assert.ThrowsAny<OperationCanceledException>(() => RunPlanner.Plan(model, Facts("main"), Table.Settings, canceled));
    }

    [Fact]
    public void TenThousandGeneratedFiles_GiveAModelOrErrorsWithLineAndColumn()
    {
        var hostile = Gen.Select(Gen.Int[0, Makers.Count - 1], Gen.Int[1, 40]).Select((which, n) => Makers.Values.ElementAt(which)(n));
        var pieces = Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]).Array[0, 60].Select(string.Concat);
        var texts = Table.GoodTexts;
        var spliced = Gen.Select(Gen.Int[0, texts.Count - 1], Gen.Int[0, 5000], pieces)
            .Select((which, at, text) => texts[which].Insert(at % (texts[which].Length + 1), text));
        Gen.OneOf(hostile, pieces, spliced, Gen.Select(hostile, pieces).Select((a, b) => a + b))
            .Sample(
                text =>
                {
                    var read = Lint(text);
                    return read
                        .Errors.Concat(read.Warnings)
                        .All(e =>
                            (e.Line > 0 && e.Column > 0 || e.Code is "too_large" or "too_many_steps")
                            && e.Message.Length is > 0 and <= 2100
                            && e.Snippet.Length <= 2000
                            && Characters.FindInvisible(e.Message + e.Snippet, isText: false) is null
                        );
                },
                iter: 10_000
            );
    }

    private static readonly string[] Pieces =
    [
        "build:",
        "test:",
        "deploy:",
        "steps:",
        "- ",
        "name: a",
        "run: x",
        "run: |",
        "shell: bash",
        "shell: [x]",
        "  ",
        "    ",
        "\n",
        "\n  ",
        "\n    ",
        "\n      ",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "&a ",
        "*a",
        "<<: *a",
        "!",
        "!!str ",
        "|",
        ">",
        "\"",
        "'",
        "\\x",
        "\\ud800",
        "\\0",
        "\\e",
        "#",
        "---",
        "...",
        "%YAML 1.2",
        "? ",
        "- - ",
        "{{ .branch }}",
        "{{",
        "}}",
        "${{ x }}",
        "env: {CI: 1}",
        "matrix: {a: [1, 2]}",
        "when: ",
        "retry: 3",
        "timeout: 1h",
        "\t",
        "\u0085",
        "\u2028",
        "😀",
        "\uFEFF",
        "\0",
        "\u001b",
        "\ud800",
        "on: ",
        "jobs:",
        "~",
        "null",
        "*",
        "&",
        "@",
        "`",
        "=",
        "cron: 'H 3 * * *'",
        "schedule: ",
        "$(",
        "<<EOF",
        "[[ a ]]",
        " | tee",
        "case x in",
        "cache: {key: ['{a,b}'], paths: [x]}",
        "outputs: [{type: file, path: '[!a]*'}]",
    ];

    private static PipelineFileResult Lint(string text)
    {
        var read = PipelineFile.Parse(text);
        Assert.Equal(read.Model is null, read.Errors.Count > 0);
        if (read.Model is { } model)
        {
            _ = model.Matches(Facts("main"));
            _ = RunPlanner.Plan(model, Facts("main"), Table.Settings);
        }

        return read;
    }

    private static string Lines(int count, Func<int, string> line) => string.Concat(Enumerable.Range(0, count).Select(i => line(i) + "\n"));

    private static string Repeat(int count, Func<int, string> part) => string.Concat(Enumerable.Range(0, count).Select(part));

    private static TriggerFacts Facts(string branch) =>
        new()
        {
            Event = "push",
            Ref = $"refs/heads/{(branch.Length > 1000 ? "x" : branch)}",
            Commit = Table.Commit,
            Branch = branch,
        };
}
