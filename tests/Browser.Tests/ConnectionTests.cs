using Microsoft.Playwright;
using Shipinator.EndToEnd.Tests;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>Lines that break, and servers that go away and come back.</summary>
public sealed class ConnectionTests(Dashboard dashboard)
{
    private static readonly LocatorAssertionsToContainTextOptions Patient = new() { Timeout = 40_000 };

    [Fact]
    public async Task Line_CutAndMended_CatchesUpWithoutAReload()
    {
        var gate = Path.Combine(Path.GetTempPath(), $"ship-gate-{Guid.CreateVersion7():N}");
        var run = await dashboard.RunAsync(
            $"build:\n  steps:\n    - {{ name: before, run: \"echo seen before\" }}\n    - {{ name: hold, run: \"echo held; while [ ! -e {gate} ]; do sleep 0.05; done; echo let go\" }}\n"
        );
        await using var line = new Forwarder(dashboard.Url.Port);
        await using var visitor = await dashboard.VisitAsync(line.Url);
        visitor.ExpectComplaints();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}?execution={await dashboard.ExecutionAsync(run, "hold")}");
        await Expect(page.GetByTestId("log")).ToContainTextAsync("held");
        await page.EvaluateAsync("window.sameDocument = true");

        line.Cut();
        await Expect(page.Locator("#components-reconnect-modal")).ToContainTextAsync("connection to the server was lost", Patient);
        await Expect(page.Locator("#components-reconnect-modal")).ToBeVisibleAsync();
        // What was known stays readable, and the run goes on meanwhile.
        await Expect(page.GetByTestId("log")).ToContainTextAsync("held");
        await File.WriteAllTextAsync(gate, "");
        await dashboard.Api.WaitForEndAsync(run, TimeSpan.FromSeconds(30));

        line.Restore();
        await Expect(page.GetByTestId("run-status")).ToContainTextAsync("success", Patient);
        await Expect(page.GetByTestId("log")).ToContainTextAsync("let go", Patient);
        await Expect(page.Locator("#components-reconnect-modal")).ToBeHiddenAsync();
        Assert.True(await page.EvaluateAsync<bool>("window.sameDocument === true"), "The page was loaded again.");
        File.Delete(gate);
    }

    [Fact]
    public async Task Server_StoppedAndStarted_IsFoundAgainByItsOpenPages()
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
        visitor.ExpectComplaints();
        await visitor.OpenAsync(address);
        await again.StopAsync();
        await Expect(visitor.Page.Locator("#components-reconnect-modal")).ToBeVisibleAsync(new() { Timeout = 40_000 });

        // The same port, the same keys: the cookie still counts, and the address says what to show.
        await using var third = await Dashboard.StartServerAsync(bench, "--port", "0");
        await Expect(visitor.Page.Locator("#components-reconnect-modal")).ToBeHiddenAsync(new() { Timeout = 60_000 });
        await Expect(visitor.Page.GetByTestId("timeline")).ToContainTextAsync("quick", Patient);
    }

    [Fact]
    public async Task Database_Away_LeavesWhatWasKnownOnTheScreen_AndAPageThatSaysSo()
    {
        using var bench = new Workbench();
        await using var server = await Dashboard.StartServerAsync(bench, "--port", "0");
        var (url, token) = SiloProcess.Connection(bench.Data);
        await using var visitor = await dashboard.VisitAsync(url, token: token);
        visitor.ExpectComplaints();
        var page = visitor.Page;
        await visitor.OpenAsync("/");
        await Expect(page.GetByText("Nothing has run yet")).ToBeVisibleAsync();
        // A list that nothing refreshes by the clock, and a page of history.
        await using var list = await dashboard.VisitAsync(url, token: token);
        list.ExpectComplaints();
        await list.OpenAsync("/runs");
        using var api = new Api(url, token);
        bench.Commit("build:\n  steps:\n    - { name: quick, run: \"true\" }\n");
        var run = await api.TriggerAsync(await api.RegisterAsync(bench.Repository));
        await api.WaitForEndAsync(run, TimeSpan.FromSeconds(60));
        await using var graph = await dashboard.VisitAsync(url, token: token);
        graph.ExpectComplaints();
        await graph.OpenAsync($"/runs/{run}");
        await Expect(page.Locator("section[aria-labelledby=recent] tbody tr")).ToHaveCountAsync(1);
        var postmaster = (await File.ReadAllLinesAsync(Path.Combine(bench.Data, "postgres", "data", "postmaster.pid")))[0];
        using (var kill = System.Diagnostics.Process.Start("kill", ["-9", postmaster]))
        {
            await kill.WaitForExitAsync();
        }

        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("this is the last that was known", Patient);
        await Expect(page.Locator("section[aria-labelledby=recent] tbody tr")).ToHaveCountAsync(1);
        await Expect(list.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("this is the last that was known", Patient);
        await graph.Page.GetByRole(AriaRole.Link, new() { Name = "History" }).ClickAsync();
        await Expect(graph.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("The database can't be reached", Patient);
        await Expect(graph.Page.GetByRole(AriaRole.Heading, new() { Name = "This page broke" })).ToHaveCountAsync(0);
        await page.GotoAsync("/runs");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Shipinator can't answer now");
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("The database can't be reached");
        await visitor.ExpectAccessibleAsync("database away");
    }
}
