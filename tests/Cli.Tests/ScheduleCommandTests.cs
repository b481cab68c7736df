using System.Text.Json;

namespace Shipinator.Cli.Tests;

/// <summary><c>schedules</c> and <c>schedule</c>, as a process.</summary>
public sealed class ScheduleCommandTests : IAsyncLifetime
{
    private readonly Shell _shell = new();
    private FakeServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _server.HasRepository = true;
        _shell.Environment["SHIPINATOR_SERVER_URL"] = _server.Url;
        _shell.Environment["SHIPINATOR_TOKEN"] = FakeServer.Token;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _shell.Dispose();
    }

    [Theory]
    [InlineData("GET /v1/schedules?limit=100")]
    [InlineData("GET /v1/repositories/r1/schedules?limit=100", "shop")]
    [InlineData("GET /v1/repositories/r1/schedules?limit=100", "shop/shop")]
    public async Task Schedules_ShowsNextAndLastRun_FailureAndLateness(string request, params string[] repository)
    {
        _server.Hostile = "\\u001b[2Jx";
        var outcome = await _shell.RunAsync(["schedules", .. repository]);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Contains(request, _server.Requests);
        foreach (
            var text in new[]
            {
                "shop/shop",
                "(0 3 * * *)",
                "Europe/Berlin",
                "failing",
                "2026-01-02 03:04:05Z",
                "#7 success",
                "The forge is away.",
                "(2 due times in a row have no run)",
                "Late: ",
            }
        )
        {
            Assert.Contains(text, outcome.Output, StringComparison.Ordinal);
        }

        Assert.DoesNotContain('\u001b', outcome.Output);
    }

    [Fact]
    public async Task Schedules_AsJson_IsOneList()
    {
        var outcome = await _shell.RunAsync("schedules", "--output", "json");
        using var json = JsonDocument.Parse(outcome.Output);
        Assert.Equal("c1", Assert.Single(json.RootElement.EnumerateArray()).GetProperty("id").GetString());
    }

    [Theory]
    [InlineData("enable", """{"enabled":true}""", "Enabled schedule nightly; next run: 2026-01-02 03:04:05Z")]
    [InlineData("disable", """{"enabled":false}""", "Disabled schedule nightly")]
    public async Task Switch_SendsTheState(string command, string body, string message)
    {
        var outcome = await _shell.RunAsync("schedule", command, "c1");
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Equal(body, Assert.Single(_server.ScheduleRequests));
        Assert.StartsWith(message, outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Switch_OfAnUnknownSchedule_IsNotFound() =>
        Assert.Equal(ExitCodes.NotFound, (await _shell.RunAsync("schedule", "disable", "c2")).ExitCode);

    [Fact]
    public async Task Run_IsOneRun_AlsoWhenTheResponseIsLost()
    {
        _server.Fault("/v1/schedules/c1/runs", 503);
        var outcome = await _shell.RunAsync("schedule", "run", "c1");
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Contains("Run #7", outcome.Output, StringComparison.Ordinal);
        Assert.Equal(2, _server.Keys.Count);
        Assert.Single(_server.Keys.Distinct());
    }
}
