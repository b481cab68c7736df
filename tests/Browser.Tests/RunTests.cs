using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>Runs: cancel, rerun, history, attempts, timeline, lists and the queue.</summary>
public sealed class RunTests(Dashboard dashboard)
{
    [Fact]
    public async Task Cancel_ListsWhatItAffects_AndEndsWhenNothingRuns()
    {
        var run = await dashboard.RunAsync(
            "build:\n  steps:\n    - { name: long, run: \"sleep 600\" }\ntest:\n  steps:\n    - { name: never, run: \"true\" }\n"
        );
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}");
        await Expect(JourneyTests.Step(page, "long")).ToHaveAttributeAsync("data-status", "running");
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Dialog))
            .ToContainTextAsync("Running jobs that will be canceled: build. 1 pending job will not start.");
        await page.GetByRole(AriaRole.Button, new() { Name = "Keep running" }).ClickAsync();
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("running");
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel", Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel run" }).ClickAsync();
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("canceled");
        await Expect(page.GetByTestId("run-reason")).ToContainTextAsync("Canceled by standalone");
    }

    [Fact]
    public async Task RerunFailedJobs_ReusesTheResultsOfSuccessfulJobs()
    {
        var mark = Path.Combine(Path.GetTempPath(), $"ship-mark-{Guid.CreateVersion7():N}");
        var run = await dashboard.EndedRunAsync(
            $"build:\n  steps:\n    - {{ name: good, run: \"true\" }}\ntest:\n  steps:\n    - {{ name: bad, run: \"test -e {mark}\" }}\n"
        );
        await File.WriteAllTextAsync(mark, "");
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}");
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("failed");
        await page.GetByRole(AriaRole.Button, new() { Name = "Rerun failed jobs" }).ClickAsync();
        await Expect(page).Not.ToHaveURLAsync(new Regex(run));
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("success");
        await Expect(page.Locator("[data-job=build]")).ToContainTextAsync("Reused the result of the earlier run");
        await Expect(page.Locator(".facts")).ToContainTextAsync("rerun of an earlier run");
        File.Delete(mark);
    }

    [Fact]
    public async Task History_ShowsTheRunAfterAnyTransition()
    {
        var run = await dashboard.EndedRunAsync(
            "build:\n  steps:\n    - { name: first, run: \"true\" }\n    - { name: second, run: \"true\" }\n"
        );
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}?view=history");
        var slider = page.GetByTestId("slider");
        var count = int.Parse((await slider.GetAttributeAsync("max"))!, System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(count, 10, 60);
        await slider.FocusAsync();
        await page.Keyboard.PressAsync("Home");
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("pending");
        await Expect(page).ToHaveURLAsync(new Regex("at=1$"));

        // Step by step to the end: states only advance, and the last one is the current state.
        var seen = new List<string>();
        for (var at = 1; at <= count; at++)
        {
            await Expect(page.GetByTestId("moment")).ToContainTextAsync($"{at} of {count}");
            var status = await page.GetByTestId("run-status").Locator(".status").GetAttributeAsync("data-status");
            var first = await JourneyTests.Step(page, "first").GetAttributeAsync("data-status");
            var second = await JourneyTests.Step(page, "second").GetAttributeAsync("data-status");
            seen.Add($"{status} {first} {second}");
            await page.Keyboard.PressAsync("ArrowRight");
        }

        var distinct = seen.Distinct().ToList();
        Assert.Equal("pending pending pending", distinct[0]);
        Assert.Contains("running running pending", distinct);
        Assert.Contains("running success running", distinct);
        Assert.Equal("success success success", distinct[^1]);
        await page.GetByRole(AriaRole.Button, new() { Name = "Latest" }).ClickAsync();
        await Expect(page).Not.ToHaveURLAsync(new Regex("at="));

        // A transition can be linked.
        await visitor.OpenAsync($"/runs/{run}?view=history&at=1");
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("pending");
    }

    [Fact]
    public async Task History_OfALargeRun_FollowsEveryKey()
    {
        var run = await dashboard.EndedRunAsync(
            "build:\n  steps:\n"
                + string.Concat(Enumerable.Range(0, 40).Select(i => $"    - {{ name: s{i:00}, parallel: true, run: \"true\" }}\n"))
        );
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}?view=history");
        await page.GetByTestId("slider").FocusAsync();
        await page.Keyboard.PressAsync("Home");
        for (var i = 0; i < 60; i++)
        {
            await page.Keyboard.PressAsync("ArrowRight");
        }

        await Expect(page.GetByTestId("moment")).ToContainTextAsync("61 of ");
        await Expect(page.GetByTestId("slider")).ToHaveValueAsync("61");
        await Expect(page).ToHaveURLAsync(new Regex("at=61$"));
        await page.GetByText("All transitions").ClickAsync();
        await Expect(page.GetByTestId("transitions").Locator("tr.at")).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task Attempts_AreShownSideBySideWithTheirLogs()
    {
        var run = await dashboard.EndedRunAsync(
            """
            build:
              steps:
                - name: flaky
                  retry: { max: 1, on: [failure] }
                  run: "if [ -e t ]; then echo second succeeded; else touch t; echo first failed; exit 3; fi"
            """
        );
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}");
        await Expect(JourneyTests.Step(page, "flaky")).ToContainTextAsync("2 attempts");
        await JourneyTests.Step(page, "flaky").GetByRole(AriaRole.Link).ClickAsync();
        await Expect(page.GetByTestId("log")).ToContainTextAsync("second succeeded");
        await page.GetByTestId("side-by-side").ClickAsync();
        await Expect(page.GetByTestId("log")).ToHaveCountAsync(2);
        await Expect(page.GetByTestId("log").First).ToContainTextAsync("first failed");
        await Expect(page.GetByTestId("log").Last).ToContainTextAsync("second succeeded");
        await page.ReloadAsync();
        await Expect(page.GetByTestId("log").First).ToContainTextAsync("first failed");
    }

    [Fact]
    public async Task Timeline_ShowsWhenStepsRan_AndABarOpensItsLog()
    {
        var run = await dashboard.EndedRunAsync(
            "build:\n  steps:\n    - { name: one, run: \"sleep 0.3\" }\n    - { name: two, run: \"echo of-two; sleep 0.3\" }\n"
        );
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}?view=timeline");
        var (one, two) = (await BoxAsync("one"), await BoxAsync("two"));
        Assert.True(one.X + one.Width <= two.X + 2, "The second step starts before the first one has ended.");
        await page.GetByRole(AriaRole.Link, new() { Name = "two, attempt 1" }).ClickAsync();
        await Expect(page.GetByTestId("log")).ToContainTextAsync("of-two");

        async Task<LocatorBoundingBoxResult> BoxAsync(string step) =>
            (await page.GetByRole(AriaRole.Link, new() { Name = step + ", attempt 1" }).BoundingBoxAsync())!;
    }

    [Fact]
    public async Task OverviewAndLists_UpdateWithoutAReload()
    {
        await using var visitor = await dashboard.VisitAsync();
        await using var other = await dashboard.VisitAsync();
        await visitor.OpenAsync("/");
        await other.OpenAsync("/runs");
        var bench = dashboard.Repository("build:\n  steps:\n    - { name: hold, run: \"sleep 600\" }\n");
        var run = await dashboard.Api.TriggerAsync(await dashboard.Api.RegisterAsync(bench.Repository));
        var name = Path.GetFileName(bench.Repository);
        var live = visitor.Page.Locator("section[aria-labelledby=live]");
        await Expect(live.GetByRole(AriaRole.Row, new() { Name = name })).ToContainTextAsync("build › hold");
        await Expect(other.Page.GetByRole(AriaRole.Row, new() { Name = name })).ToContainTextAsync("running");
        await dashboard.Api.PostAsync($"/v1/pipeline-runs/{run}/cancel");
        await Expect(visitor.Page.Locator("section[aria-labelledby=recent]").GetByRole(AriaRole.Row, new() { Name = name }))
            .ToContainTextAsync("canceled");
        await Expect(other.Page.GetByRole(AriaRole.Row, new() { Name = name })).ToContainTextAsync("canceled");
    }

    [Fact]
    public async Task Lists_HaveMorePages_AndTheOverviewCountsWhatItDoesNotShow()
    {
        // Copies of an active run stay active: recovery, once a minute, ends a run whose jobs are terminal.
        var run = await dashboard.RunAsync("build:\n  steps:\n    - { name: hold, run: \"sleep 600\" }\n");
        await dashboard.ExecutionAsync(run, "hold");
        var (row, other) = (
            await dashboard.Api.GetAsync($"/v1/pipeline-runs/{run}"),
            await dashboard.EndedRunAsync("build:\n  steps:\n    - { name: ok, run: \"true\" }\n")
        );
        var (pipeline, repository) = (row.GetProperty("pipeline_id").GetString(), row.GetProperty("repository_id").GetString());
        await using var data = await dashboard.OpenDatabaseAsync();
        await using (
            var copies = data.CreateCommand(
                """
                SELECT string_agg(quote_ident(column_name), ',')
                FROM information_schema.columns
                WHERE table_name = 'pipeline_runs' AND column_name NOT IN ('id', 'run_number', 'status', 'finished_at')
                """
            )
        )
        {
            var rest = (string)(await copies.ExecuteScalarAsync())!;
            await using var insert = data.CreateCommand(
                $"""
                INSERT INTO pipeline_runs (id, run_number, status, {rest})
                SELECT (lpad(to_hex(g), 8, '0') || '-0000-7000-8000-' || right($1::text, 12))::uuid, 10000 + g, 'running', {rest}
                FROM pipeline_runs, generate_series(1, 60) g
                WHERE id = $1
                """
            );
            insert.Parameters.AddWithValue(Guid.Parse(run));
            await insert.ExecuteNonQueryAsync();
        }

        try
        {
            await using var visitor = await dashboard.VisitAsync();
            var page = visitor.Page;
            await visitor.OpenAsync("/");
            await Expect(page.GetByTestId("more-live")).ToContainTextAsync("more not shown. View all running");
            Assert.InRange(
                int.Parse(await page.GetByTestId("live-count").InnerTextAsync(), System.Globalization.CultureInfo.InvariantCulture),
                60,
                200
            );
            await Expect(page.Locator("section[aria-labelledby=recent] tbody tr")).Not.ToHaveCountAsync(0);

            await visitor.OpenAsync($"/pipelines/{pipeline}");
            await page.GetByRole(AriaRole.Link, new() { Name = "View all runs of this pipeline" }).ClickAsync();
            await Expect(page.GetByTestId("only-pipeline")).ToContainTextAsync("(manual)");
            await page.GetByRole(AriaRole.Link, new() { Name = "Older runs" }).ClickAsync();
            await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Newest runs" })).ToBeVisibleAsync();
            await Expect(page.Locator($"a[href='/runs/{other}']")).ToHaveCountAsync(0);

            // A branch filter applies to one repository.
            await visitor.OpenAsync($"/repositories/{repository}");
            await page.GetByRole(AriaRole.Link, new() { Name = "main", Exact = true }).ClickAsync();
            // The previous page also links to the run, twice.
            await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Remove repository filter" })).ToBeVisibleAsync();
            await Expect(page.Locator($"a[href='/runs/{run}']")).ToBeVisibleAsync();
            await Expect(page.Locator($"a[href='/runs/{other}']")).ToHaveCountAsync(0);
            await visitor.ExpectAccessibleAsync("filtered runs");
            await page.GetByRole(AriaRole.Link, new() { Name = "Remove repository filter" }).ClickAsync();
            await Expect(page.Locator($"a[href='/runs/{other}']")).ToBeVisibleAsync();

            // A number alone finds runs of all repositories.
            await page.Keyboard.PressAsync("Control+k");
            await page.Locator("#palette-input").FillAsync("#10042");
            await Expect(page.Locator("#palette-list")).ToContainTextAsync("#10042");
            await page.Keyboard.PressAsync("Escape");
            await visitor.OpenAsync($"/runs?project={Guid.Empty}");
            await Expect(page.Locator("#content")).ToContainTextAsync("Invalid address");
        }
        finally
        {
            await using var remove = data.CreateCommand("DELETE FROM pipeline_runs WHERE run_number > 10000");
            await remove.ExecuteNonQueryAsync();
            await dashboard.Api.PostAsync($"/v1/pipeline-runs/{run}/cancel");
        }
    }

    [Fact]
    public async Task Queue_ShowsWhatEachStepIsWaitingFor()
    {
        // More parallel steps than there are slots.
        var steps = string.Concat(Enumerable.Range(0, 14).Select(i => $"    - {{ name: s{i}, run: \"sleep 600\", parallel: true }}\n"));
        var run = await dashboard.RunAsync($"build:\n  steps:\n{steps}");
        await using var visitor = await dashboard.VisitAsync();
        await visitor.OpenAsync("/");
        await Expect(visitor.Page.GetByTestId("queue")).ToContainTextAsync("Waiting for a slot on executor \"process\"");
        await visitor.ExpectAccessibleAsync("overview with a queue");
        await dashboard.Api.PostAsync($"/v1/pipeline-runs/{run}/cancel");
        await dashboard.Api.WaitForEndAsync(run, TimeSpan.FromSeconds(180));
    }
}
