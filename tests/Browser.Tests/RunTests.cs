using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>What people do with a run.</summary>
public sealed class RunTests(Dashboard dashboard)
{
    [Fact]
    public async Task Cancel_SaysWhatItStops_AndIsDoneWhenNothingRunsAnyMore()
    {
        var run = await dashboard.RunAsync(
            "build:\n  steps:\n    - { name: long, run: \"sleep 600\" }\ntest:\n  steps:\n    - { name: never, run: \"true\" }\n"
        );
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}");
        await Expect(JourneyTests.Step(page, "long")).ToHaveAttributeAsync("data-status", "running");
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Dialog)).ToContainTextAsync("to be stopped: build. 1 waiting job will not begin.");
        await page.GetByRole(AriaRole.Button, new() { Name = "Let it run" }).ClickAsync();
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("running");
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel", Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel the run" }).ClickAsync();
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("canceled");
        await Expect(page.GetByTestId("run-reason")).ToContainTextAsync("Canceled by standalone");
    }

    [Fact]
    public async Task RerunFailed_BeginsAtWhatFailedAndKeepsTheRest()
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
        await page.GetByRole(AriaRole.Button, new() { Name = "Rerun failed" }).ClickAsync();
        await Expect(page).Not.ToHaveURLAsync(new Regex(run));
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("success");
        await Expect(page.Locator("[data-job=build]")).ToContainTextAsync("The result of the earlier run stands");
        await Expect(page.Locator(".facts")).ToContainTextAsync("a rerun of this run");
        File.Delete(mark);
    }

    [Fact]
    public async Task History_ShowsTheRunAsItWasAtAnyMoment()
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

        // Step by step to the end: states only go forward, and the last picture is the run itself.
        var seen = new List<string>();
        for (var at = 1; at <= count; at++)
        {
            await Expect(page.GetByTestId("moment")).ToContainTextAsync($"{at} of {count}");
            seen.Add(
                $"{await page.GetByTestId("run-status").InnerTextAsync()} {await JourneyTests.Step(page, "first").GetAttributeAsync("data-status")} {await JourneyTests.Step(page, "second").GetAttributeAsync("data-status")}"
            );
            await page.Keyboard.PressAsync("ArrowRight");
        }

        var distinct = seen.Distinct().ToList();
        Assert.Equal("pending pending pending", distinct[0]);
        Assert.Contains("running running pending", distinct);
        Assert.Contains("running success running", distinct);
        Assert.Equal("success success success", distinct[^1]);
        await page.GetByRole(AriaRole.Button, new() { Name = "Now" }).ClickAsync();
        await Expect(page).Not.ToHaveURLAsync(new Regex("at="));

        // A moment can be linked.
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
    public async Task Attempts_StandSideBySideWithTheirLogs()
    {
        var run = await dashboard.EndedRunAsync(
            "build:\n  steps:\n    - { name: flaky, retry: { max: 1, on: [failure] }, run: \"if [ -e t ]; then echo second went well; else touch t; echo first went wrong; exit 3; fi\" }\n"
        );
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}");
        await Expect(JourneyTests.Step(page, "flaky")).ToContainTextAsync("2 tries");
        await JourneyTests.Step(page, "flaky").GetByRole(AriaRole.Link).ClickAsync();
        await Expect(page.GetByTestId("log")).ToContainTextAsync("second went well");
        await page.GetByTestId("side-by-side").ClickAsync();
        await Expect(page.GetByTestId("log")).ToHaveCountAsync(2);
        await Expect(page.GetByTestId("log").First).ToContainTextAsync("first went wrong");
        await Expect(page.GetByTestId("log").Last).ToContainTextAsync("second went well");
        await page.ReloadAsync();
        await Expect(page.GetByTestId("log").First).ToContainTextAsync("first went wrong");
    }

    [Fact]
    public async Task Timeline_ShowsWhatRanWhen_AndABarOpensItsLog()
    {
        var run = await dashboard.EndedRunAsync(
            "build:\n  steps:\n    - { name: one, run: \"sleep 0.3\" }\n    - { name: two, run: \"echo of-two; sleep 0.3\" }\n"
        );
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}?view=timeline");
        var (one, two) = (await BoxAsync("one"), await BoxAsync("two"));
        Assert.True(one.X + one.Width <= two.X + 2, "The second begins before the first has ended.");
        await page.GetByRole(AriaRole.Link, new() { Name = "two, try 1" }).ClickAsync();
        await Expect(page.GetByTestId("log")).ToContainTextAsync("of-two");

        async Task<LocatorBoundingBoxResult> BoxAsync(string step) =>
            (await page.GetByRole(AriaRole.Link, new() { Name = step + ", try 1" }).BoundingBoxAsync())!;
    }

    [Fact]
    public async Task Overview_AndLists_FollowWithoutAReload()
    {
        await using var visitor = await dashboard.VisitAsync();
        await using var other = await dashboard.VisitAsync();
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
    public async Task Lists_LeadOn_AndTheOverviewCountsWhatItDoesNotShow()
    {
        // Copies of a run at work stay at work: recovery, once a minute, ends a run whose jobs are over.
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
                "SELECT string_agg(quote_ident(column_name), ',') FROM information_schema.columns WHERE table_name = 'pipeline_runs' AND column_name NOT IN ('id', 'run_number', 'status', 'finished_at')"
            )
        )
        {
            var rest = (string)(await copies.ExecuteScalarAsync())!;
            await using var insert = data.CreateCommand(
                $"INSERT INTO pipeline_runs (id, run_number, status, {rest}) SELECT (lpad(to_hex(g), 8, '0') || '-0000-7000-8000-' || right($1::text, 12))::uuid, 10000 + g, 'running', {rest} FROM pipeline_runs, generate_series(1, 60) g WHERE id = $1"
            );
            insert.Parameters.AddWithValue(Guid.Parse(run));
            await insert.ExecuteNonQueryAsync();
        }

        try
        {
            await using var visitor = await dashboard.VisitAsync();
            var page = visitor.Page;
            await visitor.OpenAsync("/");
            await Expect(page.GetByTestId("more-live")).ToContainTextAsync("more: all that are running");
            Assert.InRange(
                int.Parse(await page.GetByTestId("live-count").InnerTextAsync(), System.Globalization.CultureInfo.InvariantCulture),
                60,
                200
            );
            await Expect(page.Locator("section[aria-labelledby=recent] tbody tr")).Not.ToHaveCountAsync(0);

            await visitor.OpenAsync($"/pipelines/{pipeline}");
            await page.GetByRole(AriaRole.Link, new() { Name = "All runs of this pipeline" }).ClickAsync();
            await Expect(page.GetByTestId("only-pipeline")).ToContainTextAsync("(manual)");
            await page.GetByRole(AriaRole.Link, new() { Name = "Older runs" }).ClickAsync();
            await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Newest" })).ToBeVisibleAsync();
            await Expect(page.Locator($"a[href='/runs/{other}']")).ToHaveCountAsync(0);

            // A branch is one of its repository.
            await visitor.OpenAsync($"/repositories/{repository}");
            await page.GetByRole(AriaRole.Link, new() { Name = "main", Exact = true }).ClickAsync();
            // The page before leads to the run, too, and twice.
            await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Runs of every repository" })).ToBeVisibleAsync();
            await Expect(page.Locator($"a[href='/runs/{run}']")).ToBeVisibleAsync();
            await Expect(page.Locator($"a[href='/runs/{other}']")).ToHaveCountAsync(0);
            await visitor.ExpectAccessibleAsync("narrowed runs");
            await page.GetByRole(AriaRole.Link, new() { Name = "Runs of every repository" }).ClickAsync();
            await Expect(page.Locator($"a[href='/runs/{other}']")).ToBeVisibleAsync();

            // A number alone is found anywhere.
            await page.Keyboard.PressAsync("Control+k");
            await page.Locator("#palette-input").FillAsync("#10042");
            await Expect(page.Locator("#palette-list")).ToContainTextAsync("#10042");
            await page.Keyboard.PressAsync("Escape");
            await visitor.OpenAsync($"/runs?project={Guid.Empty}");
            await Expect(page.Locator("#content")).ToContainTextAsync("does not lead to a list");
        }
        finally
        {
            await using var remove = data.CreateCommand("DELETE FROM pipeline_runs WHERE run_number > 10000");
            await remove.ExecuteNonQueryAsync();
            await dashboard.Api.PostAsync($"/v1/pipeline-runs/{run}/cancel");
        }
    }

    [Fact]
    public async Task Queue_TellsWhatEachStepWaitsFor()
    {
        // More steps side by side than there are places.
        var steps = string.Concat(Enumerable.Range(0, 14).Select(i => $"    - {{ name: s{i}, run: \"sleep 600\", parallel: true }}\n"));
        var run = await dashboard.RunAsync($"build:\n  steps:\n{steps}");
        await using var visitor = await dashboard.VisitAsync();
        await Expect(visitor.Page.GetByTestId("queue")).ToContainTextAsync("A place at executor process");
        await dashboard.Api.PostAsync($"/v1/pipeline-runs/{run}/cancel");
        await dashboard.Api.WaitForEndAsync(run, TimeSpan.FromSeconds(60));
    }
}
