using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>What a new user does first: a project, a repository, a first run that succeeds; and changes to these.</summary>
public sealed partial class JourneyTests(Dashboard dashboard)
{
    private const string File = """
        on:
          manual:
            inputs:
              target: { description: "Environment", default: staging, options: [staging, production] }
              note: { description: "Reason" }
        build:
          steps:
            - { name: compile, run: "mkdir out; echo made > out/app", outputs: [ { type: binary, path: out/app } ] }
        test:
          steps:
            - { name: unit, run: "echo to {{ .inputs.target }} because {{ .inputs.note }}; while [ ! -e GATE ]; do sleep 0.05; done" }
        """;

    [Fact]
    public async Task NewUser_CreatesAProjectAndARepository_AndWatchesARunSucceed()
    {
        var gate = Path.Combine(Path.GetTempPath(), $"ship-gate-{Guid.CreateVersion7():N}");
        var bench = dashboard.Repository(File.Replace("GATE", gate, StringComparison.Ordinal));
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;

        await visitor.OpenAsync("/");
        await page.GetByRole(AriaRole.Navigation, new() { Name = "Main" }).GetByText("Projects").ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "New project" }).ClickAsync();
        await page.GetByLabel("Name").FillAsync("journey");
        await page.GetByLabel("Description").FillAsync("A new project");
        await page.GetByRole(AriaRole.Button, new() { Name = "Create project" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1, Name = "journey" })).ToBeVisibleAsync();

        // A repository that can't be cloned is rejected, with the reason; another one is added.
        await page.GetByRole(AriaRole.Button, new() { Name = "Add repository" }).First.ClickAsync();
        await page.GetByLabel("Clone URL").FillAsync("/nowhere/at/all");
        var dialog = page.GetByRole(AriaRole.Dialog);
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Check" }).ClickAsync();
        await Expect(dialog.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
        await page.GetByLabel("Clone URL").FillAsync(bench.Repository);
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Check" }).ClickAsync();
        await Expect(page.GetByTestId("repository-check")).ToContainTextAsync("Repository can be cloned: 1 branch");
        await Expect(page.GetByTestId("repository-check")).ToContainTextAsync("manual");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Add repository" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1, Name = Path.GetFileName(bench.Repository) })).ToBeVisibleAsync();

        // The plan is shown before it runs; an input without a default is required.
        await page.GetByRole(AriaRole.Button, new() { Name = "Trigger" }).ClickAsync();
        dialog = page.GetByRole(AriaRole.Dialog);
        await dialog.GetByLabel("note").FillAsync("it is time");
        await dialog.GetByLabel("note").BlurAsync();
        await dialog.GetByLabel("target").SelectOptionAsync("production");
        await Expect(page.GetByTestId("plan-inputs")).ToHaveTextAsync("Inputs: note = it is time, target = production");
        await Expect(page.GetByTestId("plan")).ToContainTextAsync("compile");
        await Expect(page.GetByTestId("plan")).ToContainTextAsync("unit");
        await page.GetByTestId("trigger-run").ClickAsync();

        // The page follows the run without a reload.
        await Expect(page).ToHaveURLAsync(RunAddress());
        await Expect(Step(page, "compile")).ToHaveAttributeAsync("data-status", "success");
        await Expect(Step(page, "unit")).ToHaveAttributeAsync("data-status", "running");
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("running");
        await Step(page, "unit").GetByRole(AriaRole.Link).ClickAsync();
        await Expect(page.GetByTestId("log")).ToContainTextAsync("to production because it is time");
        await Expect(page.GetByTestId("log-follow")).ToHaveAttributeAsync("aria-pressed", "true");
        await System.IO.File.WriteAllTextAsync(gate, "");
        await Expect(Step(page, "unit")).ToHaveAttributeAsync("data-status", "success");
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("success");
        System.IO.File.Delete(gate);

        // The artifact can be downloaded.
        await page.GetByRole(AriaRole.Link, new() { Name = "Artifacts" }).ClickAsync();
        var download = await page.RunAndWaitForDownloadAsync(() =>
            page.GetByTestId("artifacts").GetByRole(AriaRole.Link, new() { Name = "out/app" }).ClickAsync()
        );
        Assert.Equal("made\n", await System.IO.File.ReadAllTextAsync(await download.PathAsync()));
    }

    [Fact]
    public async Task Trigger_FileWithErrors_ShowsThemWithLineAndColumn_AndCannotRun()
    {
        var bench = dashboard.Repository("build:\n  steps:\n    - { name: ok, run: \"true\" }\n");
        await dashboard.Api.RegisterAsync(bench.Repository);
        bench.Commit("build:\n  steps:\n    - { name: ok, runn: \"true\" }\n");
        await using var visitor = await dashboard.VisitAsync();
        await visitor.OpenAsync("/projects");
        await visitor.Page.GetByRole(AriaRole.Link, new() { Name = Path.GetFileName(bench.Repository), Exact = true }).ClickAsync();
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Trigger" }).ClickAsync();
        await Expect(visitor.Page.GetByTestId("lint")).ToContainTextAsync(".shipinator.yaml:3:");
        await Expect(visitor.Page.GetByTestId("lint")).ToContainTextAsync("runn");
        await Expect(visitor.Page.GetByTestId("trigger-run")).ToBeDisabledAsync();
    }

    [Fact]
    public async Task Trigger_OffersBranchesAndTags_AndRunsWhatWasShown()
    {
        var bench = dashboard.Repository("build:\n  steps:\n    - { name: ok, run: \"true\" }\n");
        foreach (var arguments in new[] { "branch feature/x", "tag v1.2" })
        {
            using var git = System.Diagnostics.Process.Start(
                new System.Diagnostics.ProcessStartInfo("git", arguments) { WorkingDirectory = bench.Repository }
            )!;
            await git.WaitForExitAsync();
        }

        await dashboard.Api.RegisterAsync(bench.Repository);
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync("/projects");
        await page.GetByRole(AriaRole.Link, new() { Name = Path.GetFileName(bench.Repository), Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Trigger" }).ClickAsync();
        await Expect(page.Locator("#refs option[value='feature/x']")).ToBeAttachedAsync();
        await Expect(page.Locator("#refs option[value='v1.2']")).ToBeAttachedAsync();
        await page.GetByTestId("trigger-ref").FillAsync("no-such-branch");
        await page.GetByTestId("trigger-ref").BlurAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("no-such-branch");
        await Expect(page.GetByTestId("trigger-run")).ToBeDisabledAsync();
        await page.GetByTestId("trigger-ref").FillAsync("feature/x");
        await page.GetByTestId("trigger-ref").BlurAsync();
        await page.GetByTestId("trigger-run").ClickAsync();
        await Expect(page).ToHaveURLAsync(RunAddress());
        await Expect(page.Locator(".facts")).ToContainTextAsync("feature/x");
    }

    [Fact]
    public async Task Trigger_RunsThePlanThatIsShown()
    {
        var bench = dashboard.Repository(FileWithStep("of-main"));
        await GitAsync("checkout", "-q", "-b", "feature/x");
        await System.IO.File.WriteAllTextAsync(Path.Combine(bench.Repository, ".shipinator.yaml"), FileWithStep("of-feature"));
        await GitAsync("-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-qam", "on the feature");
        await GitAsync("checkout", "-q", "main");
        await dashboard.Api.RegisterAsync(bench.Repository);
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync("/projects");
        await page.GetByRole(AriaRole.Link, new() { Name = Path.GetFileName(bench.Repository), Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Trigger" }).ClickAsync();
        var (dialog, run) = (page.GetByRole(AriaRole.Dialog), page.GetByTestId("trigger-run"));

        // The page rejects what the API would reject, at the field that is wrong.
        await Expect(page.GetByTestId("missing-input")).ToContainTextAsync("'note' is required");
        await Expect(run).ToBeDisabledAsync();

        // Manual inputs do not apply to a push pipeline.
        await dialog
            .GetByLabel("Pipeline")
            .SelectOptionAsync(new SelectOptionValue { Label = $"{Path.GetFileName(bench.Repository)} (push)" });
        await Expect(page.GetByTestId("plan")).ToContainTextAsync("of-main");
        await Expect(dialog.GetByLabel("note")).ToHaveCountAsync(0);
        await Expect(run).ToBeEnabledAsync();

        // A click on the backdrop does not close the dialog.
        await page.Mouse.ClickAsync(5, 400);
        await Expect(page.GetByTestId("plan")).ToBeVisibleAsync();

        // A new branch and an immediate click on Run never run the old commit under the new name.
        await page.EvaluateAsync(
            """
            () => {
              const field = document.querySelector('[data-testid=trigger-ref]');
              field.value = 'feature/x';
              field.dispatchEvent(new Event('change', { bubbles: true }));
              document.querySelector('[data-testid=trigger-run]').click();
            }
            """
        );
        await Expect(page.GetByTestId("plan")).ToContainTextAsync("of-feature");
        await run.DblClickAsync();
        await Expect(page).ToHaveURLAsync(RunAddress());
        await Expect(page.Locator("h1")).ToHaveTextAsync("#1 on the feature");
        await Expect(Step(page, "of-feature")).ToHaveAttributeAsync("data-status", "success");

        // A double click creates one run.
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("success");
        await page.GetByRole(AriaRole.Button, new() { Name = "Rerun", Exact = true }).EvaluateAsync("b => { b.click(); b.click(); }");
        await Expect(page.Locator("h1")).ToHaveTextAsync("#2 on the feature");
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("success");
        var first = (await dashboard.Api.GetAsync($"/v1/pipeline-runs/{page.Url[^36..]}")).GetProperty("pipeline_id").GetString();
        Assert.Equal(2, EndToEnd.Tests.Api.Items(await dashboard.Api.GetAsync($"/v1/pipeline-runs?pipeline={first}")).Count());

        async Task GitAsync(params string[] arguments)
        {
            using var git = System.Diagnostics.Process.Start(
                new System.Diagnostics.ProcessStartInfo("git", arguments) { WorkingDirectory = bench.Repository }
            )!;
            await git.WaitForExitAsync();
        }
    }

    [Fact]
    public async Task ProjectAndRepository_AreEditedAndDeleted()
    {
        var bench = dashboard.Repository("build:\n  steps:\n    - { name: ok, run: \"true\" }\n");
        await dashboard.Api.RegisterAsync(bench.Repository);
        var name = Path.GetFileName(bench.Repository);
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync("/projects");
        await page.GetByRole(AriaRole.Link, new() { Name = name, Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Edit" }).ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByLabel("Name").FillAsync("renamed " + name);
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1, Name = "renamed " + name })).ToBeVisibleAsync();

        await page.GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete repository" }).ClickAsync();
        await Expect(page.GetByText("No repositories yet")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Edit" }).ClickAsync();
        await page.GetByLabel("Description").FillAsync("to be deleted");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Expect(page.GetByText("to be deleted")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete project" }).ClickAsync();
        await Expect(page).ToHaveURLAsync(new Regex("/projects$"));
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "p-" + name })).ToHaveCountAsync(0);
    }

    private static string FileWithStep(string name) =>
        $$"""
            on:
              push: {}
              manual: { inputs: { note: { description: "Reason" } } }
            build:
              steps:
                - { name: {{name}}, run: "true" }
            """;

    internal static ILocator Step(IPage page, string name) => page.Locator($".step[data-step='{name}']");

    [GeneratedRegex("/runs/[0-9a-f-]{36}$")]
    internal static partial Regex RunAddress();
}
