using System.Threading.Channels;
using Bunit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MudBlazor;
using MudBlazor.Services;
using Shipinator.Pipelines;
using Shipinator.Schema.Queries;
using Shipinator.WebFrontend.Dashboard.Components.Shared;
using Shipinator.WebFrontend.Dashboard.Features.Logs;
using Shipinator.WebFrontend.Dashboard.Features.Runs;
using Shipinator.WebFrontend.Dashboard.Live;
using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>Components, rendered without a browser.</summary>
public sealed class ComponentTests : BunitContext
{
    private static readonly Dictionary<Guid, WaitReason> Nothing = [];
    private readonly FakeTimeProvider _time = new(Given.Noon.AddSeconds(31));

    public ComponentTests()
    {
        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddMudServices();
        Services.AddSingleton<TimeProvider>(_time);
    }

    [Theory]
    [InlineData(12, "0 s", "5 s", "10 s")]
    [InlineData(85, "0 s", "30 s", "60 s", "90 s")]
    [InlineData(200, "0 min", "1 min", "2 min", "3 min")]
    [InlineData(5000, "0 min", "30 min", "60 min")]
    public void Trend_LabelsDurationsWithRoundNumbersOfOneUnit(int seconds, params string[] lines)
    {
        var day = new DayTrend(new DateOnly(2026, 11, 25), 1, 0, 0, TimeSpan.FromSeconds(seconds));
        // The chart itself is renderCount only in a browser.
        var options = Render<TrendChart>(p => p.Add(c => c.Days, [day]))
            .FindComponents<MudChart<double>>()
            .Select(c => c.Instance.ChartOptions)
            .OfType<LineChartOptions>()
            .Single();
        Assert.Equal(lines, Enumerable.Range(0, lines.Length).Select(i => options.YAxisToStringFunc!(i * options.YAxisTicks)));
    }

    [Theory]
    [InlineData(Status.Pending)]
    [InlineData(Status.Submitted)]
    [InlineData(Status.Running)]
    [InlineData(Status.Success)]
    [InlineData(Status.Failed)]
    [InlineData(Status.Canceled)]
    [InlineData(Status.Skipped)]
    public void Status_HasIconTextAndColor(Status status)
    {
        var chip = Render<StatusChip>(p => p.Add(c => c.Status, status));
        Assert.Equal(status.Word(), chip.Find(".status span").TextContent);
        Assert.NotNull(chip.Find("svg[aria-hidden=true]"));
        Assert.Contains(status.Word(), chip.Find(".status").ClassList);
    }

    [Fact]
    public void Statuses_EachHaveAnIconOfTheirOwn()
    {
        var icons = Enum.GetValues<Status>().Select(s => Render<StatusChip>(p => p.Add(c => c.Status, s)).Find("svg").InnerHtml).ToList();
        Assert.Equal(icons.Count, icons.Distinct(StringComparer.Ordinal).Count());
    }

    [Theory]
    [InlineData("plain name, é, 日本", "plain name, é, 日本")]
    [InlineData("a\u202egnp.exe", "a⟨U+202E⟩gnp.exe")]
    [InlineData("ad\u200bmin", "ad⟨U+200B⟩min")]
    [InlineData("a\u00a0b\u3000c", "a⟨U+00A0⟩b⟨U+3000⟩c")]
    [InlineData("a\u001b[2J\nb\u0085", "a⟨U+001B⟩[2J⟨U+000A⟩b⟨U+0085⟩")]
    [InlineData("\u2066x\u2069\u061c\u3164\ufe0fy", "⟨U+2066⟩x⟨U+2069⟩⟨U+061C⟩⟨U+3164⟩⟨U+FE0F⟩y")]
    [InlineData("a\U000e0041", "a⟨U+E0041⟩")]
    [InlineData("\u2764\ufe0f\u200d\U0001f525", "\u2764\ufe0f\u200d\U0001f525")]
    public void Names_WithInvisibleCharacters_ShowThem(string name, string shown)
    {
        var run = Given.Run() with { ProjectName = name, CommitAuthor = name, Branch = name };
        var header = Render<RunHeader>(p => p.Add(h => h.Run, run));
        Assert.Equal(shown, header.Find("a[href^='/projects/']").TextContent);
        var table = Render<RunTable>(p => p.Add(t => t.Runs, [run]));
        Assert.Contains(shown, table.Find("a").TextContent, StringComparison.Ordinal);
        Assert.Equal(
            2,
            System.Text.RegularExpressions.Regex.Count(table.Find("tbody").TextContent, System.Text.RegularExpressions.Regex.Escape(shown))
        );
    }

