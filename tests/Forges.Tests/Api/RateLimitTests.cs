using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Shipinator.Forges.Api;

namespace Shipinator.Forges.Tests.Api;

/// <summary>Rate limits of GitHub: what counts as one, how long, and that nothing is sent meanwhile.</summary>
public sealed class RateLimitTests
{
    [Fact]
    public async Task Primary_PausesUntilItsReset()
    {
        await using var harness = await ApiHarness.StartAsync("github");
        harness.GitHub.Remaining = 0;
        harness.GitHub.Reset = harness.Time.GetUtcNow().AddSeconds(90);
        var error = await ApiHarness.FailsAsync(harness.PostAsync);
        Assert.Equal((ForgeRequestException.RateLimited, true), (error.Code, error.IsTransient));
        Assert.Equal(TimeSpan.FromSeconds(90), error.RetryAfter);

        // Nothing is sent until then, by any operation; each error says how long it is.
        harness.Time.Advance(TimeSpan.FromSeconds(30));
        var again = await ApiHarness.FailsAsync(() => harness.Hooks.FindHook(harness.Target, ApiHarness.Hook, default));
        Assert.Equal((ForgeRequestException.RateLimited, TimeSpan.FromSeconds(60)), (again.Code, again.RetryAfter!.Value));
        Assert.Single(harness.Server.Requests);

        harness.Time.Advance(TimeSpan.FromSeconds(60));
        harness.GitHub.Remaining = 10;
        await harness.PostAsync();
    }

    [Fact]
    public async Task Primary_IsOfOneCredential()
    {
        await using var harness = await ApiHarness.StartAsync("github");
        harness.GitHub.Remaining = 0;
        harness.GitHub.Reset = harness.Time.GetUtcNow().AddSeconds(90);
        await ApiHarness.FailsAsync(harness.PostAsync);
        harness.GitHub.Remaining = 10;
        harness.Server.AddUser("other", "other-token").Grant(harness.Repository, Testing.Forges.FakeAccess.Write);
        harness.Credentials[harness.Server.CloneUrl("org/app")] = new("x", "other-token", harness.Server.Origin);
        await harness.PostAsync();
        Assert.Equal("other", harness.Repository.Statuses.Single().Login);
    }

    [Theory]
    [InlineData(403, "30", "", 30)]
    [InlineData(429, "30", "", 30)]
    [InlineData(429, null, "", 60)]
    [InlineData(403, null, "You have exceeded a secondary rate limit.", 60)]
    [InlineData(429, "0", "", 1)]
    [InlineData(429, "999999999", "", 3600)]
    [InlineData(429, "Sun, 29 Nov 2026 12:00:20 GMT", "", 20)]
    public async Task Secondary_PausesAsLongAsItSays(int status, string? retryAfter, string message, int seconds)
    {
        await using var harness = await ApiHarness.StartAsync("github");
        harness.Server.Before = async context =>
        {
            context.Response.StatusCode = status;
            if (retryAfter is not null)
            {
                context.Response.Headers.RetryAfter = retryAfter;
            }

            await context.Response.WriteAsync($$"""{"message":"{{message}}"}""");
            return true;
        };
        var error = await ApiHarness.FailsAsync(harness.PostAsync);
        Assert.Equal((ForgeRequestException.RateLimited, true, status), (error.Code, error.IsTransient, error.Status ?? 0));
        Assert.Equal(TimeSpan.FromSeconds(seconds), error.RetryAfter);
    }

    /// <summary>Two requests are under way when the rate is limited; the response with the shorter pause comes last.</summary>
    [Fact]
    public void Secondary_ShorterPauseOfAConcurrentRequest_DoesNotShortenTheFirst()
    {
        var time = new FakeTimeProvider();
        var limits = new RateLimits(time);
        var api = ApiAddress.Of("https://git.example.org/o/r", "api/v1/");
        Assert.NotNull(limits.Of(api, null, Limited("600")));
        Assert.NotNull(limits.Of(api, null, Limited("1")));
        time.Advance(TimeSpan.FromSeconds(599));
        Assert.Equal(TimeSpan.FromSeconds(1), Assert.Throws<ForgeRequestException>(() => limits.Require(api, null)).RetryAfter);
        time.Advance(TimeSpan.FromSeconds(1));
        limits.Require(api, null);

        static ApiResponse Limited(string seconds) => new(429, new Dictionary<string, string> { ["Retry-After"] = seconds }, []);
    }

    [Theory]
    [InlineData("4999", "1")]
    [InlineData("0", "not a time")]
    [InlineData(null, null)]
    public async Task Forbidden_WithoutALimit_IsForbidden(string? remaining, string? reset)
    {
        await using var harness = await ApiHarness.StartAsync("github");
        harness.Server.Before = context =>
        {
            context.Response.StatusCode = 403;
            context.Response.Headers["x-ratelimit-remaining"] = remaining;
            context.Response.Headers["x-ratelimit-reset"] = reset;
            return Task.FromResult(true);
        };
        Assert.Equal(ForgeRequestException.Forbidden, (await ApiHarness.FailsAsync(harness.PostAsync)).Code);
    }

    [Fact]
    public async Task Repeated_ReadIsConditionalAndFree()
    {
        await using var harness = await ApiHarness.StartAsync("github");
        await harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "s", default);
        var first = await harness.Hooks.FindHook(harness.Target, ApiHarness.Hook, default);
        var left = harness.GitHub.Remaining;
        var second = await harness.Hooks.FindHook(harness.Target, ApiHarness.Hook, default);
        Assert.Equal(first!.Id, second!.Id);
        Assert.Equal(left, harness.GitHub.Remaining);

        // What another credential may see is never taken from there.
        harness.Server.AddUser("other", "other-token");
        harness.Credentials[harness.Server.CloneUrl("org/app")] = new("x", "other-token", harness.Server.Origin);
        await ApiHarness.FailsAsync(() => harness.Hooks.FindHook(harness.Target, ApiHarness.Hook, default));

        harness.Credentials[harness.Server.CloneUrl("org/app")] = new("x", ApiHarness.Token, harness.Server.Origin);
        await harness.Hooks.RemoveHook(harness.Target, ApiHarness.Hook, default);
        Assert.Null(await harness.Hooks.FindHook(harness.Target, ApiHarness.Hook, default));
    }
}
