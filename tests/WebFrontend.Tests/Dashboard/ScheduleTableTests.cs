using Bunit;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor.Services;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Dashboard.Features.Schedules;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>The table of schedules, rendered without a browser.</summary>
public sealed class ScheduleTableTests : BunitContext
{
    public ScheduleTableTests()
    {
        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddMudServices();
        Services.AddSingleton(TimeProvider.System);
    }

    private static ScheduleRow Schedule { get; } =
        new()
        {
            Id = ScheduleId.New(TimeProvider.System),
            RepositoryId = RepositoryId.New(TimeProvider.System),
            RepositoryName = "web",
            ProjectName = "shop",
            DefaultBranch = "main",
            EntryKey = "name:nightly",
            Name = "nightly",
            Cron = "0 3 * * *",
            TimeZone = "Europe/Berlin",
            Inputs = new Dictionary<string, string> { ["target"] = "<b>prod</b>" },
            Enabled = true,
            NextAt = Given.Noon,
            Attempts = 0,
            Failures = 0,
            CreatedAt = Given.Noon,
            UpdatedAt = Given.Noon,
        };

    [Fact]
    public void Schedule_ShowsWhenItIsDue_InUtcAndForTheReadersClock()
    {
        var row = Row(Schedule);
        Assert.Equal("2030-05-17 12:00:00 UTC", row.Find("time").TextContent);
        Assert.Equal(
            Given.Noon.ToUnixTimeMilliseconds().ToString(System.Globalization.CultureInfo.InvariantCulture),
            row.Find("time").GetAttribute("data-local")
        );
        Assert.Contains("target=<b>prod</b>", row.Find("td").TextContent, StringComparison.Ordinal);
        Assert.Empty(row.FindAll("b"));
        Assert.Equal("Enabled", row.Find("[data-testid=schedule-status]").TextContent.Trim());
        Assert.Equal("main", row.Find(".tag").TextContent);
    }

    [Fact]
    public void LateRun_ShowsWhy_AndItsStatus()
    {
        var run = RunId.New(TimeProvider.System);
        var row = Row(Schedule with { LastRunId = run, LastRunNumber = 12, LastRunStatus = Status.Failed, Note = "Late: due at noon." });
        Assert.Equal("Late: due at noon.", row.Find("[data-testid=schedule-note]").TextContent);
        Assert.Equal("#12", row.Find($"a[href='/runs/{run}']").TextContent);
        Assert.Equal("failed", row.Find("[data-status]").GetAttribute("data-status"));
    }

    [Theory]
    [InlineData(0, 2, "Retrying, after 2 failed attempts")]
    [InlineData(3, 0, "Failing: 3 due times in a row without a run")]
    [InlineData(1, 1, "Failing: 1 due time in a row without a run")]
    public void Failure_IsShown(int failures, int attempts, string status)
    {
        var row = Row(Schedule with { Failures = failures, Attempts = attempts, Failure = "The forge is away." });
        Assert.StartsWith(status, row.Find("[data-testid=schedule-status]").TextContent.Trim(), StringComparison.Ordinal);
        Assert.Equal("The forge is away.", row.Find("[data-testid=schedule-failure]").TextContent);
    }

    [Fact]
    public void Actions_AreForWriters_AndSayWhatTheyDo()
    {
        Assert.Empty(Row(Schedule).FindAll("button"));
        var switched = new List<(ScheduleRow, bool)>();
        var started = new List<ScheduleRow>();
        var disabled = Schedule with { Id = ScheduleId.New(TimeProvider.System), Enabled = false, NextAt = null };
        var table = Render<ScheduleTable>(p =>
            p.Add(t => t.Schedules, [Schedule, disabled])
                .Add(t => t.MayWrite, true)
                .Add(t => t.Switched, to => switched.Add(to))
                .Add(t => t.RunNow, schedule => started.Add(schedule))
        );
        table.Find("button[aria-label='Disable nightly']").Click();
        table.Find("button[aria-label='Enable nightly']").Click();
        table.Find("button[aria-label='Run nightly now']").Click();
        Assert.Equal([(Schedule, false), (disabled, true)], switched);
        Assert.Equal([Schedule], started);
        Assert.Contains("Disabled", table.Find($"[data-schedule='{disabled.Id}']").TextContent, StringComparison.Ordinal);
    }

    private IRenderedComponent<ScheduleTable> Row(ScheduleRow schedule) => Render<ScheduleTable>(p => p.Add(t => t.Schedules, [schedule]));
}
