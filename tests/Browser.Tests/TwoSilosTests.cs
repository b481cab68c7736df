using Microsoft.Playwright;
using Shipinator.EndToEnd.Tests;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>Two servers on one database: changes on one are shown by the other.</summary>
public sealed class TwoSilosTests(Dashboard dashboard)
{
    [Fact]
    public async Task PageOnOneServer_ShowsChangesOnTheOther_WhichAcceptsItsCookie()
    {
        using var bench = new Workbench();
        await using var cluster = await ClusterOfTwo.StartAsync(bench.Data);
        using var api = new Api(cluster.Servers[1], cluster.Token);
        var gate = bench.Mark("gate");
        bench.Commit(
            $$"""
            build:
              steps:
                - { name: hold, run: "echo one; while [ ! -e {{gate}} ]; do sleep 0.05; done; echo two" }
                - { name: after, run: "true" }
            """
        );
        var pipeline = await api.RegisterAsync(bench.Repository);

        await using var visitor = await dashboard.VisitAsync(cluster.Servers[0], token: cluster.Token);
        var page = visitor.Page;
        await visitor.OpenAsync("/projects");
        await api.PostAsync("/v1/projects", new { name = "created on the other server" });
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "created on the other server" })).ToBeVisibleAsync();
        await visitor.OpenAsync("/settings/tokens");
        await api.PostAsync("/v1/tokens", new { name = "a token from the other server", role = "read" });
        await Expect(page.GetByRole(AriaRole.Row, new() { Name = "a token from the other server" })).ToBeVisibleAsync();
        await visitor.OpenAsync("/");
        var run = await api.TriggerAsync(pipeline);
        await Expect(page.Locator("section[aria-labelledby=live]").GetByRole(AriaRole.Row, new() { Name = "hello" }))
            .ToContainTextAsync("hold");
        await page.GetByRole(AriaRole.Link, new() { Name = "#1" }).First.ClickAsync();
        await JourneyTests.Step(page, "hold").GetByRole(AriaRole.Link).ClickAsync();
        await Expect(page.GetByTestId("log")).ToContainTextAsync("one");
        bench.SetMark("gate");
        await Expect(page.GetByTestId("log")).ToContainTextAsync("two");
        await Expect(JourneyTests.Step(page, "after")).ToHaveAttributeAsync("data-status", "success");
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("success");

        // The servers share their keys: the other one accepts the cookie.
        var cookie = (await visitor.Context.CookiesAsync()).Single(c =>
            c.Name.StartsWith("shipinator-", StringComparison.Ordinal) && c.Name != "shipinator-form"
        );
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
        {
            BaseAddress = cluster.Servers[1],
        };
        // The cookie name contains the port; servers behind one address share it.
        http.DefaultRequestHeaders.Add("Cookie", $"shipinator-{cluster.Servers[1].Port}={cookie.Value}");
        using var response = await http.GetAsync($"/v1/pipeline-runs/{run}");
        Assert.Equal(System.Net.HttpStatusCode.OK, response.StatusCode);
    }
}
