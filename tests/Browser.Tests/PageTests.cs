using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Npgsql;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>All pages: accessibility in both themes, narrow windows, long names, the command palette, invalid addresses.</summary>
public sealed class PageTests(Dashboard dashboard)
{
    private const string File = """
        build:
          steps:
            - { name: compile, run: "echo compiling; mkdir out; echo x > out/app", outputs: [ { type: binary, path: out/app } ] }
        test:
          steps:
            - { name: left, run: "true", parallel: true }
            - { name: right, run: "printf '\\033[31mred\\033[0m \\033[2mdim\\033[0m\\n'; exit 4", parallel: true }
            - { name: after, run: "true" }
        deploy:
          steps:
            - { name: never, run: "true" }
        """;

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task EveryPage_IsAccessibleByAxe(ColorScheme scheme)
    {
        await using var visitor = await dashboard.VisitAsync(configure: o => o.ColorScheme = scheme);
        foreach (var (name, path) in await PagesAsync())
        {
            await visitor.OpenAsync(path);
            await visitor.ExpectAccessibleAsync($"{name}, {scheme}");
        }

        // Dialogs and the sign-in page.
        var repository = (await RunAsync()).Repository;
        await visitor.OpenAsync($"/repositories/{repository}");
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Trigger" }).ClickAsync();
        await Expect(visitor.Page.GetByTestId("plan")).ToBeVisibleAsync();
        await visitor.ExpectAccessibleAsync($"trigger dialog, {scheme}");
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Cancel" }).ClickAsync();
        await Expect(visitor.Page.GetByRole(AriaRole.Dialog)).ToHaveCountAsync(0);
        await visitor.Page.Keyboard.PressAsync("Control+k");
        await Expect(visitor.Page.Locator("#palette-list li")).Not.ToHaveCountAsync(0);
        await visitor.ExpectAccessibleAsync($"palette, {scheme}");
        await using var stranger = await dashboard.VisitAsync(signIn: false, configure: o => o.ColorScheme = scheme);
        await stranger.Page.GotoAsync("/signin");
        await stranger.ExpectAccessibleAsync($"sign-in, {scheme}");
    }

