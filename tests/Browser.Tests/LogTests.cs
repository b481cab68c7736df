using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>The log viewer, with up to a hundred thousand lines.</summary>
public sealed class LogTests(Dashboard dashboard)
{
    private const int LineCount = 100_000;

    /// <summary>Many lines, and some with control sequences and markup.</summary>
    private static readonly string Lines = $$"""
        build:
          steps:
            - name: talk
              run: |
                awk 'BEGIN { for (i = 1; i <= {{LineCount}}; i++) printf "line %06d of many\n", i }'
                printf 'plain \033[1;31mred and bold\033[0m plain again\n'
                printf '<img src=x onerror="document.title=1"><b>bold</b> &amp; <script>document.title=1</script>\n'
                echo THE-LAST-LINE
        """;

    [Fact]
    public async Task HundredThousandLines_OpenAtTheEnd_AndAreAllReachable()
    {
        var run = await dashboard.EndedRunAsync(Lines);
        var execution = await dashboard.ExecutionAsync(run, "talk");
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}?execution={execution}");
        var log = page.GetByTestId("log");
        await Expect(log).ToContainTextAsync("THE-LAST-LINE");
        await Expect(page.GetByTestId("log-lines")).ToContainTextAsync("100,00");
        Assert.InRange(await log.Locator(".row").CountAsync(), 10, 400);

        // The output is shown as plain text.
        await Expect(log).ToContainTextAsync("<img src=x onerror=\"document.title=1\"><b>bold</b> &amp; <script>");
        Assert.Equal(0, await log.Locator("img, b, script").CountAsync());
        await Expect(log.Locator(".fg1.bold")).ToHaveTextAsync("red and bold");

        // The first line, and lines from the middle by scrolling.
        await page.GetByTestId("log-start").ClickAsync();
        await Expect(log).ToContainTextAsync("line 000001 of many");
        await log.EvaluateAsync("box => box.scrollTop = box.scrollHeight / 2");
        await Expect(log).ToContainTextAsync(new Regex("line 0(49|50)\\d{3} of many"));
        await page.GetByTestId("log-end").ClickAsync();
        await Expect(log).ToContainTextAsync("THE-LAST-LINE");

