using Microsoft.Playwright;
using Shipinator.EndToEnd.Tests;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>Signing in and out, sessions and revoked tokens.</summary>
public sealed class SignInTests(Dashboard dashboard)
{
    [Fact]
    public async Task SignInLink_WorksOnce()
    {
        await using (var first = await dashboard.VisitAsync(signIn: false))
        {
            await first.Page.GotoAsync(dashboard.SignInLink.ToString());
            await Expect(first.Page.GetByRole(AriaRole.Heading, new() { Level = 1, Name = "Overview" })).ToBeVisibleAsync();
        }

        await using var second = await dashboard.VisitAsync(signIn: false);
        await second.Page.GotoAsync(dashboard.SignInLink.ToString());
        await Expect(second.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("works once");
    }

    [Fact]
    public async Task UnknownToken_IsRejectedWithAMessage()
    {
        await using var visitor = await dashboard.VisitAsync(signIn: false);
        await visitor.Page.GotoAsync("/signin");
        await visitor.Page.GetByLabel("API token").FillAsync("shp_nonsense");
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(visitor.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("The token is invalid or has been revoked");
    }

    /// <summary>As while they load: a message that does not apply must not be announced.</summary>
    [Fact]
    public async Task PageWithoutItsStyleSheets_ShowsNoOtherAlert()
    {
        await using var visitor = await dashboard.VisitAsync(signIn: false);
        await visitor.Context.RouteAsync("**/*.css", route => route.AbortAsync());
        await visitor.Page.GotoAsync("/signin");
        await visitor.Page.GetByLabel("API token").FillAsync("shp_nonsense");
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(visitor.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("The token is invalid or has been revoked");
    }

    [Fact]
    public async Task RequestedPage_OpensAfterSigningIn()
    {
        await using var visitor = await dashboard.VisitAsync(signIn: false);
        await visitor.Page.GotoAsync("/runs?status=failed");
        await visitor.Page.GetByLabel("API token").FillAsync(await dashboard.NewTokenAsync("returns", "read"));
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(visitor.Page).ToHaveURLAsync(new System.Text.RegularExpressions.Regex(@"/runs\?status=failed$"));
        await Expect(visitor.Page.GetByRole(AriaRole.Heading, new() { Level = 1, Name = "Runs" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Cookie_IsInaccessibleToScriptsAndOtherSites_AndCannotChangeAnythingThroughTheApi()
    {
        await using var visitor = await dashboard.VisitAsync();
        await visitor.OpenAsync("/");
        var cookie = (await visitor.Context.CookiesAsync()).Single(c =>
            c.Name.StartsWith("shipinator-", StringComparison.Ordinal) && c.Name != "shipinator-form"
        );
        Assert.True(cookie.HttpOnly);
        Assert.Equal(SameSiteAttribute.Lax, cookie.SameSite);
        Assert.Equal("", await visitor.Page.EvaluateAsync<string>("document.cookie"));
        // A request that another site could make this browser send.
        var response = await visitor.Page.APIRequest.PostAsync("/v1/projects", new() { DataObject = new { name = "forged" } });
        Assert.Equal(401, response.Status);
        // Downloads need read access.
        Assert.Equal(200, (await visitor.Page.APIRequest.GetAsync("/v1/projects")).Status);
    }

    [Fact]
    public async Task SignOut_EndsTheSessionInAllTabs()
    {
        await using var visitor = await dashboard.VisitAsync(ownSession: true);
        await using var stranger = await dashboard.VisitAsync();
        await stranger.OpenAsync("/");
        // The server closes the connection of a page that lost its access, which the browser logs as an error.
        visitor.AllowConsoleErrors();
        var tab = await visitor.Context.NewPageAsync();
        await tab.GotoAsync("/projects");
        await Expect(tab.GetByRole(AriaRole.Button, new() { Name = "New project" })).ToBeVisibleAsync();
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Account" }).ClickAsync();
        await visitor.Page.GetByText("Sign out").ClickAsync();
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Expect(visitor.Page.GetByLabel("API token")).ToBeVisibleAsync();
        await visitor.Page.GotoAsync("/projects");
        await Expect(visitor.Page.GetByLabel("API token")).ToBeVisibleAsync();

        // Other tabs of the browser are signed out, too; other browsers are not.
        await Expect(tab.GetByRole(AriaRole.Alert)).ToContainTextAsync("signed out in another tab");
        await stranger.Page.GetByRole(AriaRole.Navigation, new() { Name = "Main" }).GetByText("Projects").ClickAsync();
        await Expect(stranger.Page.GetByRole(AriaRole.Button, new() { Name = "New project" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task RevokedToken_EndsAccessOfOpenPages()
    {
        await using var admin = await dashboard.VisitAsync();
        await admin.OpenAsync("/settings/tokens");
        await admin.Page.GetByTestId("token-name").FillAsync("short-lived");
        await admin.Page.GetByLabel("Role").SelectOptionAsync("write");
        await admin.Page.GetByRole(AriaRole.Button, new() { Name = "Create token" }).ClickAsync();
        var token = await admin.Page.GetByTestId("token-text").InnerTextAsync();

        await using var other = await dashboard.VisitAsync(token: token);
        // The server closes the connection of a page that lost its access, which the browser logs as an error.
        other.AllowConsoleErrors();
        await other.OpenAsync("/projects");

        await admin
            .Page.GetByRole(AriaRole.Row, new() { Name = "short-lived" })
            .GetByRole(AriaRole.Button, new() { Name = "Revoke" })
            .ClickAsync();
        await admin.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Revoke" }).ClickAsync();
        await Expect(admin.Page.GetByRole(AriaRole.Row, new() { Name = "short-lived" })).ToContainTextAsync("Revoked");

        // The open page is notified immediately, and shows the reason and a link to sign in.
        await Expect(other.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Your token was revoked");
        await Expect(other.Page.GetByRole(AriaRole.Button, new() { Name = "New project" })).ToHaveCountAsync(0);
        await other.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in again" }).ClickAsync();
        await Expect(other.Page.GetByLabel("API token")).ToBeVisibleAsync();
        await other.Page.GotoAsync("/projects");
        await Expect(other.Page.GetByLabel("API token")).ToBeVisibleAsync();
    }

    /// <summary>Behind a proxy that terminates TLS, requests arrive over http.</summary>
    [Fact]
    public async Task HttpsAddress_IsUsedForRedirectsAndCookies()
    {
        using var bench = new Workbench();
        await using var server = await SiloProcess.StartAsync(
            bench.Data,
            new Dictionary<string, string> { ["SHIPINATOR__PublicUrl"] = "https://ci.example.org" },
            "--port",
            "0"
        );
        var link = await Dashboard.LinkAsync(server);
        var port = int.Parse(
            await File.ReadAllTextAsync(Path.Combine(bench.Data, "port")),
            System.Globalization.CultureInfo.InvariantCulture
        );
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
        {
            BaseAddress = new($"http://127.0.0.1:{port}"),
        };
        http.DefaultRequestHeaders.Host = "ci.example.org";
        http.DefaultRequestHeaders.Add("Accept", "text/html");
        using var redirect = await http.GetAsync("/runs");
        Assert.StartsWith("https://ci.example.org/signin", redirect.Headers.Location!.ToString(), StringComparison.Ordinal);
        using var signedIn = await http.GetAsync(link.AbsolutePath);
        var cookie = signedIn.Headers.GetValues("Set-Cookie").Single();
        Assert.StartsWith("__Host-shipinator=", cookie, StringComparison.Ordinal);
        Assert.Contains("secure", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
    }
}
