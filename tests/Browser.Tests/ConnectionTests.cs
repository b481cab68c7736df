using Microsoft.Playwright;
using Shipinator.EndToEnd.Tests;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>Lost connections, and servers and databases that become unavailable and recover.</summary>
public sealed class ConnectionTests(Dashboard dashboard)
{
    private static readonly LocatorAssertionsToContainTextOptions Slow = new() { Timeout = 40_000 };

    [Fact]
    public async Task Connection_LostAndRestored_CatchesUpWithoutAReload()
    {
        var gate = Path.Combine(Path.GetTempPath(), $"ship-gate-{Guid.CreateVersion7():N}");
        var run = await dashboard.RunAsync(
            $$"""
            build:
              steps:
                - { name: before, run: "echo seen before" }
                - { name: hold, run: "echo held; while [ ! -e {{gate}} ]; do sleep 0.05; done; echo let go" }
            """
        );
        await using var connection = new Forwarder(dashboard.Url.Port);
        await using var visitor = await dashboard.VisitAsync(connection.Url);
        visitor.AllowConsoleErrors();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}?execution={await dashboard.ExecutionAsync(run, "hold")}");
        await Expect(page.GetByTestId("log")).ToContainTextAsync("held");
        await page.EvaluateAsync("window.sameDocument = true");

        connection.Cut();
        await Expect(page.Locator("#components-reconnect-modal")).ToContainTextAsync("Connection to the server lost", Slow);
        await Expect(page.Locator("#components-reconnect-modal")).ToBeVisibleAsync();
        // The last known state stays readable, and the run continues in the meantime.
        await Expect(page.GetByTestId("log")).ToContainTextAsync("held");
        await File.WriteAllTextAsync(gate, "");
        await dashboard.Api.WaitForEndAsync(run, TimeSpan.FromSeconds(30));

        connection.Restore();
        await Expect(page.GetByTestId("run-status")).ToContainTextAsync("success", Slow);
        await Expect(page.GetByTestId("log")).ToContainTextAsync("let go", Slow);
        await Expect(page.Locator("#components-reconnect-modal")).ToBeHiddenAsync();
        Assert.True(await page.EvaluateAsync<bool>("window.sameDocument === true"), "The page was reloaded.");
        File.Delete(gate);
    }

    [Fact]
    public async Task Server_Restarted_IsFoundAgainByItsOpenPages()
    {
        using var bench = new Workbench();
        string token,
            address;
        Uri url;
        await using (var server = await Dashboard.StartServerAsync(bench, "--port", "0"))
        {
            (url, token) = SiloProcess.Connection(bench.Data);
            using var api = new Api(url, token);
            bench.Commit("build:\n  steps:\n    - { name: quick, run: \"echo done\" }\n");
            var run = await api.TriggerAsync(await api.RegisterAsync(bench.Repository));
            await api.WaitForEndAsync(run, TimeSpan.FromSeconds(30));
            address = $"/runs/{run}?view=timeline";
        }

        await using var again = await Dashboard.StartServerAsync(bench, "--port", "0");
        await using var visitor = await dashboard.VisitAsync(url, token: token);
        visitor.AllowConsoleErrors();
        await visitor.OpenAsync(address);
        await again.StopAsync();
        await Expect(visitor.Page.Locator("#components-reconnect-modal")).ToBeVisibleAsync(new() { Timeout = 40_000 });

        // The port and the keys are the same: the cookie is still valid, and the address contains what to show.
        await using var third = await Dashboard.StartServerAsync(bench, "--port", "0");
        await Expect(visitor.Page.Locator("#components-reconnect-modal")).ToBeHiddenAsync(new() { Timeout = 60_000 });
        await Expect(visitor.Page.GetByTestId("timeline")).ToContainTextAsync("quick", Slow);
    }

    [Fact]
    public async Task Database_Unavailable_KeepsTheLastKnownState_AndShowsAnErrorPage()
    {
        using var bench = new Workbench();
        await using var server = await Dashboard.StartServerAsync(bench, "--port", "0");
        var (url, token) = SiloProcess.Connection(bench.Data);
        await using var visitor = await dashboard.VisitAsync(url, token: token);
        visitor.AllowConsoleErrors();
        var page = visitor.Page;
        await visitor.OpenAsync("/");
        await Expect(page.GetByText("No runs yet")).ToBeVisibleAsync();
        // A list that is not refreshed by a timer, and a page with a history.
        await using var list = await dashboard.VisitAsync(url, token: token);
        list.AllowConsoleErrors();
        await list.OpenAsync("/runs");
        using var api = new Api(url, token);
        bench.Commit("build:\n  steps:\n    - { name: quick, run: \"true\" }\n");
        var run = await api.TriggerAsync(await api.RegisterAsync(bench.Repository));
        await api.WaitForEndAsync(run, TimeSpan.FromSeconds(180));
        await using var graph = await dashboard.VisitAsync(url, token: token);
        graph.AllowConsoleErrors();
        await graph.OpenAsync($"/runs/{run}");
        await Expect(page.Locator("section[aria-labelledby=recent] tbody tr")).ToHaveCountAsync(1);
        var postmaster = (await File.ReadAllLinesAsync(Path.Combine(bench.Data, "postgres", "data", "postmaster.pid")))[0];
        using (var kill = System.Diagnostics.Process.Start("kill", ["-9", postmaster]))
        {
            await kill.WaitForExitAsync();
        }

        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Showing the last known state", Slow);
        await Expect(page.Locator("section[aria-labelledby=recent] tbody tr")).ToHaveCountAsync(1);
        await Expect(list.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Showing the last known state", Slow);
        await graph.Page.GetByRole(AriaRole.Link, new() { Name = "History" }).ClickAsync();
        await Expect(graph.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("The database can't be reached", Slow);
        await Expect(graph.Page.GetByRole(AriaRole.Heading, new() { Name = "This page failed to load" })).ToHaveCountAsync(0);
        await page.GotoAsync("/runs");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Shipinator is temporarily unavailable");
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("The database can't be reached");
        await visitor.ExpectAccessibleAsync("database unavailable");
    }
}
