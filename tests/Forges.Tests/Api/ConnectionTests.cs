using Microsoft.AspNetCore.Http;
using Shipinator.Forges.Api;
using Shipinator.Forges.GitHub;
using Shipinator.Testing.Forges;

namespace Shipinator.Forges.Tests.Api;

/// <summary>What the server connects to, what it sends there, and how long it waits.</summary>
public sealed class ConnectionTests
{
    [Theory]
    [InlineData("https://github.com/o/r.git", "https://api.github.com/")]
    [InlineData("https://GitHub.com/o/r", "https://api.github.com/")]
    [InlineData("https://tenant.ghe.com/o/r", "https://api.tenant.ghe.com/")]
    [InlineData("https://git.example.org/o/r", "https://git.example.org/api/v3/")]
    [InlineData("https://git.example.org:8443/o/r.git", "https://git.example.org:8443/api/v3/")]
    [InlineData("http://github.com/o/r", "http://github.com/api/v3/")]
    [InlineData("https://github.com.evil.example/o/r", "https://github.com.evil.example/api/v3/")]
    [InlineData("https://evilghe.com/o/r", "https://evilghe.com/api/v3/")]
    public void GitHub_Address_IsThatOfTheApi(string cloneUrl, string expected)
    {
        var address = GitHubApi.Address(cloneUrl);
        Assert.Equal((expected, "o", "r"), (address.Base.AbsoluteUri, address.Owner, address.Name));
    }

    [Theory]
    [InlineData("https://git.example.org/o/r.git", "https://git.example.org/api/v1/repos/o/r/hooks")]
    [InlineData("https://git.example.org/sub/path/o/r", "https://git.example.org/sub/path/api/v1/repos/o/r/hooks")]
    [InlineData("https://git.example.org/a%20b/%C3%BC/r%23.git", "https://git.example.org/a%20b/api/v1/repos/%C3%BC/r%23/hooks")]
    [InlineData("https://git.example.org/o/a.b+c", "https://git.example.org/api/v1/repos/o/a.b%2Bc/hooks")]
    public void Address_OfAnInstallation_IsBelowItsPath(string cloneUrl, string expected) =>
        Assert.Equal(expected, ApiAddress.Of(cloneUrl, "api/v1/").InRepository("hooks").AbsoluteUri);

    [Theory]
    [InlineData("https://git.example.org/r.git")]
    [InlineData("https://git.example.org/")]
    [InlineData("https://git.example.org/o/.git")]
    [InlineData("https://git.example.org/o/..git")]
    [InlineData("https://git.example.org/o/...git")]
    [InlineData("https://git.example.org/o/../r")]
    [InlineData("ssh://git@git.example.org/o/r.git")]
    [InlineData("git@git.example.org:o/r.git")]
    [InlineData("/srv/git/o/r.git")]
    public void Address_OfAnotherUrl_IsRefused(string cloneUrl) =>
        Assert.Equal(ForgeRequestException.Refused, Assert.Throws<ForgeRequestException>(() => ApiAddress.Of(cloneUrl, "api/v1/")).Code);

