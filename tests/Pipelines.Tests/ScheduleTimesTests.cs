using System.Globalization;
using CsCheck;

namespace Shipinator.Pipelines.Tests;

/// <summary>When schedules are due: clock changes, the spread of <c>H</c>, order.</summary>
public sealed class ScheduleTimesTests
{
    private static readonly RepositoryId Repository = new(Guid.Parse("01890a5d-ac96-774b-bcce-b302099a8057"));

    private static readonly string[] Crons =
    [
        "* * * * *",
        "*/7 * * * *",
        "0 3 * * *",
        "30 2 * * *",
        "H H * * *",
        "H/15 * * * *",
        "0 0 1 * *",
        "0 12 L * *",
        "15 1 * * SUN",
        "0 4 29 2 *",
        "@hourly",
        "@weekly",
        "0 0-4/2 * * 1-5",
    ];

    private static readonly string[] Zones =
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "Pacific/Apia",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Kathmandu",
    ];

    [Theory]
    // The clock is set forward at 02:00: the skipped time is due at the next valid one, once.
    [InlineData("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00", "03-28T01:30 03-29T01:00 03-30T00:30")]
    [InlineData("30 2 * * *", "America/New_York", "2026-03-07T00:00", "03-07T07:30 03-08T07:00 03-09T06:30")]
    // It is set back at 03:00 or 02:00: the repeated time is due once, the first time.
    [InlineData("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00", "10-24T00:30 10-25T00:30 10-26T01:30")]
    [InlineData("30 1 * * *", "America/New_York", "2026-10-31T00:00", "10-31T05:30 11-01T05:30 11-02T06:30")]
    // An interval goes on through both.
    [InlineData("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15", "03-29T00:30 03-29T01:00 03-29T01:30 03-29T02:00")]
    [InlineData("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:15", "10-25T00:30 10-25T01:00 10-25T01:30 10-25T02:00")]
    // Clock changes of half an hour.
    [InlineData("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00", "10-03T15:30 10-04T15:15")]
    [InlineData("45 1 * * *", "Australia/Lord_Howe", "2026-04-03T20:00", "04-04T14:45 04-05T15:15")]
    // A zone that has no clock changes any more, on the other side of the date line.
    [InlineData("0 3 * * *", "Pacific/Apia", "2026-03-28T00:00", "03-28T14:00 03-29T14:00 03-30T14:00")]
    [InlineData("0 3 * * *", "UTC", "2026-03-28T03:00", "03-29T03:00 03-30T03:00")]
    [InlineData("@daily", "UTC", "2026-03-28T03:00", "03-29T00:00 03-30T00:00")]
    [InlineData("0 4 29 2 *", "UTC", "2026-03-28T03:00", "02-29T04:00")]
    public void ClockChange_DueTimes_AreThese(string cron, string zone, string from, string expected)
    {
        var times = ScheduleTimes.Of(cron, zone, Repository);
        var at = DateTimeOffset.Parse(from + "Z", CultureInfo.InvariantCulture);
        foreach (var text in expected.Split(' '))
        {
            at = times.Next(at)!.Value;
            Assert.Equal(TimeSpan.Zero, at.Offset);
            Assert.Equal(text, at.ToString("MM-dd'T'HH:mm", CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Samoa had no 30 December 2011: the due times of that day are one.</summary>
    [Fact]
    public void SkippedDay_IsDueOnce()
    {
        var times = ScheduleTimes.Of("0 3 * * *", "Pacific/Apia", Repository);
        var before = new DateTimeOffset(2011, 12, 29, 12, 0, 0, TimeSpan.Zero);
        Assert.Equal(3, times.Count(before, before.AddDays(3), 10));
    }

    [Fact]
    public void Next_StrictlyIncreases_AndIsFoundFromAnyTimeBefore() =>
        Gen.Select(
                Gen.OneOf(Crons.Select(Gen.Const).ToArray()),
                Gen.OneOf(Zones.Select(Gen.Const).ToArray()),
                Gen.Long[0, 10L * 365 * 24 * 60 * 60]
            )
            .Sample(
                (cron, zone, seconds) =>
                {
                    var times = ScheduleTimes.Of(cron, zone, Repository);
                    var at = new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero).AddSeconds(seconds);
                    for (var i = 0; i < 20; i++)
                    {
                        var next = times.Next(at)!.Value;
                        if (next <= at || times.Next(next.AddSeconds(-1)) != next)
                        {
                            return false;
                        }

                        at = next;
                    }

                    return true;
                },
                iter: 500
            );

    [Fact]
    public void Count_IsTheNumberOfTimes_UpToTheLimit()
    {
        var times = ScheduleTimes.Of("*/5 * * * *", "UTC", Repository);
        var start = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        Assert.Equal(12, times.Count(start, start.AddHours(1), 1000));
        Assert.Equal(0, times.Count(start, start.AddMinutes(4), 1000));
        Assert.Equal(10, times.Count(start, start.AddYears(1), 10));
    }

    [Theory]
    [InlineData("H 3 * * *")]
    [InlineData("0 H * * *")]
    public void H_IsFixedPerRepository_AndSpreadOverRepositories(string cron)
    {
        var start = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        // Ids of repositories that were registered within a second.
        var repositories = Enumerable.Range(0, 300).Select(i => new RepositoryId(Guid.CreateVersion7(start.AddMilliseconds(i)))).ToList();
        var first = repositories.Select(r => ScheduleTimes.Of(cron, "UTC", r).Next(start)).ToList();
        Assert.Equal(first, repositories.Select(r => ScheduleTimes.Of(cron, "UTC", r).Next(start)));
        Assert.All(
            repositories.Zip(first),
            p => Assert.Equal(p.Second!.Value.AddDays(1), ScheduleTimes.Of(cron, "UTC", p.First).Next(p.Second.Value))
        );
        Assert.True(first.Distinct().Count() >= (cron.StartsWith('H') ? 40 : 20), $"Only {first.Distinct().Count()} different times.");
    }

    [Theory]
    [InlineData("61 * * * *", "UTC")]
    [InlineData("@every_second", "UTC")]
    [InlineData("0 3 * * *", "Europe/Atlantis")]
    [InlineData("0 3 * * *", "../../etc/passwd")]
    [InlineData("0 3 * * *", "localtime")]
    [InlineData("0 3 * * *", "right/Europe/Berlin")]
    [InlineData("0 3 * * *", "/etc/localtime")]
    [InlineData("0 3 * * *", "")]
    public void InvalidScheduleOrZone_IsRefused(string cron, string zone) =>
        Assert.Equal("schedule_invalid", Assert.Throws<InvalidInputException>(() => ScheduleTimes.Of(cron, zone, Repository)).Code);

    [Fact]
    public void Entries_AreRecognizedByNameOrContent()
    {
        var all = Read(Full);
        Assert.Equal(5, all.Select(e => e.Key).Distinct().Count());
        Assert.Equal(all, Read(Full));
        Assert.Equal("name:nightly", all[4].Key);
        Assert.Equal("prod", all[3].Inputs["target"]);
        Assert.Equal(Read("- { cron: \"5 4 * * *\", name: nightly }")[0].Key, all[4].Key);

        // Spaces between fields are no difference.
        Assert.Equal(Read("- { cron: \"0 3  * * *\", timezone: Europe/Berlin }")[0].Key, all[1].Key);

        static IReadOnlyList<ScheduleEntry> Read(string entries) =>
            PipelineFile
                .Parse(
                    $"on:\n  manual: {{ inputs: {{ target: {{ default: staging }} }} }}\n  schedule:\n"
                        + string.Join('\n', entries.Split('\n').Select(l => "    " + l))
                        + "\nbuild: { steps: [ { name: a, run: x } ] }\n"
                )
                .Model!.Schedules;
    }

    private const string Full = """
        - { cron: "0 3 * * *" }
        - { cron: "0  3 * * *", timezone: Europe/Berlin }
        - { cron: "0 3 * * *", branch: dev }
        - { cron: "0 3 * * *", inputs: { target: prod } }
        - { cron: "0 3 * * *", name: nightly }
        """;
}
