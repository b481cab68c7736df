using Microsoft.Playwright;
using Shipinator.EndToEnd.Tests;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>
/// A picture of every page, to be looked at: in <c>artifacts/screenshots</c>, or where SHIPINATOR_IMAGES says (<c>docs/images</c>).
/// </summary>
public sealed class ScreenshotTests(Dashboard dashboard)
{
    private static readonly string Folder = Environment.GetEnvironmentVariable("SHIPINATOR_IMAGES") is { Length: > 0 } wanted
        ? Path.Combine(Layout.Root, wanted)
        : Path.Combine(Layout.Root, "artifacts", "screenshots");

    [Fact]
    public async Task EveryPage_CanBeLookedAt()
    {
        Directory.CreateDirectory(Folder);
        await using var demo = await Demo.StartAsync();
        var checkout = await demo.Api.GetAsync($"/v1/pipeline-runs/{demo.Runs["checkout"]}");
        var repository = await demo.Api.GetAsync($"/v1/repositories/{Of("repository_id")}");
        var tries = (await demo.Api.StepsAsync(demo.Runs["checkout"]))
            .Single(s => s.GetProperty("name").GetString() == "pay-flow")
            .GetProperty("executions")
            .EnumerateArray()
            .Select(e => e.GetProperty("id").GetString())
            .ToList();
        var (failed, live) = (await StepAsync("catalog", "unit"), await StepAsync("indexer", "index"));

        await using (var stranger = await dashboard.VisitAsync(demo.Url, signIn: false))
        {
            await stranger.Page.GotoAsync("/signin");
            await TakeAsync(stranger, "sign-in");
        }

        await using (var visitor = await dashboard.VisitAsync(demo.Url, token: demo.Token))
        {
            var page = visitor.Page;
            await ShootAsync(visitor, "overview", "/");
            await ShootAsync(visitor, "runs", "/runs");
            await ShootAsync(visitor, "projects", "/projects");
            await ShootAsync(visitor, "project", $"/projects/{Of("project_id")}");
            await ShootAsync(visitor, "repository", $"/repositories/{Of("repository_id")}");
            await page.GetByRole(AriaRole.Button, new() { Name = "Trigger" }).ClickAsync();
            await Expect(page.GetByTestId("plan")).ToBeVisibleAsync();
            await TakeAsync(visitor, "trigger");
            await ShootAsync(visitor, "project", $"/projects/{Of("project_id")}");
            await page.GetByRole(AriaRole.Button, new() { Name = "Add repository" }).ClickAsync();
            await page.GetByLabel("Clone URL").FillAsync(repository.GetProperty("clone_url").GetString()!);
            await page.GetByRole(AriaRole.Button, new() { Name = "Check" }).ClickAsync();
            await Expect(page.GetByTestId("repository-check")).ToBeVisibleAsync();
            await TakeAsync(visitor, "add-repository");
            await ShootAsync(visitor, "pipeline", $"/pipelines/{Of("pipeline_id")}");
            await ShootAsync(visitor, "run", $"/runs/{demo.Runs["checkout"]}");
            await ShootAsync(visitor, "run-live", $"/runs/{demo.Runs["indexer"]}?execution={live}&times=1", log: true);
            await ShootAsync(visitor, "run-failed", $"/runs/{demo.Runs["catalog"]}?execution={failed}", log: true);
            await ShootAsync(visitor, "attempts", $"/runs/{demo.Runs["checkout"]}?execution={tries[1]}&beside={tries[0]}", log: true);
            await ShootAsync(visitor, "timeline", $"/runs/{demo.Runs["checkout"]}?view=timeline");
            await ShootAsync(visitor, "history", $"/runs/{demo.Runs["checkout"]}?view=history&at=34");
            await ShootAsync(visitor, "artifacts", $"/runs/{demo.Runs["checkout"]}?view=artifacts");
            await ShootAsync(visitor, "tokens", "/settings/tokens");
            await ShootAsync(visitor, "cluster", "/admin");
            await ShootAsync(visitor, "not-found", "/runs/nonsense");
            await visitor.OpenAsync("/");
            await page.Keyboard.PressAsync("Control+k");
            await page.Locator("#palette-input").FillAsync("check");
            await Expect(page.Locator("#palette-list li.at")).ToContainTextAsync("checkout");
            await TakeAsync(visitor, "palette");
        }

        await using (var night = await dashboard.VisitAsync(demo.Url, token: demo.Token, configure: o => o.ColorScheme = ColorScheme.Dark))
        {
            await ShootAsync(night, "overview-dark", "/");
            await ShootAsync(night, "run-failed-dark", $"/runs/{demo.Runs["catalog"]}?execution={failed}", log: true);
        }

        await using (
            var phone = await dashboard.VisitAsync(
                demo.Url,
                token: demo.Token,
                configure: o => o.ViewportSize = new() { Width = 400, Height = 800 }
            )
        )
        {
            await ShootAsync(phone, "phone-overview", "/");
            await ShootAsync(phone, "phone-run", $"/runs/{demo.Runs["checkout"]}");
            await ShootAsync(phone, "phone-log", $"/runs/{demo.Runs["indexer"]}?execution={live}", log: true);
        }

        string Of(string name) => checkout.GetProperty(name).GetString()!;
        async Task<string> StepAsync(string run, string step)
        {
            var found = "";
            await demo.Api.WaitForRunAsync(
                demo.Runs[run],
                _ =>
                {
                    found = demo
                        .Api.StepsAsync(demo.Runs[run])
                        .GetAwaiter()
                        .GetResult()
                        .Where(s => s.GetProperty("name").GetString() == step)
                        .SelectMany(s => s.GetProperty("executions").EnumerateArray())
                        .Select(e => e.GetProperty("id").GetString()!)
                        .LastOrDefault("");
                    return found.Length > 0;
                },
                step,
                TimeSpan.FromSeconds(30)
            );
            return found;
        }
    }

    private static async Task ShootAsync(Visitor visitor, string name, string path, bool log = false)
    {
        await visitor.OpenAsync(path);
        if (log)
        {
            await Expect(visitor.Page.GetByTestId("log").Locator(".row").First).ToBeVisibleAsync();
        }

        await TakeAsync(visitor, name);
    }

    private static async Task TakeAsync(Visitor visitor, string name)
    {
        await visitor.Page.EvaluateAsync("document.fonts.ready");
        // The browser's own words for times come with its next tick.
        await visitor.Page.WaitForFunctionAsync(
            "() => ![...document.querySelectorAll('[data-ago]')].some(e => e.textContent.includes('UTC'))"
        );
        var file = Path.Combine(Folder, name + ".png");
        await visitor.Page.ScreenshotAsync(new() { Path = file, Animations = ScreenshotAnimations.Disabled });
        Assert.InRange(new FileInfo(file).Length, 5_000, 2_000_000);
    }
}
