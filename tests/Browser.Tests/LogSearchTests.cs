using System.Text.RegularExpressions;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>The search in a log.</summary>
public sealed class LogSearchTests(Dashboard dashboard)
{
    [Fact]
    public async Task Enter_GoesToTheNextMatch_WhichIsHighlightedAndInView()
    {
        var run = await dashboard.EndedRunAsync(
            """
            build:
              steps:
                - name: talk
                  run: |
                    seq 1 200; echo a needle; seq 1 300
                    printf '%3000s needle, \033[31mnee\033[1mdle\n' x
                    seq 1 300; echo NEEDLE; seq 1 50
            """
        );
        var execution = await dashboard.ExecutionAsync(run, "talk");
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        var (log, matches, find) = (page.GetByTestId("log"), page.GetByTestId("log-matches"), page.GetByTestId("log-find"));
        await visitor.OpenAsync($"/runs/{run}?execution={execution}");
        await Expect(log.Locator(".row").First).ToBeVisibleAsync();
        await find.FillAsync("needle");
        await page.Keyboard.PressAsync("Enter");
        await ExpectAsync("1 of 3", "202");
        await page.Keyboard.PressAsync("Enter");
        await ExpectAsync("2 of 3", "503");
        await page.Keyboard.PressAsync("Enter");
        await ExpectAsync("3 of 3", "804");
        await page.Keyboard.PressAsync("Shift+Enter");
        await ExpectAsync("2 of 3", "503");

        // A number after a colon goes to that line, which becomes part of the address.
        await find.FillAsync(":12");
        await page.Keyboard.PressAsync("Enter");
        await Expect(log.Locator(".row.at .no")).ToHaveTextAsync("12");
        await Expect(log.Locator(".row.at")).ToBeInViewportAsync();
        await Expect(page).ToHaveURLAsync(new Regex("line=12(&|$)"));
        await Expect(log.Locator("mark")).ToHaveCountAsync(0);

        // An empty search clears the matches.
        await find.FillAsync("needle");
        await page.Keyboard.PressAsync("Enter");
        await Expect(matches).ToHaveTextAsync("1 of 3");
        await find.FillAsync("");
        await page.Keyboard.PressAsync("Enter");
        await Expect(matches).ToHaveTextAsync("");
        await Expect(page).Not.ToHaveURLAsync(new Regex("line=|find="));

        // The line in an address takes precedence over the first match.
        await visitor.OpenAsync($"/runs/{run}?execution={execution}&line=77&find=needle");
        await Expect(matches).ToHaveTextAsync("3 matches");
        await Expect(log.Locator(".row.at .no")).ToHaveTextAsync("77");
        await Expect(log.Locator(".row.at")).ToBeInViewportAsync();
        await find.FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await ExpectAsync("1 of 3", "202");

        async Task ExpectAsync(string count, string line)
        {
            await Expect(matches).ToHaveTextAsync(count);
            await Expect(log.Locator(".row.at .no")).ToHaveTextAsync(line);
            await Expect(log.Locator(".row.at mark").First).ToBeInViewportAsync(new() { Ratio = 1 });
        }
    }

    [Fact]
    public async Task Matches_AreCountedWhileTheLogGrows()
    {
        var gate = Path.Combine(Path.GetTempPath(), $"ship-gate-{Guid.CreateVersion7():N}");
        var run = await dashboard.RunAsync(
            $$"""
            build:
              steps:
                - name: talk
                  run: "seq 1 300; echo needle; while [ ! -e {{gate}} ]; do sleep 0.05; done; echo needle; seq 1 300; printf needle"
            """
        );
        var execution = await dashboard.ExecutionAsync(run, "talk");
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}?execution={execution}");
        await Expect(page.GetByTestId("log")).ToContainTextAsync("needle");
        await page.GetByTestId("log-find").FillAsync("needle");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByTestId("log-matches")).ToHaveTextAsync("1 of 1");
        await File.WriteAllTextAsync(gate, "");
        await Expect(page.GetByTestId("log-matches")).ToHaveTextAsync("1 of 3");
        File.Delete(gate);
    }

    [Fact]
    public async Task SecondLog_CanBeSearched_AndItsLinesHaveLinks()
    {
        var run = await dashboard.EndedRunAsync(
            """
            build:
              steps:
                - name: talk
                  retry: { max: 1, on: [failure] }
                  run: "for i in $(seq 1 500); do echo line $i; done; if [ ! -e t ]; then touch t; exit 3; fi"
            """
        );
        var attempts = (await dashboard.Api.StepsAsync(run))
            .Single()
            .GetProperty("executions")
            .EnumerateArray()
            .Select(e => e.GetProperty("id").GetString()!)
            .ToList();
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}?execution={attempts[1]}&beside={attempts[0]}");
        var (left, right) = (page.Locator(".attempt").First, page.Locator(".attempt").Last);
        await Expect(left.GetByTestId("log")).ToContainTextAsync("line 500");
        await left.GetByTestId("log-find").FillAsync("line 40");
        await page.Keyboard.PressAsync("Enter");
        await Expect(left.GetByTestId("log-matches")).ToHaveTextAsync("1 of 11");
        await Expect(left.Locator(".row.at")).ToContainTextAsync("line 40");
        await Expect(left.Locator(".row.at mark")).ToBeInViewportAsync();
        await Expect(right.Locator(".row.at")).ToHaveCountAsync(0);
        Assert.DoesNotContain("line=", page.Url, StringComparison.Ordinal);

        // The log keeps its position when it becomes the one in the address.
        await left.Locator(".row[data-line='42'] .no").ClickAsync();
        await Expect(page).ToHaveURLAsync(new Regex($"execution={attempts[0]}.*beside={attempts[1]}.*line=42"));
        await Expect(left.Locator(".row.at .no")).ToHaveTextAsync("42");
        await Expect(left.Locator(".row.at")).ToBeInViewportAsync();
        await Expect(right.GetByTestId("log")).ToContainTextAsync("line 500");
        await Expect(right.Locator(".row.at")).ToHaveCountAsync(0);
    }
}
