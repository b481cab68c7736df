using System.Net;
using System.Net.WebSockets;

namespace Shipinator.WebFrontend.Tests.Requests;

/// <summary>Pages of other sites, in a browser that is signed in here.</summary>
public sealed class OriginTests(ApiFixture api)
{
    [Theory]
    [InlineData("https://evil.example")]
    [InlineData("http://evil.example")]
    [InlineData("null")]
    [InlineData(null)]
    [InlineData("https://127.0.0.1:{port}")]
    [InlineData("http://127.0.0.1:1")]
    [InlineData("http://127.0.0.1")]
    [InlineData("http://127.0.0.1.evil.example:{port}")]
    [InlineData("http://evil@127.0.0.1:{port}")]
    [InlineData("http://127.0.0.1:{port}/")]
    [InlineData("http://127.0.0.1:{port}, http://evil.example")]
    [InlineData("file://")]
    public async Task WebSocket_OfAForeignPage_IsRefusedAlthoughItsBrowserIsSignedIn(string? origin) =>
        Assert.Equal(HttpStatusCode.Forbidden, await ConnectAsync(api.Url, await SignInAsync(), origin));

    [Theory]
    [InlineData("http://127.0.0.1:{port}")]
    [InlineData("http://localhost:{port}")]
    public async Task WebSocket_OfOurOwnPage_IsAccepted(string origin) =>
        Assert.Equal(HttpStatusCode.SwitchingProtocols, await ConnectAsync(api.Url, await SignInAsync(), origin));

    [Fact]
    public async Task WebSocket_WithAHostOfTheAttackersOwn_IsRefused() =>
        Assert.Equal(HttpStatusCode.Forbidden, await ConnectAsync(api.Url, await SignInAsync(), "http://evil.example", "evil.example"));

    [Fact]
    public async Task PublicUrl_Named_IsTheOnlyOriginWhateverTheHost()
    {
        await using var server = await api.ServerAsync(o => o.PublicUrl = new("https://ci.example.org"));
        var cookie = await server.SignInAsync();
        Assert.Equal(HttpStatusCode.SwitchingProtocols, await ConnectAsync(server.Url, cookie, "https://ci.example.org", "ci.example.org"));
        Assert.Equal(HttpStatusCode.SwitchingProtocols, await ConnectAsync(server.Url, cookie, "https://ci.example.org"));
        foreach (
            var foreign in new[]
            {
                "http://ci.example.org",
                "https://ci.example.org:8443",
                server.Url.GetLeftPart(UriPartial.Authority),
                "https://sub.ci.example.org",
            }
        )
        {
            Assert.Equal(HttpStatusCode.Forbidden, await ConnectAsync(server.Url, cookie, foreign));
            Assert.Equal(HttpStatusCode.Forbidden, await ConnectAsync(server.Url, cookie, foreign, new Uri(foreign).Authority));
        }
    }

    [Theory]
    [InlineData("POST", "/_blazor/negotiate?negotiateVersion=1")]
    [InlineData("GET", "/_blazor?id=x")]
    [InlineData("POST", "/signin")]
    [InlineData("POST", "/signout")]
    public async Task CircuitsAndForms_OfAForeignPage_AreRefused(string method, string path)
    {
        using var http = Plain();
        foreach (var origin in new[] { "https://evil.example", "null" })
        {
            using var request = new HttpRequestMessage(new(method), path);
            request.Headers.TryAddWithoutValidation("Origin", origin);
            request.Headers.Add("Cookie", await SignInAsync());
            using var answer = await http.SendAsync(request);
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
            Assert.Contains("origin_refused", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Redirects_LeadToThePublicAddress_WhateverTheHostSays()
    {
        await using var server = await api.ServerAsync(o => o.PublicUrl = new("https://ci.example.org"));
        foreach (var host in new[] { "evil.example", "127.0.0.1:9", "ci.example.org:8443" })
        {
            using var http = server.Plain();
            http.DefaultRequestHeaders.Host = host;
            http.DefaultRequestHeaders.Add("Accept", "text/html");
            using var answer = await http.GetAsync("/runs");
            Assert.StartsWith("https://ci.example.org/signin", answer.Headers.Location!.ToString(), StringComparison.Ordinal);
            Assert.Contains("max-age", answer.Headers.GetValues("Strict-Transport-Security").Single(), StringComparison.Ordinal);
        }

        using var plain = Plain();
        plain.DefaultRequestHeaders.Host = "evil.example";
        plain.DefaultRequestHeaders.Add("Accept", "text/html");
        using var there = await plain.GetAsync("/runs");
        Assert.DoesNotContain("evil", there.Headers.Location!.ToString(), StringComparison.Ordinal);
        Assert.False(there.Headers.Contains("Strict-Transport-Security"));
    }

    private async Task<string> SignInAsync()
    {
        using var http = Plain();
        var links = (Security.SignInLinks)api.Services.GetService(typeof(Security.SignInLinks))!;
        using var answer = await http.GetAsync(links.Issue(api.Admin.DefaultRequestHeaders.Authorization!.Parameter!));
        return answer.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }

    private static async Task<HttpStatusCode> ConnectAsync(Uri server, string cookie, string? origin, string? host = null)
    {
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.SetRequestHeader("Cookie", cookie);
        if (origin is not null)
        {
            socket.Options.SetRequestHeader(
                "Origin",
                origin.Replace("{port}", server.Port.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal)
            );
        }

        if (host is not null)
        {
            socket.Options.SetRequestHeader("Host", host);
        }

        try
        {
            await socket.ConnectAsync(new UriBuilder(server) { Scheme = "ws", Path = "/_blazor" }.Uri, CancellationToken.None);
        }
        catch (WebSocketException)
        {
            // The status says why.
        }

        return socket.HttpStatusCode;
    }

    private HttpClient Plain() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = api.Url };
}