        // The download contains every byte.
        var download = await page.RunAndWaitForDownloadAsync(() =>
            page.GetByRole(AriaRole.Link, new() { Name = "Download log" }).ClickAsync()
        );
        var lines = await File.ReadAllLinesAsync(await download.PathAsync());
        Assert.Equal(LineCount, lines.Count(l => l.EndsWith(" of many", StringComparison.Ordinal)));
        Assert.Equal("build-talk-1.log", download.SuggestedFilename);
    }

    [Fact]
    public async Task Line_CanBeLinked_AndFound()
    {
        var run = await dashboard.EndedRunAsync(Lines);
        var execution = await dashboard.ExecutionAsync(run, "talk");
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        var log = page.GetByTestId("log");
        await visitor.OpenAsync($"/runs/{run}?execution={execution}&line=45678");
        await Expect(log.Locator(".row.at .no")).ToHaveTextAsync("45678");
        await Expect(log.Locator(".row.at")).ToBeInViewportAsync();

        await page.GetByTestId("log-find").FillAsync("099999 OF");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByTestId("log-matches")).ToHaveTextAsync("1 of 1");
        await Expect(log.Locator(".row.at")).ToContainTextAsync("line 099999 of many");
        await Expect(page).ToHaveURLAsync(new Regex("line=\\d+.*find=099999"));
        await page.ReloadAsync();
        await Expect(log.Locator(".row.at")).ToContainTextAsync("line 099999 of many");

        await page.GetByTestId("log-find").FillAsync("no such text");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByTestId("log-matches")).ToHaveTextAsync("No matches");

        // A click on a line number links to the line.
        await page.GetByTestId("log-start").ClickAsync();
        await log.Locator(".row[data-line='3'] .no").ClickAsync();
        await Expect(page).ToHaveURLAsync(new Regex("line=3(&|$)"));
        await Expect(log.Locator(".row.at .no")).ToHaveTextAsync("3");
    }

    [Fact]
    public async Task WrapAndTimestamps_ArePartOfTheAddress()
    {
        var run = await dashboard.EndedRunAsync(
            "build:\n  steps:\n    - { name: talk, run: \"printf 'x%.0s' $(seq 1 2000); echo; sleep 0.5; echo after\" }\n"
        );
        var execution = await dashboard.ExecutionAsync(run, "talk");
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        var log = page.GetByTestId("log");
        await visitor.OpenAsync($"/runs/{run}?execution={execution}");
        await Expect(log).ToContainTextAsync("after");
        await page.GetByTestId("log-wrap").ClickAsync();
        await Expect(log).ToHaveClassAsync(new Regex("wrapped"));
        Assert.True(await log.EvaluateAsync<bool>("b => b.scrollWidth <= b.clientWidth"), "A wrapped line overflows.");
        await page.GetByTestId("log-times").ClickAsync();
        await Expect(log.Locator(".when").Last).ToHaveTextAsync(new Regex("^\\d\\d:\\d\\d:\\d\\d\\.\\d{3}$"));
        await page.ReloadAsync();
        await Expect(log).ToHaveClassAsync(new Regex("wrapped"));
        var times = (await log.Locator(".when").AllInnerTextsAsync()).Select(t => TimeSpan.Parse(t, CultureInfo.InvariantCulture)).ToList();
        Assert.True(
            times[^1] - times[^2] > TimeSpan.FromSeconds(0.4) || times[^1] < times[^2],
            $"Expected at least 0.4 s between {times[^2]} and {times[^1]}."
        );
    }

    [Fact]
    public async Task Follow_StaysAtTheEnd_UntilTheUserScrollsAway()
    {
        var gate = Path.Combine(Path.GetTempPath(), $"ship-gate-{Guid.CreateVersion7():N}");
        var run = await dashboard.RunAsync(
            $$"""
            build:
              steps:
                - name: talk
                  run: |
                    seq 1 500; while [ ! -e {{gate}} ]; do sleep 0.05; done
                    seq 501 1000; while [ ! -e {{gate}}2 ]; do sleep 0.05; done
                    seq 1001 1200; echo THE-END
            """
        );
        var execution = await dashboard.ExecutionAsync(run, "talk");
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        var log = page.GetByTestId("log");
        await visitor.OpenAsync($"/runs/{run}?execution={execution}");
        await Expect(Last("500")).ToBeInViewportAsync();
        await File.WriteAllTextAsync(gate, "");
        await Expect(Last("1000")).ToBeInViewportAsync();

        // Away from the end, new lines do not move the position.
        await log.HoverAsync();
        await page.Mouse.WheelAsync(0, -4000);
        await Expect(page.GetByTestId("log-follow")).ToHaveAttributeAsync("aria-pressed", "false");
        // The browser may scroll in several frames.
        var position = await log.EvaluateAsync<double>(
            """
            async box => {
              const frame = () => new Promise(done => requestAnimationFrame(done));
              for (let last = -1, same = 0; same < 5; await frame()) {
                same = box.scrollTop === last ? same + 1 : 0;
                last = box.scrollTop;
              }
              return box.scrollTop;
            }
            """
        );
        await File.WriteAllTextAsync(gate + "2", "");
        await Expect(page.GetByTestId("run-status")).ToHaveTextAsync("success");
        await Expect(page.GetByTestId("log-lines")).ToContainTextAsync("1,20");
        Assert.Equal(position, await log.EvaluateAsync<double>("b => b.scrollTop"));
        await page.GetByTestId("log-end").ClickAsync();
        await Expect(Last("THE-END")).ToBeInViewportAsync();
        File.Delete(gate);
        File.Delete(gate + "2");

        ILocator Last(string text) => log.Locator(".row .text").Filter(new() { HasTextRegex = new Regex($"^\\s*{text}\\s*$") });
    }

    [Fact]
    public async Task KeyF_TogglesFollow_AndSlashFocusesTheSearch()
    {
        var run = await dashboard.RunAsync("build:\n  steps:\n    - { name: talk, run: \"seq 1 300; sleep 600\" }\n");
        var execution = await dashboard.ExecutionAsync(run, "talk");
        await using var visitor = await dashboard.VisitAsync();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}?execution={execution}");
        await Expect(page.GetByTestId("log")).ToContainTextAsync("300");
        await page.Keyboard.PressAsync("f");
        await Expect(page.GetByTestId("log-follow")).ToHaveAttributeAsync("aria-pressed", "false");
        await page.Keyboard.PressAsync("f");
        await Expect(page.GetByTestId("log-follow")).ToHaveAttributeAsync("aria-pressed", "true");
        await page.Keyboard.PressAsync("/");
        await Expect(page.GetByTestId("log-find")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("f");
        await Expect(page.GetByTestId("log-find")).ToHaveValueAsync("f");

        // Single-letter shortcuts do not work on a button, but do on the log.
        await page.GetByTestId("theme").FocusAsync();
        await page.Keyboard.PressAsync("f");
        await page.GetByTestId("log").FocusAsync();
        await page.Keyboard.PressAsync("f");
        await Expect(page.GetByTestId("log-follow")).ToHaveAttributeAsync("aria-pressed", "false");
        await dashboard.Api.PostAsync($"/v1/pipeline-runs/{run}/cancel");
    }
}
