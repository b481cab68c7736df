namespace Shipinator.Pipelines.Tests;

/// <summary>Invisible characters, encodings, and the positions of what YAML itself refuses.</summary>
public sealed class CharacterTests
{
    private const string Escape = "\\e]0;X\\a";

    [Theory]
    [InlineData("build: { jobs: { \"a{0}\": { steps: [ { name: x, run: x } ] } } }")]
    [InlineData("build: { steps: [ { name: \"a{0}\", run: x } ] }")]
    [InlineData("build: { steps: [ { name: a, run: x, image: \"a{0}\" } ] }")]
    [InlineData("build: { steps: [ { name: a, run: x, workdir: \"a{0}\" } ] }")]
    [InlineData("build: { matrix: { k: [\"a{0}\"] }, steps: [ { name: a, run: x } ] }")]
    [InlineData("build: { matrix: { \"k{0}\": [a] }, steps: [ { name: a, run: x } ] }")]
    [InlineData("build: { steps: [ { name: a, run: x, outputs: [ { type: file, path: \"a{0}\" } ] } ] }")]
    [InlineData("build: { steps: [ { name: a, run: x, outputs: [ { type: image, ref: \"a{0}\" } ] } ] }")]
    [InlineData("build: { steps: [ { name: a, run: x, cache: { key: [\"a{0}\"], paths: [p] } } ] }")]
    [InlineData("build: { steps: [ { name: a, run: x, when: { branch: \"a{0}\" } } ] }")]
    [InlineData("concurrency: \"a{0}\"\nbuild: { steps: [ { name: a, run: x } ] }")]
    [InlineData("on: { manual: { inputs: { i: { description: \"a{0}\" } } } }\nbuild: { steps: [ { name: a, run: x } ] }")]
    [InlineData("env: { \"A{0}\": x }\nbuild: { steps: [ { name: a, run: x } ] }")]
    public void Name_WithInvisibleCharacters_IsRefusedAtItsPosition(string file)
    {
        foreach (var invisible in new[] { Escape, "\\u202E", "\\u200B", "\\x9B", "\\u3164", "\\uFEFF", "\\U000E0041", "\\x7F" })
        {
            var errors = PipelineFile.Parse(file.Replace("{0}", invisible, StringComparison.Ordinal)).Errors;
            Assert.Contains(errors, e => e.Code == "bad_character" && e.Line > 0 && e.Column > 1);
            Assert.All(errors, e => Assert.Null(Characters.FindInvisible(e.Message + e.Snippet + e.Path, isText: false)));
        }
    }

    [Fact]
    public void Command_WithEscapes_IsAcceptedAndShownEscaped()
    {
        Assert.NotNull(PipelineFile.Parse($"build: {{ steps: [ {{ name: a, command: [\"{Escape}\"] }} ] }}").Model);
        Assert.NotNull(PipelineFile.Parse("build: { steps: [ { name: a, run: \"a\\tb\\e[0m\" } ] }").Model);
        // A template in the program itself is an error that quotes its line.
        var error = Assert.Single(
            PipelineFile.Parse($"build: {{ steps: [ {{ name: a, command: [\"{Escape}{{{{ .nope }}}}\"] }} ] }}").Errors,
            e => e.Code == "unknown_template"
        );
        Assert.DoesNotContain('\u001b', error.Message + error.Snippet);
    }

    [Theory]
    [InlineData("emoji 👩‍💻 no", false)]
    [InlineData("é ü 日本語 ✈️", true)]
    [InlineData("a\u00A0b", true)]
    public void FindInvisible_VisibleText_IsLeftAlone(string text, bool isFine) =>
        Assert.Equal(isFine, Characters.FindInvisible(text, isText: false) is null);

    [Theory]
    [InlineData("build:\n  steps: \0", 2, 10)]
    [InlineData("# \u001b[2J\nbuild:", 1, 3)]
    [InlineData("a: 1\r\nb: \u0085", 2, 4)]
    public void RawControlCharacter_IsRefusedAtItsPosition(string text, int line, int column)
    {
        var error = Assert.Single(PipelineFile.Parse(text).Errors);
        Assert.Equal(("bad_character", line, column), (error.Code, error.Line, error.Column));
    }

    [Theory]
    [InlineData("build: { steps: [ { name: a, run: x } ] }\n---\n")]
    [InlineData("build: { steps: [ { name: a, run: x } ] }\n---")]
    [InlineData("---\nbuild: { steps: [ { name: a, run: x } ] }\n...\n")]
    [InlineData("build: { steps: [ { name: a, run: x } ] }\n...\n---\n# nothing\n")]
    [InlineData("\uFEFFbuild: { steps: [ { name: a, run: x } ] }\n")]
    [InlineData("build:\r\n  steps:\r\n    - { name: a, run: x }\r\n")]
    public void LastEmptyDocument_BomAndLineEnds_AreAccepted(string text) => Assert.Empty(PipelineFile.Parse(text).Errors);

    [Fact]
    public void SecondDocument_IsRefused() =>
        Assert.Equal(
            "many_documents",
            Assert.Single(PipelineFile.Parse("build: { steps: [ { name: a, run: x } ] }\n---\n~\n").Errors).Code
        );

    [Theory]
    [InlineData("build:\n\tsteps:\n", 2, 1)]
    [InlineData("build:\n  steps:\n  \t- name: a\n", 3, 3)]
    [InlineData("build:\n  steps:\n    - name: a\n      run: x\n\tenv: {}\n", 5, 1)]
    [InlineData("build:\n  steps:\n    -\tname: a\n    \trun: x\n", 4, 5)]
    public void Tab_InTheIndentation_IsReportedAtItsPosition(string text, int line, int column)
    {
        var errors = PipelineFile.Parse(text).Errors;
        Assert.Contains(errors, e => (e.Line, e.Column) == (line, column) && e.Message.Contains("tab", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("H 3 * * *", null)]
    [InlineData("H H * * 1-5", null)]
    [InlineData("*/15 0 1,15 * MON", null)]
    [InlineData("@daily", null)]
    [InlineData("0 3", "has 2 fields")]
    [InlineData("", "has 0 fields")]
    [InlineData("0 0 3 * * *", "has 6 fields")]
    [InlineData("H/15 3 H * H", null)]
    [InlineData("H( 3 * * *", "invalid minute 'H('")]
    [InlineData("0 3 * * X", "invalid weekday 'X'")]
    [InlineData("60 3 * * *", "invalid minute")]
    [InlineData("0 3 30 2 *", "is never due")]
    [InlineData("0 3 29 2 *", null)]
    [InlineData("@every_second", "Valid macros: @every_minute, ")]
    [InlineData("é 3 * * *", "invalid minute")]
    public void Cron_IsAcceptedOrRefusedAtItsPosition(string cron, string? problem)
    {
        var read = PipelineFile.Parse($"on: {{ schedule: [ {{ cron: \"{cron}\" }} ] }}\nbuild: {{ steps: [ {{ name: a, run: x }} ] }}");
        Assert.DoesNotContain(read.Errors, e => e.Message.Contains('\0'));
        if (problem is null)
        {
            Assert.Equal(cron, Assert.Single(read.Model!.Schedules).Cron);
        }
        else
        {
            var error = Assert.Single(read.Errors);
            Assert.Contains(problem, error.Message, StringComparison.Ordinal);
            Assert.Equal((1, 27), (error.Line, error.Column));
        }
    }

    [Fact]
    public void FileName_InErrors_IsShownEscaped() =>
        Assert.Equal("ci/a\\u001B.yaml", Assert.Single(PipelineFile.Parse("", "ci/a\u001b.yaml").Errors).File);
}
