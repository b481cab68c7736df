using System.Text.RegularExpressions;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>A browser context with a page. Console errors and requests to other hosts fail the test when it is disposed.</summary>
public sealed partial class Visitor(IBrowserContext context, IPage page, Uri url, Func<string> serverOutput) : IAsyncDisposable
{
    private readonly List<string> _errors = [];
    private bool _allowErrors;
    private bool _listens;

    public IPage Page => page;

    public IBrowserContext Context => context;

    /// <summary>For tests in which the server becomes unavailable or rejects the page.</summary>
    public void AllowConsoleErrors() => _allowErrors = true;

    public async Task SignInAsync(string token)
    {
        Listen();
        await page.GotoAsync("/signin");
        await page.GetByLabel("API token").FillAsync(token);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1, Name = "Overview" })).ToBeVisibleAsync();
    }

    /// <summary>Opens a page and waits until it is rendered.</summary>
    public async Task OpenAsync(string path)
    {
        Listen();
        await page.GotoAsync(path);
        await Expect(page.Locator("#content h1")).ToBeAttachedAsync();
        await Expect(page.Locator(".skeleton")).ToHaveCountAsync(0);
    }

    /// <summary>Asserts that axe finds no violation of WCAG 2.2 A and AA.</summary>
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

    /// <summary>Asserts that nothing is wider than the window.</summary>
    public async Task ExpectNoSidewaysScrollingAsync(string what)
    {
        var (content, window) = (
            await page.EvaluateAsync<int>("document.documentElement.scrollWidth"),
            await page.EvaluateAsync<int>("document.documentElement.clientWidth")
        );
        Assert.True(content <= window, $"{what} is {content} pixels wide in a window of {window} pixels.");
    }

    public async ValueTask DisposeAsync()
    {
        await context.CloseAsync();
        if (!_allowErrors && _errors.Count > 0)
        {
            // An entry is a line with its level, followed by indented lines.
            var log = Regex.Split(serverOutput(), @"\n(?=\S)").Where(e => !NotOfInterest().IsMatch(e)).TakeLast(20);
            Assert.Fail($"{string.Join('\n', _errors)}\nServer log:\n{string.Join('\n', log)}");
        }
    }

    [GeneratedRegex("^info:|Begin invoke JS interop|completed successfully")]
    private static partial Regex NotOfInterest();

    /// <summary>Starts to record errors and requests.</summary>
    internal void Listen()
    {
        if (_listens)
        {
            return;
        }

        _listens = true;
        page.PageError += (_, error) => _errors.Add($"script: {error}");
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                _errors.Add($"{message.Type}: {message.Text}");
            }
        };
        context.Request += (_, request) =>
        {
            if (new Uri(request.Url) is { Scheme: not ("data" or "blob") } target && target.Authority != url.Authority)
            {
                _errors.Add($"request to another host: {request.Url}");
            }
        };
    }
}
