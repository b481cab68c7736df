using System.Net;
using System.Text.RegularExpressions;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>Security headers of pages, and requests that are rejected.</summary>
public sealed partial class PageSecurityTests(ApiFixture api)
{
    [Theory]
    [InlineData("/signin")]
    [InlineData("/")]
    [InlineData("/v1/projects")]
    public async Task Responses_HaveSecurityHeaders(string path)
    {
        using var response = await Plain().GetAsync(path);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("DENY", response.Headers.GetValues("X-Frame-Options").Single());
        Assert.Equal("same-origin", response.Headers.GetValues("Referrer-Policy").Single());
        var policy = response.Headers.GetValues("Content-Security-Policy").Single();
        Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("http", policy, StringComparison.Ordinal);
        Assert.False(response.Headers.Contains("Server"));
    }

    [Fact]
    public async Task Page_HasNoInlineScripts()
    {
        var html = await Plain().GetStringAsync("/signin");
        Assert.All(Script().Matches(html), m => Assert.Matches("^<script src=\"[^\"]+\"></script>$", m.Value));
        Assert.NotEmpty(Script().Matches(html));
        Assert.DoesNotMatch(" on[a-z]+=", html);
    }

    [Fact]
    public async Task SignIn_WithoutAntiforgeryToken_IsRejected()
    {
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["_handler"] = "signin", ["Token"] = "shp_x" });
        using var response = await Plain().PostAsync("/signin", form);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.False(response.Headers.Contains("Set-Cookie"));
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/")]
    [InlineData("/\\evil.example/")]
    [InlineData("javascript:alert(1)")]
    public void ReturnAddress_OnAnotherSite_IsIgnored(string address) => Assert.Equal("/", Security.DashboardAccess.LocalPath(address));

    [Theory]
    [InlineData("/_blazor/negotiate?negotiateVersion=1", "POST")]
    [InlineData("/_blazor/initializers", "GET")]
    public async Task Circuit_WithoutSignIn_IsRejected(string path, string method)
    {
        using var request = new HttpRequestMessage(new(method), path);
        using var response = await Plain().SendAsync(request);
        Assert.True(response.StatusCode is HttpStatusCode.Redirect or HttpStatusCode.Unauthorized, $"{(int)response.StatusCode}");
    }

    [Fact]
    public async Task Page_WithoutSignIn_RedirectsToSignInAndBack()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/runs?status=failed") { Headers = { { "Accept", "text/html" } } };
        using var response = await Plain().SendAsync(request);
        Assert.Equal(HttpStatusCode.Redirect, response.StatusCode);
        Assert.EndsWith("/signin?return=%2Fruns%3Fstatus%3Dfailed", response.Headers.Location!.ToString(), StringComparison.Ordinal);
    }

    private HttpClient Plain() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = api.Url };

    [GeneratedRegex("<script.*?</script>", RegexOptions.Singleline)]
    private static partial Regex Script();
}