    [Theory]
    [InlineData(Status.Running, Status.Pending, Status.Pending)]
    [InlineData(Status.Running, Status.Submitted, Status.Running)]
    [InlineData(Status.Running, Status.Running, Status.Running)]
    [InlineData(Status.Failed, Status.Failed, Status.Failed)]
    public void Step_WhoseAttemptWaitsForASlot_IsPendingAsInTheQueue(Status status, Status attempt, Status shown)
    {
        var step = Given.Step("unit", status, executions: [Given.Execution(Status.Failed), Given.Execution(attempt, attempt: 2)]);
        var card = Render<JobCard>(p =>
            p.Add(c => c.Job, Given.Job("test", Status.Running, step))
                .Add(c => c.Waiting, Nothing)
                .Add(c => c.Link, (Func<string?, string>)(e => $"?execution={e}"))
        );
        Assert.Equal(shown.Word(), card.Find(".step").GetAttribute("data-status"));
        Assert.Equal(shown.Word(), card.Find(".step .status span").TextContent);
    }

    [Fact]
    public void Header_OfARunningRun_ShowsTheExpectedEnd_AndTheCommitMessageAsText()
    {
        var header = Render<RunHeader>(p =>
            p.Add(h => h.Run, Given.Run()).Add(h => h.Median, TimeSpan.FromSeconds(90)).Add(h => h.WaitingFor, WaitReason.Jobs(["build"]))
        );
        Assert.Equal("#12 Charge once <b>only</b>", header.Find("h1").TextContent);
        Assert.Empty(header.FindAll("h1 b"));
        Assert.Contains("push by ci", header.Markup, StringComparison.Ordinal);
        Assert.Contains("median 1 min 30 s", header.Markup, StringComparison.Ordinal);
        Assert.Equal(
            Given.Noon.AddSeconds(91).ToUnixTimeMilliseconds().ToString(System.Globalization.CultureInfo.InvariantCulture),
            header.Find("[data-testid=eta]").GetAttribute("data-eta")
        );
        // That it is waiting for its own jobs is not shown.
        Assert.Empty(header.FindAll("[data-testid=run-reason]"));
    }

    [Theory]
    [InlineData(Status.Pending, null, null, "process", "Waiting for a slot on executor \"process\"")]
    [InlineData(Status.Failed, Reason.OomKilled, "Killed at 64 MiB.", null, "oom killed: Killed at 64 MiB.")]
    [InlineData(Status.Failed, Reason.ExitCode, "The command exited with code 3.", null, "The command exited with code 3.")]
    public void Header_ShowsTheReason(Status status, Reason? reason, string? detail, string? executor, string text)
    {
        var waits = executor is null ? null : WaitReason.Slot(executor);
        var header = Render<RunHeader>(p => p.Add(h => h.Run, Given.Run(status, reason, detail)).Add(h => h.WaitingFor, waits));
        Assert.Equal(text, header.Find("[data-testid=run-reason]").TextContent);
    }

    [Fact]
    public void Graph_ShowsStagesJobsAndSteps_InParallelAndByAttempt()
    {
        var again = Given.Job(
            "linux",
            Status.Running,
            Given.Step("lost", Status.Failed),
            Given.Step("lost", Status.Running, attempt: 2, executions: Given.Execution(Status.Running))
        );
        var graph = Render<RunGraph>(p =>
            p.Add(
                    g => g.Jobs,
                    [
                        Given.Job(
                            "build",
                            Status.Success,
                            Given.Step("compile", Status.Success, 0, exitCode: 0),
                            Given.Step("a", Status.Success, 1),
                            Given.Step("b", Status.Failed, 1, exitCode: 7)
                        ) with
                        {
                            Type = "build",
                        },
                        again,
                    ]
                )
                .Add(g => g.Waiting, Nothing)
                .Add(g => g.Link, e => $"?execution={e}")
        );
        Assert.Equal(["build", "test"], graph.FindAll(".stage > h2").Select(h => h.TextContent));
        Assert.Equal(["a", "b"], graph.FindAll(".parallel .name").Select(n => n.TextContent));
        Assert.Equal("Parallel steps", graph.Find(".parallel").GetAttribute("aria-label"));
        Assert.Contains("exit code 7", graph.Find("[data-step=b]").TextContent, StringComparison.Ordinal);
        Assert.DoesNotContain("exit", graph.Find("[data-step=compile]").TextContent, StringComparison.Ordinal);
        Assert.Equal(["Attempt 2", "Attempt 1"], graph.FindAll("h4").Select(h => h.TextContent));
        // A step without an execution has no log to open.
        Assert.Null(graph.Find("[data-step=compile] .stepbody").GetAttribute("href"));
        Assert.StartsWith("?execution=", graph.Find("[data-job=linux] a.stepbody").GetAttribute("href"), StringComparison.Ordinal);
    }

