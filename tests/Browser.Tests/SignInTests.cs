using Microsoft.Playwright;
using Shipinator.EndToEnd.Tests;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>Who gets in, as whom, and for how long.</summary>
public sealed class SignInTests(Dashboard dashboard)
{
    [Fact]
    public async Task Link_OfAStandaloneServer_SignsInOnceAndNeverAgain()
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
    public async Task Token_ThatIsNoneOfOurs_IsRefusedWithAWord()
    {
        await using var visitor = await dashboard.VisitAsync(signIn: false);
        await visitor.Page.GotoAsync("/signin");
        await visitor.Page.GetByLabel("API token").FillAsync("shp_nonsense");
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(visitor.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("No token of ours");
    }

    [Fact]
    public async Task Page_AskedForBeforeSigningIn_ComesAfterIt()
    {
        await using var visitor = await dashboard.VisitAsync(signIn: false);
        await visitor.Page.GotoAsync("/runs?status=failed");
        await visitor.Page.GetByLabel("API token").FillAsync(await dashboard.NewTokenAsync("returns", "read"));
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(visitor.Page).ToHaveURLAsync(new System.Text.RegularExpressions.Regex(@"/runs\?status=failed$"));
        await Expect(visitor.Page.GetByRole(AriaRole.Heading, new() { Level = 1, Name = "Runs" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Cookie_IsOutOfReachOfScriptsAndOtherSites_AndOfNoUseForChangesThroughTheApi()
    {
        await using var visitor = await dashboard.VisitAsync();
        var cookie = (await visitor.Context.CookiesAsync()).Single(c =>
            c.Name.StartsWith("shipinator-", StringComparison.Ordinal) && c.Name != "shipinator-form"
        );
        Assert.True(cookie.HttpOnly);
        Assert.Equal(SameSiteAttribute.Lax, cookie.SameSite);
        Assert.Equal("", await visitor.Page.EvaluateAsync<string>("document.cookie"));
        // What another site could make this browser send.
        var answer = await visitor.Page.APIRequest.PostAsync("/v1/projects", new() { DataObject = new { name = "forged" } });
        Assert.Equal(401, answer.Status);
        // Reading is what downloads need.
        Assert.Equal(200, (await visitor.Page.APIRequest.GetAsync("/v1/projects")).Status);
    }

    [Fact]
    public async Task SignOut_EndsIt()
    {
        await using var visitor = await dashboard.VisitAsync();
        await using var stranger = await dashboard.VisitAsync();
        // The server cuts the connection of a page that may read no more, which the browser complains of.
        visitor.ExpectComplaints();
        var tab = await visitor.Context.NewPageAsync();
        await tab.GotoAsync("/projects");
        await Expect(tab.GetByRole(AriaRole.Button, new() { Name = "New project" })).ToBeVisibleAsync();
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Account" }).ClickAsync();
        await visitor.Page.GetByText("Sign out").ClickAsync();
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Expect(visitor.Page.GetByLabel("API token")).ToBeVisibleAsync();
        await visitor.Page.GotoAsync("/projects");
        await Expect(visitor.Page.GetByLabel("API token")).ToBeVisibleAsync();

        // In its other tabs, too, and nowhere else.
        await Expect(tab.GetByRole(AriaRole.Alert)).ToContainTextAsync("signed out in another tab");
        await stranger.Page.GetByRole(AriaRole.Navigation, new() { Name = "Main" }).GetByText("Projects").ClickAsync();
        await Expect(stranger.Page.GetByRole(AriaRole.Button, new() { Name = "New project" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Token_Revoked_MayDoNothingMoreOnAnOpenPage()
    {
        await using var admin = await dashboard.VisitAsync();
        await admin.OpenAsync("/settings/tokens");
        await admin.Page.GetByTestId("token-name").FillAsync("short-lived");
        await admin.Page.GetByLabel("Role").SelectOptionAsync("write");
        await admin.Page.GetByRole(AriaRole.Button, new() { Name = "Make a token" }).ClickAsync();
        var token = await admin.Page.GetByTestId("token-text").InnerTextAsync();

        await using var other = await dashboard.VisitAsync(token: token);
        // The server cuts the connection of a page that may read no more, which the browser complains of.
        other.ExpectComplaints();
        await other.OpenAsync("/projects");

        await admin
            .Page.GetByRole(AriaRole.Row, new() { Name = "short-lived" })
            .GetByRole(AriaRole.Button, new() { Name = "Revoke" })
            .ClickAsync();
        await admin.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Revoke" }).ClickAsync();
        await Expect(admin.Page.GetByRole(AriaRole.Row, new() { Name = "short-lived" })).ToContainTextAsync("revoked");

        // At once, by the news of it, and with the reason and the way on.
        await Expect(other.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Your token was revoked");
        await Expect(other.Page.GetByRole(AriaRole.Button, new() { Name = "New project" })).ToHaveCountAsync(0);
        await other.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in again" }).ClickAsync();
        await Expect(other.Page.GetByLabel("API token")).ToBeVisibleAsync();
        await other.Page.GotoAsync("/projects");
        await Expect(other.Page.GetByLabel("API token")).ToBeVisibleAsync();
    }

    /// <summary>Behind something that ends TLS, the requests arrive as http.</summary>
    [Fact]
    public async Task Server_WithAnHttpsAddress_SendsBrowsersThereAndKeepsItsCookiesForIt()
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
        using var refused = await http.GetAsync("/runs");
        Assert.StartsWith("https://ci.example.org/signin", refused.Headers.Location!.ToString(), StringComparison.Ordinal);
        using var signedIn = await http.GetAsync(link.AbsolutePath);
        var cookie = signedIn.Headers.GetValues("Set-Cookie").Single();
        Assert.StartsWith("__Host-shipinator=", cookie, StringComparison.Ordinal);
        Assert.Contains("secure", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
    }
}
