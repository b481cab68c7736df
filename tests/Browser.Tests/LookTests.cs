using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Npgsql;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>Every page: by day and by night, on a phone, by keyboard, and for those who do not see it.</summary>
public sealed class LookTests(Dashboard dashboard)
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

        // What opens above a page.
        var repository = (await RunAsync()).Repository;
        await visitor.OpenAsync($"/repositories/{repository}");
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Trigger" }).ClickAsync();
        await Expect(visitor.Page.GetByTestId("plan")).ToBeVisibleAsync();
        await visitor.ExpectAccessibleAsync($"trigger dialog, {scheme}");
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Close" }).ClickAsync();
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

        // The menu is out of the way until it is wanted, and leads on.
        var page = visitor.Page;
        await visitor.OpenAsync("/");
        await MenuIsAwayAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Menu" }).ClickAsync();
        await page.GetByRole(AriaRole.Navigation, new() { Name = "Main" }).GetByText("Runs").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1, Name = "Runs" })).ToBeVisibleAsync();
        await MenuIsAwayAsync();

        // A log fills the window; the steps are one tap away.
        var (run, _, _, _, execution) = await RunAsync();
        await visitor.OpenAsync($"/runs/{run}?execution={execution}");
        await Expect(page.GetByTestId("log")).ToContainTextAsync("red");
        await page.GetByRole(AriaRole.Link, new() { Name = "Back to all steps" }).ClickAsync();
        await Expect(JourneyTests.Step(page, "compile")).ToBeVisibleAsync();

        Task MenuIsAwayAsync() =>
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
                "/projects",
                $"/projects/{project}",
                $"/repositories/{repository}",
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
    public async Task Colours_FollowTheSystemUntilThePersonChooses()
    {
        await using var visitor = await dashboard.VisitAsync(configure: o => o.ColorScheme = ColorScheme.Dark);
        var page = visitor.Page;
        var root = page.Locator("html");
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
    public async Task Palette_LeadsAnywhereByKeyboardAlone()
    {
        var (run, project, repository, _, _) = await RunAsync();
        var number = (await dashboard.Api.GetAsync($"/v1/pipeline-runs/{run}")).GetProperty("run_number").GetInt64();
        var name = (await dashboard.Api.GetAsync($"/v1/repositories/{repository}")).GetProperty("name").GetString()!;
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await GoAsync("Projects", "/projects$");
        await GoAsync("p-" + name, $"/projects/{project}$");
        await GoAsync("/ " + name, $"/repositories/{repository}$");
        await GoAsync($"{name} #{number}", $"/runs/{run}$");
        await page.Keyboard.PressAsync("Control+k");
        await Expect(page.Locator("#palette-input")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("no such thing at all");
        await Expect(page.Locator("#palette-list")).ToContainTextAsync("Nothing is called that");
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
                // The repository stands below its project, which is called so, too.
                await page.Keyboard.PressAsync("ArrowDown");
                await Expect(page.Locator("#palette-list li.at .sub")).ToHaveTextAsync("repository");
            }

            await page.Keyboard.PressAsync("Enter");
            await Expect(page).ToHaveURLAsync(new Regex(address));
        }
    }

    /// <summary>Who types fast is faster than the answers: the key means what is typed, not what was found for a part of it.</summary>
    [Fact]
    public async Task Palette_EnterBeforeTheAnswer_LeadsWhereTheWholeTextLeads()
    {
        var (run, project, _, _, _) = await RunAsync();
        var number = (await dashboard.Api.GetAsync($"/v1/pipeline-runs/{run}")).GetProperty("run_number").GetInt64();
        var name = (await dashboard.Api.GetAsync($"/v1/projects/{project}")).GetProperty("name").GetString()!;
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await page.Keyboard.PressAsync("Control+k");
        await Expect(page.Locator("#palette-input")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync(name);
        await Expect(page.Locator("#palette-list li.at")).ToContainTextAsync(name);
        await using var data = await dashboard.OpenDatabaseAsync();
        await using (var connection = await data.OpenConnectionAsync())
        {
            // The search can't answer until this transaction is over.
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

    /// <summary>Pages of others that we serve: they, too, load nothing from anywhere else.</summary>
    [Theory]
    [InlineData("/scalar/", "/v1/projects")]
    [InlineData("/admin/orleans/", "Orleans")]
    public async Task Guests_AreShown_AndLoadNothingFromElsewhere(string path, string words)
    {
        await using var visitor = await dashboard.VisitAsync();
        await visitor.Page.GotoAsync(path);
        await Expect(visitor.Page.GetByText(words).First).ToBeAttachedAsync();
        await visitor.Page.WaitForLoadStateAsync(LoadState.NetworkIdle);
    }

    [Theory]
    [InlineData("/runs/nonsense", "There is no such run")]
    [InlineData("/runs/01890a5d-ac96-774b-bcce-b302099a8057", "There is no such run")]
    [InlineData("/projects/nonsense", "There is no such project")]
    [InlineData("/repositories/01890a5d-ac96-774b-bcce-b302099a8057", "There is no such repository")]
    [InlineData("/pipelines/x", "There is no such pipeline")]
    [InlineData("/runs?cursor=nonsense", "This address does not lead to a list")]
    [InlineData("/no/such/page", "Nothing is here")]
    public async Task Address_ThatLeadsNowhere_SaysSo(string path, string words)
    {
        await using var visitor = await dashboard.VisitAsync();
        // A 404 is told to the console by the browser itself.
        visitor.ExpectComplaints();
        await visitor.Page.GotoAsync(path);
        await Expect(visitor.Page.GetByText(words)).ToBeVisibleAsync();
    }

    [Theory]
    [InlineData("?line=abc&wrap=perhaps&times=2&at=-1&view=nonsense&execution=nonsense")]
    [InlineData("?view=history&at=99999")]
    [InlineData("?view=history&at=999999999999999999999")]
    public async Task Address_OfARunWithNonsense_ShowsTheRun(string query)
    {
        var (run, _, _, _, _) = await RunAsync();
        await using var visitor = await dashboard.VisitAsync();
        await visitor.OpenAsync($"/runs/{run}{query}");
        await Expect(visitor.Page.GetByTestId("run-status")).ToHaveTextAsync("failed");
    }

    private static Task<int> BrightnessAsync(IPage page) =>
        page.EvaluateAsync<int>(
            "() => { const c = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number); return Math.round((c[0] + c[1] + c[2]) / 3); }"
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
            ("projects", "/projects"),
            ("project", $"/projects/{project}"),
            ("repository", $"/repositories/{repository}"),
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