    [Fact]
    public void Graph_ShowsOnceWhatAJobAndItsStepsAreWaitingFor()
    {
        var (job, step) = (
            Given.Job("deploy", Status.Pending, Given.Step("roll", Status.Pending)),
            Given.Step("own", Status.Running, executions: Given.Execution(Status.Submitted))
        );
        var waiting = new Dictionary<Guid, WaitReason>
        {
            [job.Id.Value] = WaitReason.EarlierJobs(["test"]),
            [job.Steps[0].Id.Value] = WaitReason.EarlierJobs(["test"]),
            [step.Executions[0].Id.Value] = WaitReason.Image("alpine"),
        };
        var graph = Render<RunGraph>(p =>
            p.Add(g => g.Jobs, [job, Given.Job("test", Status.Running, step)]).Add(g => g.Waiting, waiting).Add(g => g.Link, _ => "#")
        );
        Assert.Equal(["Waiting for jobs: test", "Waiting for image alpine"], graph.FindAll("p.sub").Select(p => p.TextContent));
    }

    [Fact]
    public void Timeline_PlacesAttemptsByTheirTime_AndARunningOneGrows()
    {
        var run = Given.Run() with { StartedAt = Given.Noon.AddSeconds(1) };
        var job = Given.Job(
            "test",
            Status.Running,
            Given.Step(
                "unit",
                Status.Running,
                executions: [Given.Execution(Status.Failed, 1, 1, 16), Given.Execution(Status.Running, 2, 16)]
            )
        );
        var timeline = Render<RunTimeline>(p => p.Add(t => t.Run, run).Add(t => t.Jobs, [job]).Add(t => t.Link, e => $"?{e}"));
        Assert.Equal(["left:0%;width:50%", "left:50%;width:50%"], timeline.FindAll("a.span").Select(a => a.GetAttribute("style")));
        Assert.Equal(
            ["unit, attempt 1: failed, 15 s", "unit, attempt 2: running, 15 s"],
            timeline.FindAll("a.span").Select(a => a.TextContent)
        );
        _time.Advance(TimeSpan.FromSeconds(30));
        timeline.WaitForAssertion(() =>
            Assert.Equal(["left:0%;width:25%", "left:25%;width:75%"], timeline.FindAll("a.span").Select(a => a.GetAttribute("style")))
        );
    }

    [Fact]
    public void Trend_WithoutRuns_IsEmpty_AndWithRunsHasATableForScreenReaders()
    {
        var empty = Render<TrendChart>(p => p.Add(t => t.Days, []));
        Assert.Contains("No finished runs in this period", empty.Markup, StringComparison.Ordinal);
        var days = Enumerable
            .Range(1, 14)
            .Select(d => new DayTrend(new(2030, 5, d), d == 7 ? 0 : d, d % 3, 0, d == 7 ? null : TimeSpan.FromSeconds(10 * d)))
            .ToList();
        var trend = Render<TrendChart>(p => p.Add(t => t.Days, days));
        Assert.Contains(
            "98 runs",
            Render<TrendChart>(p => p.Add(t => t.Days, [new(new(2030, 5, 1), 90, 8, 0, null)])).Markup,
            StringComparison.Ordinal
        );
        Assert.Equal(14, trend.FindAll("tbody tr").Count);
        Assert.Contains("–", trend.FindAll("tbody tr")[6].TextContent, StringComparison.Ordinal);
        Assert.Equal("true", trend.Find(".charts").GetAttribute("aria-hidden"));
    }

    [Fact]
    public void LogRow_RendersMarkupAsText_AndRendersAgainOnlyForAnotherLine()
    {
        var line = new LogLine(7, Given.Noon, [new("<script>x</script>", ""), new("red", "fg1 bold")]);
        var row = Render<LogRow>(p => p.Add(r => r.Line, line).Add(r => r.HasTime, true).Add(r => r.Href, "?line=7"));
        Assert.Equal("<script>x</script>red", row.Find(".text").TextContent);
        Assert.Empty(row.FindAll("script"));
        Assert.Equal("red", row.Find(".fg1.bold").TextContent);
        Assert.Equal("12:00:00.000", row.Find(".when").TextContent);
        var renderCount = row.RenderCount;
        row.Render(p => p.Add(r => r.Line, new(7, Given.Noon, [new("<script>x</script>", ""), new("red", "fg1 bold")])));
        Assert.Equal(renderCount, row.RenderCount);
        row.Render(p => p.Add(r => r.Line, new(7, Given.Noon, [new("<script>x</script> and more", "")])));
        Assert.Equal(renderCount + 1, row.RenderCount);
    }

