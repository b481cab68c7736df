using Microsoft.Playwright;
using Shipinator.EndToEnd.Tests;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>
/// Captures a screenshot of every page, in <c>artifacts/screenshots</c> or the folder of SHIPINATOR_IMAGES (<c>docs/images</c>).
/// </summary>
public sealed class ScreenshotTests(Dashboard dashboard)
{
    private static readonly string Folder = Environment.GetEnvironmentVariable("SHIPINATOR_IMAGES") is { Length: > 0 } folder
        ? Path.Combine(Layout.Root, folder)
        : Path.Combine(Layout.Root, "artifacts", "screenshots");

    [Fact]
    public async Task EveryPage_CanBeCaptured()
    {
        Directory.CreateDirectory(Folder);
        await using var demo = await Demo.StartAsync();
        var checkout = await demo.Api.GetAsync($"/v1/pipeline-runs/{demo.Runs["checkout"]}");
        var repository = await demo.Api.GetAsync($"/v1/repositories/{Of("repository_id")}");
        var attempts = (await demo.Api.StepsAsync(demo.Runs["checkout"]))
            .Single(s => s.GetProperty("name").GetString() == "pay-flow")
            .GetProperty("executions")
            .EnumerateArray()
            .Select(e => e.GetProperty("id").GetString())
            .ToList();
        var (failed, active) = (await StepAsync("catalog", "unit"), await StepAsync("indexer", "index"));

        await using (var stranger = await dashboard.VisitAsync(demo.Url, signIn: false))
        {
            await stranger.Page.GotoAsync("/signin");
            await SaveAsync(stranger, "sign-in");
        }

        await using (var visitor = await dashboard.VisitAsync(demo.Url, token: demo.Token))
        {
            var page = visitor.Page;
            await CaptureAsync(visitor, "overview", "/");
            await CaptureAsync(visitor, "runs", "/runs");
            await CaptureAsync(visitor, "projects", "/projects");
            await CaptureAsync(visitor, "project", $"/projects/{Of("project_id")}");
            await CaptureAsync(visitor, "repository", $"/repositories/{Of("repository_id")}");
            await page.GetByRole(AriaRole.Button, new() { Name = "Trigger" }).ClickAsync();
            await Expect(page.GetByTestId("plan")).ToBeVisibleAsync();
            await SaveAsync(visitor, "trigger");
            await CaptureAsync(visitor, "project", $"/projects/{Of("project_id")}");
            await page.GetByRole(AriaRole.Button, new() { Name = "Add repository" }).ClickAsync();
            await page.GetByLabel("Clone URL").FillAsync(repository.GetProperty("clone_url").GetString()!);
            await page.GetByRole(AriaRole.Button, new() { Name = "Check" }).ClickAsync();
            await Expect(page.GetByTestId("repository-check")).ToBeVisibleAsync();
            await SaveAsync(visitor, "add-repository");
            await CaptureAsync(visitor, "pipeline", $"/pipelines/{Of("pipeline_id")}");
            await CaptureAsync(visitor, "run", $"/runs/{demo.Runs["checkout"]}");
            await CaptureAsync(visitor, "run-live", $"/runs/{demo.Runs["indexer"]}?execution={active}&times=1", log: true);
            await CaptureAsync(visitor, "run-failed", $"/runs/{demo.Runs["catalog"]}?execution={failed}", log: true);
            await CaptureAsync(visitor, "waiting", $"/runs/{demo.Runs["relevance"]}");
            var beside = $"execution={attempts[1]}&beside={attempts[0]}";
            await CaptureAsync(visitor, "attempts", $"/runs/{demo.Runs["checkout"]}?{beside}", log: true);
            await CaptureAsync(visitor, "timeline", $"/runs/{demo.Runs["checkout"]}?view=timeline");
            await CaptureAsync(visitor, "history", $"/runs/{demo.Runs["checkout"]}?view=history&at=34");
            await CaptureAsync(visitor, "artifacts", $"/runs/{demo.Runs["checkout"]}?view=artifacts");
            await CaptureAsync(visitor, "tokens", "/settings/tokens");
            await CaptureAsync(visitor, "cluster", "/admin");
            await CaptureAsync(visitor, "not-found", "/runs/nonsense");
            await visitor.OpenAsync("/");
            await page.Keyboard.PressAsync("Control+k");
            await page.Locator("#palette-input").FillAsync("check");
            await Expect(page.Locator("#palette-list li.at")).ToContainTextAsync("checkout");
            await SaveAsync(visitor, "palette");
        }

        await using (var dark = await dashboard.VisitAsync(demo.Url, token: demo.Token, configure: o => o.ColorScheme = ColorScheme.Dark))
        {
            await CaptureAsync(dark, "overview-dark", "/");
            await CaptureAsync(dark, "run-failed-dark", $"/runs/{demo.Runs["catalog"]}?execution={failed}", log: true);
        }

        await using (
            var phone = await dashboard.VisitAsync(
                demo.Url,
                token: demo.Token,
                configure: o => o.ViewportSize = new() { Width = 400, Height = 800 }
            )
        )
        {
            await CaptureAsync(phone, "phone-overview", "/");
            await CaptureAsync(phone, "phone-run", $"/runs/{demo.Runs["checkout"]}");
            await CaptureAsync(phone, "phone-log", $"/runs/{demo.Runs["indexer"]}?execution={active}", log: true);
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

    private static async Task CaptureAsync(Visitor visitor, string name, string path, bool log = false)
    {
        await visitor.OpenAsync(path);
        if (log)
        {
            await Expect(visitor.Page.GetByTestId("log").Locator(".row").First).ToBeVisibleAsync();
        }

        await SaveAsync(visitor, name);
    }

    private static async Task SaveAsync(Visitor visitor, string name)
    {
        await visitor.Page.EvaluateAsync("document.fonts.ready");
        // app.js replaces absolute with relative times once a second.
        await visitor.Page.WaitForFunctionAsync(
            "() => ![...document.querySelectorAll('[data-ago]')].some(e => e.textContent.includes('UTC'))"
        );
        var file = Path.Combine(Folder, name + ".png");
        await visitor.Page.ScreenshotAsync(new() { Path = file, Animations = ScreenshotAnimations.Disabled });
        Assert.InRange(new FileInfo(file).Length, 5_000, 2_000_000);
    }
}
