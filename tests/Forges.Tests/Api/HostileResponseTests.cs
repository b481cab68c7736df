using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Shipinator.Forges.Api;

namespace Shipinator.Forges.Tests.Api;

/// <summary>Responses of a forge that is broken or hostile, and credentials that can't be sent.</summary>
public sealed class HostileResponseTests
{
    /// <summary>The status decides, however long the page of a proxy is.</summary>
    [Theory]
    [InlineData(502, ForgeRequestException.Unavailable, true)]
    [InlineData(401, ForgeRequestException.Unauthorized, false)]
    public async Task Error_WithoutAnEnd_IsThatOfItsStatus(int status, string code, bool isTransient)
    {
        await using var harness = await ApiHarness.StartAsync("github");
        harness.Server.Before = async context =>
        {
            context.Response.StatusCode = status;
            await EndlessAsync(context, "x");
            return true;
        };
        var error = await ApiHarness.FailsAsync(harness.PostAsync);
        Assert.Equal((code, isTransient, status), (error.Code, error.IsTransient, error.Status ?? 0));
    }

    /// <summary>A few megabytes of empty objects would take a hundred times as much as records.</summary>
    [Theory]
    [InlineData("github", "[", "{}", "]")]
    [InlineData("gitea", "[{\"config\":{", "\"\":\"\"", "}}]")]
    [InlineData("gitea", "[{\"x\":[", "1", "]}]")]
    public async Task Response_WithTooManyValues_IsAnError(string kind, string before, string value, string after)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        var body = before + string.Join(',', Enumerable.Repeat(value, ApiSession.MostValues)) + after;
        harness.Server.Before = async context =>
        {
            await context.Response.WriteAsync(body);
            return true;
        };
        var error = await ApiHarness.FailsAsync(() => harness.Hooks.FindHook(harness.Target, ApiHarness.Hook, default));
        Assert.Equal(ForgeRequestException.Unavailable, error.Code);
    }

    [Theory]
    [InlineData("github")]
    [InlineData("gitea-new")]
    public async Task Pages_WithoutAnEnd_AreNotReadForever(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        var sent = 0;
        harness.Repository.Pulls[7] = new(7, new('a', 40), new('b', 40), []);
        harness.Server.Before = async context =>
        {
            if (!context.Request.Path.Value!.EndsWith("/files", StringComparison.Ordinal))
            {
                return false;
            }

            sent++;
            context.Response.Headers.Link = $"<{context.Request.Path}?page={sent + 1}>; rel=\"next\"";
            await context.Response.WriteAsync($$"""[{"filename":"f{{sent.ToString(CultureInfo.InvariantCulture)}}"}]""");
            return true;
        };
        Assert.Null(await harness.Pulls.PullRequestFiles(harness.Target, 7, default));
        Assert.InRange(sent, 1, 500);
    }

    /// <summary>A proxy that ignores the query: the list may be longer than the page that it gives.</summary>
    [Fact]
    public async Task Pages_FullOneThatRepeats_IsUnknown()
    {
        await using var harness = await ApiHarness.StartAsync("github");
        var body = "[" + string.Join(',', Enumerable.Range(0, 100).Select(i => $$"""{"filename":"f{{i}}"}""")) + "]";
        harness.Server.Before = async context =>
        {
            context.Response.Headers.Link = "<x>; rel=\"next\"";
            await context.Response.WriteAsync(body);
            return true;
        };
        Assert.Null(await harness.Pulls.PullRequestFiles(harness.Target, 7, default));
        Assert.Equal(2, harness.Server.Requests.Count);
    }

    [Theory]
    [InlineData("a\nb")]
    [InlineData("pässword")]
    [InlineData("two words")]
    [InlineData("")]
    public async Task GitHub_CredentialThatIsNoToken_IsAFinalErrorThatDoesNotShowIt(string password)
    {
        await using var harness = await ApiHarness.StartAsync("github");
        harness.Credentials[harness.Server.CloneUrl("org/app")] = new("git", password, harness.Server.Origin);
        var error = await ApiHarness.FailsAsync(harness.PostAsync);
        Assert.Equal((ForgeRequestException.Unauthorized, false), (error.Code, error.IsTransient));
        Assert.True(password.Length == 0 || !error.ToString().Contains(password, StringComparison.Ordinal));
        Assert.Empty(harness.Server.Requests);
    }

    /// <summary>Another request clears or changes the cache between a conditional request and its response.</summary>
    [Fact]
    public void Cache_ClearedWhileARequestIsUnderway_StillHasItsResponse()
    {
        var cache = new ResponseCache();
        var first = cache.Resolve("k", null, Tagged("1"));
        var sent = cache.Find("k");
        cache.Resolve("k", sent, Tagged("2"));
        Assert.Same(first, cache.Resolve("k", sent, new(304, new Dictionary<string, string>(), [])));
        for (var i = 0; i < 500; i++)
        {
            cache.Resolve($"{i}", null, Tagged("x"));
        }

        Assert.Null(cache.Find("k"));
        Assert.Same(first, cache.Resolve("k", sent, new(304, new Dictionary<string, string>(), [])));
    }

    [Fact]
    public void Cache_TagThatCannotBeSentBack_IsNotStored()
    {
        var cache = new ResponseCache();
        foreach (var tag in new[] { "", "ä", "a\u0001", new string('a', 201) })
        {
            cache.Resolve("k", null, Tagged(tag));
            Assert.Null(cache.Find("k"));
        }
    }

    [Fact]
    public void Cache_Key_DoesNotContainTheCredential()
    {
        var key = ResponseCache.Key(new("https://git.example.org/x"), new("Bearer", ApiHarness.Token));
        Assert.DoesNotContain(ApiHarness.Token, key, StringComparison.Ordinal);
        Assert.NotEqual(key, ResponseCache.Key(new("https://git.example.org/x"), new("Bearer", "other")));
    }

    /// <summary>The policy holds also where a proxy connects: only for this test's host, so that others don't notice it.</summary>
    [Fact]
    public async Task Proxy_NameOfAnAddressThatIsNotPublic_IsRefused()
    {
        await using var harness = await ApiHarness.StartAsync("gitea");
        var url = harness.Server.CloneUrl("org/app").Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
        var before = HttpClient.DefaultProxy;
        HttpClient.DefaultProxy = new OneHost(before, new Uri(url), new(harness.Server.Origin));
        try
        {
            Task Post() => harness.Statuses.PostStatus(ForgeHarness.At(url), ApiHarness.Commit, ApiHarness.Status(), default);
            harness.Options.AllowedHosts = ["other.example"];
            var error = await ApiHarness.FailsAsync(Post);
            Assert.Equal((ForgeRequestException.Refused, false), (error.Code, error.IsTransient));
            Assert.Empty(harness.Server.Requests);
        }
        finally
        {
            HttpClient.DefaultProxy = before;
        }
    }

    private static ApiResponse Tagged(string tag) =>
        new(200, new Dictionary<string, string> { ["ETag"] = tag }, Encoding.UTF8.GetBytes(tag));

    private static async Task EndlessAsync(HttpContext context, string text)
    {
        var block = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(text, 64 * 1024)));
        while (!context.RequestAborted.IsCancellationRequested)
        {
            await context.Response.Body.WriteAsync(block);
        }
    }

    private sealed class OneHost(IWebProxy others, Uri host, Uri proxy) : IWebProxy
    {
        public ICredentials? Credentials { get; set; }

        public Uri? GetProxy(Uri destination) => IsThis(destination) ? proxy : others.GetProxy(destination);

        public bool IsBypassed(Uri host) => !IsThis(host) && others.IsBypassed(host);

        private bool IsThis(Uri destination) => destination.Host == host.Host && destination.Port == host.Port;
    }
}
