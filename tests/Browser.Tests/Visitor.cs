using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>Somebody before a browser. What a page complains of, or loads from elsewhere, is a failure when the visit ends.</summary>
public sealed class Visitor(IBrowserContext context, IPage page, Uri url, Func<string> serverOutput) : IAsyncDisposable
{
    private readonly List<string> _complaints = [];
    private bool _mayComplain;
    private bool _listens;

    public IPage Page => page;

    public IBrowserContext Context => context;

    /// <summary>The server goes away in this visit: its pages may say so.</summary>
    public void ExpectComplaints() => _mayComplain = true;

    public async Task SignInAsync(string token)
    {
        Listen();
        await page.GotoAsync("/signin");
        await page.GetByLabel("API token").FillAsync(token);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1, Name = "Overview" })).ToBeVisibleAsync();
    }

    /// <summary>Opens a page by its address and waits until it is drawn.</summary>
    public async Task OpenAsync(string path)
    {
        Listen();
        await page.GotoAsync(path);
        await Expect(page.Locator("#content h1")).ToBeAttachedAsync();
        await Expect(page.Locator(".skeleton")).ToHaveCountAsync(0);
    }

    /// <summary>No rule of WCAG 2 A and AA is broken, as axe sees it.</summary>
    public async Task ExpectAccessibleAsync(string what)
    {
        var found = await page.RunAxe(
            new AxeRunOptions
            {
                RunOnly = new RunOnlyOptions { Type = "tag", Values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
            }
        );
        Assert.True(
            found.Violations.Length == 0,
            $"{what}:\n"
                + string.Join(
                    '\n',
                    found.Violations.Select(v =>
                        $"{v.Id} ({v.Impact}): {v.Help}\n  "
                        + string.Join("\n  ", v.Nodes.Take(5).Select(n => $"{n.Html} {string.Join(' ', n.Any.Select(a => a.Message))}"))
                    )
                )
        );
    }

    /// <summary>Nothing sticks out at the side.</summary>
    public async Task ExpectNoSidewaysScrollingAsync(string what)
    {
        var (wide, seen) = (
            await page.EvaluateAsync<int>("document.documentElement.scrollWidth"),
            await page.EvaluateAsync<int>("document.documentElement.clientWidth")
        );
        Assert.True(wide <= seen, $"{what} is {wide} pixels wide in a window of {seen}.");
    }

    public async ValueTask DisposeAsync()
    {
        await context.CloseAsync();
        if (!_mayComplain && _complaints.Count > 0)
        {
            var said = serverOutput().Split('\n').Where(l => !l.StartsWith("info:", StringComparison.Ordinal)).TakeLast(40);
            Assert.Fail($"{string.Join('\n', _complaints)}\nThe server said:\n{string.Join('\n', said)}");
        }
    }

    private void Listen()
    {
        if (_listens)
        {
            return;
        }

        _listens = true;
        page.PageError += (_, error) => _complaints.Add($"script: {error}");
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                _complaints.Add($"{message.Type}: {message.Text}");
            }
        };
        context.Request += (_, request) =>
        {
            if (new Uri(request.Url) is { Scheme: not ("data" or "blob") } asked && asked.Authority != url.Authority)
            {
                _complaints.Add($"loaded from elsewhere: {request.Url}");
            }
        };
    }
}