    [Fact]
    public async Task EveryPage_FitsA400PixelWindow()
    {
        await using var visitor = await dashboard.VisitAsync(configure: o => o.ViewportSize = new() { Width = 400, Height = 800 });
        foreach (var (name, path) in await PagesAsync())
        {
            await visitor.OpenAsync(path);
            await visitor.ExpectNoSidewaysScrollingAsync(name);
        }

        // The navigation menu is hidden until it is opened, and closes when a link is followed.
        var page = visitor.Page;
        await visitor.OpenAsync("/");
        await MenuIsHiddenAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Navigation menu" }).ClickAsync();
        await page.GetByRole(AriaRole.Navigation, new() { Name = "Main" }).GetByText("Runs").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1, Name = "Runs" })).ToBeVisibleAsync();
        await MenuIsHiddenAsync();

        // A log fills the window; a link leads back to the steps.
        var (run, _, _, _, execution) = await RunAsync();
        await visitor.OpenAsync($"/runs/{run}?execution={execution}");
        await Expect(page.GetByTestId("log")).ToContainTextAsync("red");
        await page.GetByRole(AriaRole.Link, new() { Name = "Back to all steps" }).ClickAsync();
        await Expect(JourneyTests.Step(page, "compile")).ToBeVisibleAsync();

        Task MenuIsHiddenAsync() =>
            page.WaitForFunctionAsync("() => document.querySelector('nav[aria-label=Main]').getBoundingClientRect().right <= 0");
    }

    [Theory]
    [InlineData(400)]
    [InlineData(1360)]
    public async Task Names_OfAnyLength_StayOnThePage(int width)
    {
        var name = new string('w', 90) + Guid.CreateVersion7().ToString("N")[^10..];
        var bench = dashboard.Repository("build:\n  steps:\n    - { name: ok, run: \"true\" }\n");
        foreach (
            string[] arguments in (string[][])
                [
                    [
                        "-c",
                        "user.name=T",
                        "-c",
                        "user.email=t@example.invalid",
                        "commit",
                        "-q",
                        "--allow-empty",
                        "-m",
                        new string('s', 150),
                    ],
                ]
        )
        {
            using var git = System.Diagnostics.Process.Start(
                new System.Diagnostics.ProcessStartInfo("git", arguments) { WorkingDirectory = bench.Repository }
            )!;
            await git.WaitForExitAsync();
        }

        var project = (await dashboard.Api.PostAsync("/v1/projects", new { name, description = new string('d', 300) }))
            .GetProperty("id")
            .GetString();
        var repository = (
            await dashboard.Api.PostAsync(
                $"/v1/projects/{project}/repositories",
                new
                {
                    vcs_provider = "git",
                    clone_url = bench.Repository,
                    default_branch = "main",
                    name,
                }
            )
        ).GetProperty("id").GetString();
        await dashboard.Api.PostAsync($"/v1/repositories/{repository}/sync");
        var pipeline = EndToEnd
            .Tests.Api.Items(await dashboard.Api.GetAsync($"/v1/repositories/{repository}/pipelines"))
            .Single(p => p.GetProperty("trigger_type").GetString() == "manual")
            .GetProperty("id")
            .GetString()!;
        var run = await dashboard.Api.TriggerAsync(pipeline);
        await using var visitor = await dashboard.VisitAsync(configure: o => o.ViewportSize = new() { Width = width, Height = 800 });
        foreach (
            var path in new[]
            {
                "/",
                "/runs",
                $"/runs?repository={repository}&branch=main",
                "/schedules",
                "/projects",
                $"/projects/{project}",
                $"/repositories/{repository}",
                $"/repositories/{repository}/deliveries",
                $"/pipelines/{pipeline}",
                $"/runs/{run}",
            }
        )
        {
            await visitor.OpenAsync(path);
            await visitor.ExpectNoSidewaysScrollingAsync($"{path} at {width}");
        }
    }

    [Fact]
    public async Task Theme_FollowsTheSystem_UntilTheUserSelectsOne()
    {
        await using var visitor = await dashboard.VisitAsync(configure: o => o.ColorScheme = ColorScheme.Dark);
        var page = visitor.Page;
        var root = page.Locator("html");
        await visitor.OpenAsync("/");
        await Expect(root).ToHaveAttributeAsync("data-theme", "dark");
        Assert.True(await BrightnessAsync(page) < 60);
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        await Expect(root).ToHaveAttributeAsync("data-theme", "light");
        Assert.True(await BrightnessAsync(page) > 200);
        await page.GetByTestId("theme").ClickAsync();
        await Expect(root).ToHaveAttributeAsync("data-theme", "dark");
        await page.ReloadAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToBeVisibleAsync();
        await Expect(root).ToHaveAttributeAsync("data-theme", "dark");
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        await Expect(root).ToHaveAttributeAsync("data-theme", "dark");
    }

    [Fact]
    public async Task Palette_OpensPagesByKeyboard()
    {
        var (run, project, repository, _, _) = await RunAsync();
        var number = (await dashboard.Api.GetAsync($"/v1/pipeline-runs/{run}")).GetProperty("run_number").GetInt64();
        var name = (await dashboard.Api.GetAsync($"/v1/repositories/{repository}")).GetProperty("name").GetString()!;
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync("/");
        await GoAsync("Projects", "/projects$");
        await GoAsync("p-" + name, $"/projects/{project}$");
        await GoAsync("/ " + name, $"/repositories/{repository}$");
        await GoAsync($"{name} #{number}", $"/runs/{run}$");
        await page.Keyboard.PressAsync("Control+k");
        await Expect(page.Locator("#palette-input")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("no such thing at all");
        await Expect(page.Locator("#palette-list")).ToContainTextAsync("No results");
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.Locator("#palette-input")).ToHaveCountAsync(0);

        async Task GoAsync(string text, string address)
        {
            await page.Keyboard.PressAsync("Control+k");
            await Expect(page.Locator("#palette-input")).ToBeFocusedAsync();
            await page.Keyboard.TypeAsync(text);
            var wanted = text.TrimStart('/', ' ');
            await Expect(page.Locator("#palette-list li.at")).ToContainTextAsync(wanted.Split(' ')[0]);
            if (text.StartsWith('/'))
            {
                // The repository is listed below its project, whose name also matches.
                await page.Keyboard.PressAsync("ArrowDown");
                await Expect(page.Locator("#palette-list li.at .sub")).ToHaveTextAsync("repository");
            }

            await page.Keyboard.PressAsync("Enter");
            await Expect(page).ToHaveURLAsync(new Regex(address));
        }
    }

    /// <summary>A key applies to the whole text, even if the results on the screen are for a part of it.</summary>
    [Fact]
    public async Task Palette_EnterBeforeTheResults_OpensTheResultForTheWholeText()
    {
        var (run, project, _, _, _) = await RunAsync();
        var number = (await dashboard.Api.GetAsync($"/v1/pipeline-runs/{run}")).GetProperty("run_number").GetInt64();
        var name = (await dashboard.Api.GetAsync($"/v1/projects/{project}")).GetProperty("name").GetString()!;
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync("/");
        await page.Keyboard.PressAsync("Control+k");
        await Expect(page.Locator("#palette-input")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync(name);
        await Expect(page.Locator("#palette-list li.at")).ToContainTextAsync(name);
        await using var data = await dashboard.OpenDatabaseAsync();
        await using (var connection = await data.OpenConnectionAsync())
        {
            // The search can't complete until this transaction ends.
            await using var transaction = await connection.BeginTransactionAsync();
            await using (var hold = new NpgsqlCommand("LOCK TABLE repositories IN ACCESS EXCLUSIVE MODE", connection, transaction))
            {
                await hold.ExecuteNonQueryAsync();
            }

            await page.Keyboard.TypeAsync($" #{number}");
            await page.Keyboard.PressAsync("Enter");
            await Expect(page.Locator("#palette-input")).ToHaveValueAsync($"{name} #{number}");
            Assert.DoesNotContain("/projects/", page.Url, StringComparison.Ordinal);
        }

        await Expect(page).ToHaveURLAsync(new Regex($"/runs/{run}$"));
    }

    /// <summary>Third-party pages that the server hosts: they, too, load nothing from other hosts.</summary>
    [Theory]
    [InlineData("/scalar/", "/v1/projects")]
    [InlineData("/admin/orleans/", "Orleans")]
    public async Task ThirdPartyPages_AreShown_AndLoadNothingFromOtherHosts(string path, string text)
    {
        await using var visitor = await dashboard.VisitAsync();
        await visitor.Page.GotoAsync(path);
        await Expect(visitor.Page.GetByText(text).First).ToBeAttachedAsync();
        await visitor.Page.WaitForLoadStateAsync(LoadState.NetworkIdle);
    }

    [Theory]
    [InlineData("/runs/nonsense", "Run not found")]
    [InlineData("/runs/01890a5d-ac96-774b-bcce-b302099a8057", "Run not found")]
    [InlineData("/projects/nonsense", "Project not found")]
    [InlineData("/repositories/01890a5d-ac96-774b-bcce-b302099a8057", "Repository not found")]
    [InlineData("/repositories/01890a5d-ac96-774b-bcce-b302099a8057/deliveries", "Repository not found")]
    [InlineData("/pipelines/x", "Pipeline not found")]
    [InlineData("/runs?cursor=nonsense", "Invalid address")]
    [InlineData("/no/such/page", "Page not found")]
    public async Task UnknownAddress_ShowsWhatWasNotFound(string path, string text)
    {
        await using var visitor = await dashboard.VisitAsync();
        // The browser logs a 404 to the console.
        visitor.AllowConsoleErrors();
        await visitor.Page.GotoAsync(path);
        await Expect(visitor.Page.GetByRole(AriaRole.Heading, new() { Level = 2, Name = text })).ToBeVisibleAsync();
    }

    [Theory]
    [InlineData("?line=abc&wrap=perhaps&times=2&at=-1&view=nonsense&execution=nonsense")]
    [InlineData("?view=history&at=99999")]
    [InlineData("?view=history&at=999999999999999999999")]
    public async Task RunAddress_WithInvalidParameters_ShowsTheRun(string query)
    {
        var (run, _, _, _, _) = await RunAsync();
        await using var visitor = await dashboard.VisitAsync();
        await visitor.OpenAsync($"/runs/{run}{query}");
        await Expect(visitor.Page.GetByTestId("run-status")).ToHaveTextAsync("failed");
    }

    private static Task<int> BrightnessAsync(IPage page) =>
        page.EvaluateAsync<int>(
            """
            () => {
              const c = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
              return Math.round((c[0] + c[1] + c[2]) / 3);
            }
            """
        );

    private async Task<List<(string Name, string Path)>> PagesAsync()
    {
        var (run, project, repository, pipeline, execution) = await RunAsync();
        return
        [
            ("overview", "/"),
            ("runs", "/runs"),
            ("no runs", "/runs?branch=nonesuch"),
            ("run", $"/runs/{run}"),
            ("log", $"/runs/{run}?execution={execution}&times=1"),
            ("wrapped log", $"/runs/{run}?execution={execution}&wrap=1"),
            ("found line", $"/runs/{run}?execution={execution}&wrap=1&times=1&line=1&find=e"),
            ("timeline", $"/runs/{run}?view=timeline"),
            ("history", $"/runs/{run}?view=history&at=5"),
            ("artifacts", $"/runs/{run}?view=artifacts"),
            ("schedules", "/schedules"),
            ("projects", "/projects"),
            ("project", $"/projects/{project}"),
            ("repository", $"/repositories/{repository}"),
            ("secrets of a project", $"/projects/{project}/secrets"),
            ("secrets of a repository", $"/repositories/{repository}/secrets"),
            ("deliveries", $"/repositories/{repository}/deliveries"),
            ("pipeline", $"/pipelines/{pipeline}"),
            ("tokens", "/settings/tokens"),
            ("cluster", "/admin"),
            ("missing", "/runs/nonsense"),
        ];
    }

    private async Task<(string Run, string Project, string Repository, string Pipeline, string Execution)> RunAsync()
    {
        var run = await dashboard.EndedRunAsync(File);
        var answer = await dashboard.Api.GetAsync($"/v1/pipeline-runs/{run}");
        return (run, Text("project_id"), Text("repository_id"), Text("pipeline_id"), await dashboard.ExecutionAsync(run, "right"));

        string Text(string name) => answer.GetProperty(name).GetString()!;
    }
}
