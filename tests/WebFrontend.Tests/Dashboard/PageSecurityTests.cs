using System.Net;
using System.Text.RegularExpressions;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>What pages tell browsers, and what forms are refused.</summary>
public sealed partial class PageSecurityTests(ApiFixture api)
{
    [Theory]
    [InlineData("/signin")]
    [InlineData("/")]
    [InlineData("/v1/projects")]
    public async Task EveryAnswer_TellsTheBrowserWhatNotToDo(string path)
    {
        using var answer = await Plain().GetAsync(path);
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("DENY", answer.Headers.GetValues("X-Frame-Options").Single());
        Assert.Equal("same-origin", answer.Headers.GetValues("Referrer-Policy").Single());
        var policy = answer.Headers.GetValues("Content-Security-Policy").Single();
        Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("http", policy, StringComparison.Ordinal);
        Assert.False(answer.Headers.Contains("Server"));
    }

    [Fact]
    public async Task Page_HasNoScriptInItsText()
    {
        var html = await Plain().GetStringAsync("/signin");
        Assert.All(Script().Matches(html), m => Assert.Matches("^<script src=\"[^\"]+\"></script>$", m.Value));
        Assert.NotEmpty(Script().Matches(html));
        Assert.DoesNotMatch(" on[a-z]+=", html);
    }

    [Fact]
    public async Task SignIn_WithoutTheFormsToken_IsRefused()
    {
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["_handler"] = "signin", ["Token"] = "shp_x" });
        using var answer = await Plain().PostAsync("/signin", form);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.False(answer.Headers.Contains("Set-Cookie"));
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/")]
    [InlineData("/\\evil.example/")]
    [InlineData("javascript:alert(1)")]
    public void Return_AfterSigningIn_IsNeverToAnotherSite(string wanted) => Assert.Equal("/", Security.DashboardAccess.LocalPath(wanted));

    [Theory]
    [InlineData("/_blazor/negotiate?negotiateVersion=1", "POST")]
    [InlineData("/_blazor/initializers", "GET")]
    public async Task Circuit_OfAStranger_IsRefused(string path, string method)
    {
        using var request = new HttpRequestMessage(new(method), path);
        using var answer = await Plain().SendAsync(request);
        Assert.True(answer.StatusCode is HttpStatusCode.Redirect or HttpStatusCode.Unauthorized, $"{(int)answer.StatusCode}");
    }

    [Fact]
    public async Task Stranger_IsSentToTheSignInAndBack()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/runs?status=failed") { Headers = { { "Accept", "text/html" } } };
        using var answer = await Plain().SendAsync(request);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.EndsWith("/signin?return=%2Fruns%3Fstatus%3Dfailed", answer.Headers.Location!.ToString(), StringComparison.Ordinal);
    }

    private HttpClient Plain() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = api.Url };

    [GeneratedRegex("<script.*?</script>", RegexOptions.Singleline)]
    private static partial Regex Script();
}