    [Theory]
    [InlineData("https://git.example.org/api/v1/x", true)]
    [InlineData("https://GIT.example.org/api/v1/repos/o/r", true)]
    [InlineData("https://git.example.org/api/v1x", false)]
    [InlineData("https://git.example.org/api/v1/../v2/x", false)]
    [InlineData("https://git.example.org/o/r", false)]
    [InlineData("http://git.example.org/api/v1/x", false)]
    [InlineData("https://git.example.org:444/api/v1/x", false)]
    [InlineData("https://u:p@git.example.org/api/v1/x", false)]
    [InlineData("https://git.example.org.evil.example/api/v1/x", false)]
    public void Address_Contains_OnlyWhatIsBelowIt(string url, bool expected) =>
        Assert.Equal(expected, ApiAddress.Of("https://git.example.org/o/r", "api/v1/").Contains(new(url)));

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Connect_AddressThatIsNotPublic_IsRefusedUnlessAllowed(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        harness.Options.AllowedHosts = [];
        var error = await ApiHarness.FailsAsync(harness.PostAsync);
        Assert.Equal((ForgeRequestException.Refused, false), (error.Code, error.IsTransient));
        Assert.Contains("Shipinator:Git:AllowedHosts", error.Message, StringComparison.Ordinal);
        Assert.Empty(harness.Server.Requests);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Connect_NameOfAnAddressThatIsNotPublic_IsCheckedAfterTheLookUp(bool isAllowed)
    {
        await using var harness = await ApiHarness.StartAsync("gitea");
        harness.Options.AllowedHosts = isAllowed ? ["localhost"] : ["other.example"];
        var url = harness.Server.CloneUrl("org/app").Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
        harness.Credentials[url] = new("git", ApiHarness.Token, url[..url.IndexOf("/org", StringComparison.Ordinal)]);
        Task Post() => harness.Statuses.PostStatus(ForgeHarness.At(url), ApiHarness.Commit, ApiHarness.Status(), default);
        if (isAllowed)
        {
            await Post();
            Assert.Single(harness.Repository.Statuses);
        }
        else
        {
            Assert.False((await ApiHarness.FailsAsync(Post)).IsTransient);
            Assert.Empty(harness.Server.Requests);
        }
    }

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Redirect_ToAnotherOriginOrPath_IsNotFollowed(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        await using var other = await FakeGitea.StartAsync();
        foreach (var location in new[] { $"{other.Origin}/api/v1/repos/org/app", "/org/app.git", "//127.0.0.2/x", "http://[::1/" })
        {
            harness.Server.Before = context =>
            {
                context.Response.StatusCode = 302;
                context.Response.Headers.Location = location;
                return Task.FromResult(true);
            };
            var error = await ApiHarness.FailsAsync(harness.PostAsync);
            Assert.False(error.IsTransient);
            Assert.DoesNotContain(location, error.Message, StringComparison.Ordinal);
        }

        Assert.Empty(other.Requests);
    }

    [Fact]
    public async Task Redirect_Loop_Ends()
    {
        await using var harness = await ApiHarness.StartAsync("gitea");
        harness.Server.Before = context =>
        {
            context.Response.StatusCode = 307;
            context.Response.Headers.Location = context.Request.Path.Value;
            return Task.FromResult(true);
        };
        Assert.Equal(ForgeRequestException.Refused, (await ApiHarness.FailsAsync(harness.PostAsync)).Code);
        Assert.Equal(4, harness.Server.Requests.Count);
    }

    [Theory]
    [InlineData("https://127.0.0.1:{0}")]
    [InlineData("http://127.0.0.1:1")]
    [InlineData("http://localhost:{0}")]
    [InlineData("http://127.0.0.1:{0}/other")]
    [InlineData("http://127.0.0.1:{0}/org/ap")]
    [InlineData("")]
    public async Task Credential_OfAnotherOrigin_IsNotSent(string scope)
    {
        foreach (var kind in new[] { "github", "gitea" })
        {
            await using var harness = await ApiHarness.StartAsync(kind);
            var text = scope.Replace("{0}", $"{harness.Server.Port}", StringComparison.Ordinal);
            harness.Credentials[harness.Server.CloneUrl("org/app")] = new("git", ApiHarness.Token, text);
            await ApiHarness.FailsAsync(harness.PostAsync);
            Assert.Equal("", harness.Server.Requests.Single().Authorization);
        }
    }

    [Fact]
    public async Task Silence_EndsWithTheTimeout()
    {
        await using var harness = await ApiHarness.StartAsync("gitea");
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        harness.Server.Before = async context =>
        {
            arrived.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        };
        var posting = harness.PostAsync();
        await arrived.Task;
        harness.Time.Advance(harness.Options.IdleTimeout + TimeSpan.FromSeconds(1));
        var error = await ApiHarness.FailsAsync(() => posting);
        Assert.Equal((ForgeRequestException.Unavailable, true), (error.Code, error.IsTransient));
        Assert.Contains("Shipinator:Git:IdleTimeout", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Canceled_EndsAsCanceled()
    {
        await using var harness = await ApiHarness.StartAsync("gitea");
        using var cancel = new CancellationTokenSource();
        harness.Server.Before = async context =>
        {
            await cancel.CancelAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            harness.Statuses.PostStatus(harness.Target, ApiHarness.Commit, ApiHarness.Status(), cancel.Token)
        );
    }

    [Fact]
    public async Task Connection_CutOffOrRefused_IsTransient()
    {
        await using var harness = await ApiHarness.StartAsync("gitea");
        harness.Server.Before = context =>
        {
            context.Abort();
            return Task.FromResult(true);
        };
        var cut = await ApiHarness.FailsAsync(harness.PostAsync);
        Assert.Equal((ForgeRequestException.Unavailable, true), (cut.Code, cut.IsTransient));

        harness.Server.Before = async context =>
        {
            context.Response.ContentLength = 1000;
            await context.Response.WriteAsync("{");
            await context.Response.Body.FlushAsync();
            context.Abort();
            return true;
        };
        var half = await ApiHarness.FailsAsync(harness.PostAsync);
        Assert.Equal((ForgeRequestException.Unavailable, true), (half.Code, half.IsTransient));

        await harness.Server.DisposeAsync();
        var refused = await ApiHarness.FailsAsync(harness.PostAsync);
        Assert.Equal((ForgeRequestException.Unavailable, true), (refused.Code, refused.IsTransient));
    }

    [Theory]
    [InlineData("text/html", "<html>sign in</html>")]
    [InlineData("application/json", "")]
    [InlineData("application/json", "null")]
    [InlineData("application/json", "{\"id\":\"x\"}")]
    [InlineData("application/json", "[[[[")]
    [InlineData("application/json", "[null]")]
    public async Task Response_ThatIsNotTheExpectedJson_IsAnError(string type, string body)
    {
        foreach (var kind in new[] { "github", "gitea" })
        {
            await using var harness = await ApiHarness.StartAsync(kind);
            harness.Server.Before = async context =>
            {
                context.Response.ContentType = type;
                await context.Response.WriteAsync(body);
                return true;
            };
            var error = await ApiHarness.FailsAsync(() => harness.Hooks.FindHook(harness.Target, ApiHarness.Hook, default));
            Assert.Equal((ForgeRequestException.Unavailable, true), (error.Code, error.IsTransient));
        }
    }

    [Fact]
    public async Task Response_ThatNeverEnds_IsCutAtTheLimit()
    {
        await using var harness = await ApiHarness.StartAsync("gitea");
        var block = new byte[1024 * 1024];
        harness.Server.Before = async context =>
        {
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(block);
            }

            return true;
        };
        var error = await ApiHarness.FailsAsync(harness.PostAsync);
        Assert.Equal(ForgeRequestException.Refused, error.Code);
        Assert.Contains("16 MiB", error.Message, StringComparison.Ordinal);
    }
}
