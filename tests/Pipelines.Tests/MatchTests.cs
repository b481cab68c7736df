using Shipinator.Globbing;

namespace Shipinator.Pipelines.Tests;

public sealed class MatchTests
{
    private const string Steps = "\nbuild: { steps: [ { name: a, run: x } ] }";

    [Theory]
    [InlineData("", "event=push branch=any", true)]
    [InlineData("", "event=push tag=v1", false)]
    [InlineData("", "event=pr branch=main pr=1", true)]
    [InlineData("", "event=manual", true)]
    [InlineData("", "event=schedule", false)]
    [InlineData("on: push", "event=manual", false)]
    [InlineData("on: [push, pr]", "event=pr pr=1", true)]
    [InlineData("on: { push: { branches: [main, 'release/**'] } }", "branch=release/1/x", true)]
    [InlineData("on: { push: { branches: [main, 'release/**'] } }", "branch=dev", false)]
    [InlineData("on: { push: { branches: ['**', '!wip/**'] } }", "branch=wip/x", false)]
    [InlineData("on: { push: { branches: [main] } }", "tag=v1", false)]
    [InlineData("on: { push: { tags: ['v*'] } }", "tag=v1", true)]
    [InlineData("on: { push: { tags: ['v*'] } }", "branch=main", false)]
    [InlineData("on: { push: { branches: [main], tags: ['v*'] } }", "branch=main", true)]
    [InlineData("on: { push: { paths: ['src/**'] } }", "files=docs/a.md", false)]
    [InlineData("on: { push: { paths: ['src/**'] } }", "files=docs/a.md,src/x/y.cs", true)]
    [InlineData("on: { push: { paths: ['src/**'] } }", "branch=main", true)]
    [InlineData("on: { push: { paths_ignore: ['docs/**'] } }", "files=docs/a.md", false)]
    [InlineData("on: { push: { paths_ignore: ['docs/**'] } }", "files=docs/a.md,Makefile", true)]
    [InlineData("on: { push: { paths: ['src/**'], paths_ignore: ['**/*.md'] } }", "files=src/a.md", false)]
    [InlineData("on: { pr: { branches: [main] } }", "event=pr branch=dev pr=2", false)]
    public void Trigger_AgainstOn_RunsOrSaysWhyNot(string on, string trigger, bool runs)
    {
        var match = PipelineFile.Parse(on + Steps).Model!.Matches(Table.Facts($"#! {trigger}\n"));
        Assert.Equal(runs, match.Runs);
        Assert.Equal(runs, match.Reason is null);
    }

    [Fact]
    public void TriggerTypes_OfAFile_AreInTheOrderOfTheVocabulary()
    {
        var model = PipelineFile.Parse("on: { schedule: [ { cron: '0 3 * * *', branch: dev } ], manual: , push: }" + Steps).Model!;
        Assert.Equal(["push", "manual", "schedule"], model.TriggerTypes);
        Assert.Equal([new ScheduleEntry("0 3 * * *", "dev")], model.Schedules);
    }

    [Theory]
    [InlineData("*", "main", true)]
    [InlineData("*", "a/b", false)]
    [InlineData("**", "a/b", true)]
    [InlineData("src/**/x", "src/x", true)]
    [InlineData("src/**/x", "src/a/b/x", true)]
    [InlineData("src/", "src/a/b", true)]
    [InlineData("src", "src/a", false)]
    [InlineData("**/*.md", "README.md", true)]
    [InlineData("v[0-9].?", "v1.x", true)]
    [InlineData("v[!0-9]", "v1", false)]
    [InlineData("{main,dev}", "dev", true)]
    [InlineData("{main,dev}", "de", false)]
    [InlineData("a.b", "axb", false)]
    [InlineData("\\*", "*", true)]
    [InlineData("(a|b)+$^", "(a|b)+$^", true)]
    [InlineData("Main", "main", false)]
    public void Glob_AgainstText_Matches(string pattern, string text, bool matches) =>
        Assert.Equal(matches, GlobList.Of([pattern], out _).Matches(text));

    [Theory]
    [InlineData("")]
    [InlineData("[")]
    [InlineData("[z-a]")]
    [InlineData("{a")]
    [InlineData("{a,{b}}")]
    [InlineData("a\\")]
    public void Glob_Invalid_HasAProblem(string pattern)
    {
        Assert.Null(Glob.Compile(pattern, out var problem));
        Assert.NotNull(problem);
    }

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("30m", 1800)]
    [InlineData("1h30m", 5400)]
    [InlineData("1d", 86400)]
    [InlineData("90m", 5400)]
    public void Duration_WellFormed_IsRead(string text, int seconds)
    {
        Assert.True(Durations.TryParse(text, out var duration));
        Assert.Equal(seconds, duration.TotalSeconds);
        Assert.True(Durations.TryParse(Durations.Write(duration), out var again));
        Assert.Equal(duration, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0s")]
    [InlineData("30")]
    [InlineData("30m1h")]
    [InlineData("-1m")]
    [InlineData("1.5h")]
    [InlineData("31d")]
    [InlineData("999999d")]
    public void Duration_NotWellFormed_IsRefused(string text) => Assert.False(Durations.TryParse(text, out _));
}
