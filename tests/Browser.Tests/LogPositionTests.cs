using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>The scroll position of a log, which changes only when the user wants it to.</summary>
public sealed class LogPositionTests(Dashboard dashboard)
{
    [Theory]
    [InlineData("seq 1 300")]
    [InlineData("seq 1 300; sleep 600")]
    public async Task Scrollbar_OfANewlyOpenedLog_CanBeDragged(string command)
    {
        var run = await dashboard.RunAsync($"build:\n  steps:\n    - {{ name: talk, run: \"{command}\" }}\n");
        await using var browser = await dashboard.LaunchAsync(hasScrollbars: true);
        await using var visitor = await dashboard.VisitAsync(browser: browser);
        var page = visitor.Page;
        var log = await OpenAsync(visitor, run);
        await Expect(Row(log, 300)).ToBeInViewportAsync();
        if (!command.Contains("sleep", StringComparison.Ordinal))
        {
            await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("success");
        }

        var box = (await log.BoundingBoxAsync())!;
        Assert.True(await log.EvaluateAsync<int>("b => b.offsetWidth - b.clientWidth") > 5, "There is no scrollbar to drag.");
        var (x, y) = (box.X + box.Width - 5, box.Y + box.Height - 25);
        await page.Mouse.MoveAsync(x, y);
        await page.Mouse.DownAsync();
        await page.Mouse.MoveAsync(x, y - (box.Height / 2), new() { Steps = 20 });
        await Expect(Row(log, 300)).Not.ToBeInViewportAsync();
        await Expect(log).ToContainTextAsync(new Regex("1[0-9]{2}"));
        await page.Mouse.UpAsync();
        Assert.InRange(await log.EvaluateAsync<double>("b => b.scrollTop / (b.scrollHeight - b.clientHeight)"), 0.2, 0.8);
        await dashboard.Api.PostAsync($"/v1/pipeline-runs/{run}/cancel");
    }

    [Fact]
    public async Task Back_ReturnsToThePreviousLine()
    {
        var run = await dashboard.EndedRunAsync("build:\n  steps:\n    - { name: talk, run: \"seq 1 5000\" }\n");
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        var log = await OpenAsync(visitor, run, "&line=10");
        await Expect(Row(log, 10)).ToBeInViewportAsync();
        await page.GetByTestId("log-end").ClickAsync();
        await Expect(Row(log, 5000)).ToBeInViewportAsync();
        var position = await log.EvaluateAsync<double>("b => b.scrollTop");
        await Row(log, 4990).Locator(".no").ClickAsync();
        await Expect(log.Locator(".row.at .no")).ToHaveTextAsync("4990");
        // A line in view does not move.
        Assert.Equal(position, await log.EvaluateAsync<double>("b => b.scrollTop"));
        await page.GoBackAsync();
        await Expect(Row(log, 10)).ToBeInViewportAsync();
        await page.GoForwardAsync();
        await Expect(Row(log, 4990)).ToBeInViewportAsync();
    }

    [Fact]
    public async Task Wrap_KeepsThePosition_AndContinuesBeyondTheRenderedLines()
    {
        var run = await dashboard.EndedRunAsync(
            "build:\n  steps:\n    - { name: talk, run: \"for i in $(seq 1 5000); do echo line $i; done\" }\n"
        );
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        var log = await OpenAsync(visitor, run, "&line=2500");
        await Expect(Row(log, 2500)).ToBeInViewportAsync();
        await page.GetByTestId("log-wrap").ClickAsync();
        await Expect(log).ToHaveClassAsync(new Regex("wrapped"));
        await Expect(Row(log, 2500)).ToBeInViewportAsync();
        await page.GetByTestId("log-wrap").ClickAsync();
        await Expect(log).Not.ToHaveClassAsync(new Regex("wrapped"));
        await Expect(Row(log, 2500)).ToBeInViewportAsync();

        // Far from the selected line, the position is the first line in view.
        await page.GetByTestId("log-start").ClickAsync();
        await Expect(Row(log, 1)).ToBeInViewportAsync();
        await log.EvaluateAsync("b => b.scrollTop = 4000 * 20");
        await Expect(Row(log, 4001)).ToBeInViewportAsync();
        await page.GetByTestId("log-wrap").ClickAsync();
        await Expect(log).ToHaveClassAsync(new Regex("wrapped"));
        await Expect(Row(log, 4001)).ToBeInViewportAsync();

        await page.GetByTestId("log-start").ClickAsync();
        await Expect(Row(log, 1)).ToBeInViewportAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Show lines after 1,000" }).ClickAsync();
        await Expect(Row(log, 1001)).ToBeInViewportAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Show lines before 1,001" }).ClickAsync();
        await Expect(Row(log, 1000)).ToBeInViewportAsync();
    }

    /// <summary>More lines than the maximum height of an element in browsers allows.</summary>
    [Fact]
    public async Task MoreThanAMillionLines_AreAllReachable()
    {
        var run = await dashboard.EndedRunAsync("build:\n  steps:\n    - { name: talk, run: \"seq 1 2000000\" }\n");
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        var log = await OpenAsync(visitor, run);
        await Expect(Row(log, 2_000_000)).ToBeInViewportAsync();
        await page.GetByTestId("log-find").FillAsync(":1900000");
        await page.Keyboard.PressAsync("Enter");
        await Expect(Row(log, 1_900_000)).ToBeInViewportAsync();
        await Expect(Row(log, 1_900_000)).ToHaveClassAsync(new Regex("at"));
        await log.EvaluateAsync("b => b.scrollTop = 0");
        await page.GetByRole(AriaRole.Button, new() { Name = "Show lines before" }).ClickAsync();
        await Expect(log.Locator(".row").First).ToBeVisibleAsync();
        await page.GetByTestId("log-start").ClickAsync();
        await Expect(Row(log, 1)).ToBeInViewportAsync();
    }

    [Fact]
    public async Task Panel_OfAStepWithoutOutput_OpensInView()
    {
        // The first step prints that it checks out the repository.
        var run = await dashboard.EndedRunAsync(
            "build:\n  steps:\n    - { name: first, run: \"true\" }\n"
                + string.Concat("abcdefghij".Select(c => $"    - {{ name: step-{c}, run: \"true\", parallel: true }}\n"))
        );
        await using var visitor = await dashboard.VisitAsync(configure: o => o.ViewportSize = new() { Width = 1360, Height = 500 });
        await visitor.OpenAsync($"/runs/{run}?view=timeline");
        await visitor.Page.Locator("a.span").Filter(new() { HasText = "step-a" }).ClickAsync();
        await Expect(visitor.Page.GetByText("The step produced no output.")).ToBeInViewportAsync();
    }

    private async Task<ILocator> OpenAsync(Visitor visitor, string run, string query = "")
    {
        await visitor.OpenAsync($"/runs/{run}?execution={await dashboard.ExecutionAsync(run, "talk")}{query}");
        return visitor.Page.GetByTestId("log");
    }

    private static ILocator Row(ILocator log, int line) => log.Locator($".row[data-line='{line}']");
}