    [Fact]
    public void LogRow_HighlightsMatches_AsText()
    {
        var row = Render<LogRow>(p =>
            p.Add(r => r.Line, new(7, null, [new("a <b>nee", ""), new("dle</b>", "fg1")]))
                .Add(r => r.Find, "NEEDLE")
                .Add(r => r.Href, "?line=7")
        );
        Assert.Equal(["nee", "dle"], row.FindAll("mark").Select(m => m.TextContent));
        Assert.Equal("a <b>needle</b>", row.Find(".text").TextContent);
        row.Render(p => p.Add(r => r.Find, ""));
        Assert.Empty(row.FindAll("mark"));
    }

    /// <summary>A log that can't be read is shown as an error, and updates continue.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task LogViewer_WithAFailingStore_ShowsTheError_AndContinues(bool isWrapped)
    {
        var source = new UnreadableLog();
        Services.AddSingleton(
            new SharedViews<ExecutionId, LogView>(source, TimeProvider.System, NullLogger<SharedViews<ExecutionId, LogView>>.Instance)
        );
        var viewer = Render<LogViewer>(p =>
            p.Add(v => v.Execution, ExecutionId.New(TimeProvider.System))
                .Add(v => v.Options, new LogViewOptions(Line: 1, Find: "x", IsWrapped: isWrapped))
        );
        viewer.WaitForAssertion(() =>
            Assert.Contains("1 line,", viewer.Find("[data-testid=log-lines]").TextContent, StringComparison.Ordinal)
        );
        viewer.WaitForAssertion(() => Assert.NotNull(viewer.Find("[role=alert]")));
        viewer.Find("form").Submit();
        await source.Changes.Writer.WriteAsync(true, Xunit.TestContext.Current.CancellationToken);
        viewer.WaitForAssertion(() =>
            Assert.Contains("2 lines,", viewer.Find("[data-testid=log-lines]").TextContent, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void LintErrors_ShowPositionAndMessage()
    {
        var lint = Render<LintErrors>(p =>
            p.Add(l => l.Errors, PipelineFile.Parse("build:\n  steps:\n    - { name: x, runn: y }\n").Errors)
        );
        Assert.Contains(".shipinator.yaml:3:", lint.Find("li strong").TextContent, StringComparison.Ordinal);
        Assert.Contains("runn", lint.Markup, StringComparison.Ordinal);
        Assert.Empty(lint.FindAll("[data-testid=lint-warnings]"));
        var warned = Render<LintErrors>(p =>
            p.Add(l => l.Errors, [])
                .Add(l => l.Warnings, PipelineFile.Parse("build: { steps: [ { name: x, run: 'make | tee log' } ] }").Warnings)
        );
        Assert.Contains("warning:", warned.Find("[data-testid=lint-warnings] li").TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public void StaleBanner_RevealsNoUnexpectedErrors()
    {
        Assert.Equal("", Render<StaleBanner>(p => p.Add(a => a.Error, new NotFoundException("run", "x"))).Markup.Trim());
        var banner = Render<StaleBanner>(p =>
            p.Add(a => a.Error, new InvalidOperationException("connection string secret")).Add(a => a.HasValue, true)
        );
        Assert.DoesNotContain("secret", banner.Markup, StringComparison.Ordinal);
        Assert.Contains("Showing the last known state", banner.Find("[role=alert]").TextContent, StringComparison.Ordinal);
    }

    /// <summary>A log that grows and can't be read.</summary>
    private sealed class UnreadableLog : IViewSource<ExecutionId, LogView>
    {
        private int _lines;

        public Channel<bool> Changes { get; } = Channel.CreateUnbounded<bool>();

        public Task<LogView> ReadAsync(ExecutionId key, LogView? previous, CancellationToken cancellationToken) =>
            Task.FromResult(new LogView(null!, new(++_lines, 10, false)));

        public IAsyncEnumerable<bool> ChangesAsync(ExecutionId key, CancellationToken cancellationToken) =>
            Changes.Reader.ReadAllAsync(cancellationToken);

        public TimeSpan? RefreshAfter(LogView view) => null;
    }
}
