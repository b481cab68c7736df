using System.Text;
using Shipinator.Testing.Forges;

namespace Shipinator.Forges.Tests.Api;

/// <summary>Commit statuses over real HTTP: what arrives, and which failures are final.</summary>
public sealed class StatusTests
{
    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Post_EachState_Arrives(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        foreach (var state in Enum.GetValues<CommitState>())
        {
            await harness.Statuses.PostStatus(harness.Target, ApiHarness.Commit.ToUpperInvariant(), ApiHarness.Status(state), default);
        }

        Assert.Equal(["pending", "success", "failure", "error"], harness.Repository.Statuses.Select(s => s.State));
        var last = harness.Repository.Statuses[^1];
        Assert.Equal((ApiHarness.Commit, "shipinator/push", "bot"), (last.Commit, last.Context, last.Login));
        Assert.Equal(("All steps succeeded.", "https://ci.example.org/runs/1"), (last.Description, last.TargetUrl));
    }

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Post_WithoutAPage_Arrives(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        await harness.Statuses.PostStatus(harness.Target, ApiHarness.Commit, ApiHarness.Status() with { TargetUrl = null }, default);
        Assert.Equal("", harness.Repository.Statuses.Single().TargetUrl);
    }

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Post_RevokedToken_IsFinal(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        harness.Server.Revoke(ApiHarness.Token);
        var error = await ApiHarness.FailsAsync(harness.PostAsync);
        // An older Gitea takes a wrong token for none, and the repository is private.
        Assert.Equal(kind == "gitea" ? ForgeRequestException.NotFound : ForgeRequestException.Unauthorized, error.Code);
        Assert.False(error.IsTransient);
    }

    [Theory]
    [InlineData("github")]
    [InlineData("gitea-new")]
    public async Task Post_ReaderOnly_IsForbiddenAndNamesTheRight(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        harness.User.TokenLimit = FakeAccess.Read;
        var error = await ApiHarness.FailsAsync(harness.PostAsync);
        Assert.Equal((ForgeRequestException.Forbidden, false, 403), (error.Code, error.IsTransient, error.Status ?? 0));
        Assert.Contains(kind == "github" ? "repo:status" : "write:repository", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(ApiHarness.Token, error.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Post_UnknownCommit_IsFinal(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        var error = await ApiHarness.FailsAsync(() =>
            harness.Statuses.PostStatus(harness.Target, new('d', 40), ApiHarness.Status(), default)
        );
        Assert.Equal((false, kind == "github" ? 422 : 500), (error.IsTransient, error.Status ?? 0));
    }

    [Theory]
    [InlineData("main")]
    [InlineData("cccccccccc")]
    [InlineData("../../../user")]
    public async Task Post_NoFullCommit_IsRefusedWithoutARequest(string commit)
    {
        foreach (var kind in new[] { "github", "gitea" })
        {
            await using var harness = await ApiHarness.StartAsync(kind);
            var error = await ApiHarness.FailsAsync(() =>
                harness.Statuses.PostStatus(harness.Target, commit, ApiHarness.Status(), default)
            );
            Assert.Equal(ForgeRequestException.Refused, error.Code);
            Assert.Empty(harness.Server.Requests);
        }
    }

    [Theory]
    [InlineData("github", 500)]
    [InlineData("gitea", 500)]
    [InlineData("gitea", 502)]
    [InlineData("github", 503)]
    public async Task Post_ServerFails_IsTransientWithItsPause(string kind, int status)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        harness.Server.Before = context =>
        {
            if (context.Request.Method != "POST")
            {
                return Task.FromResult(false);
            }

            context.Response.StatusCode = status;
            context.Response.Headers.RetryAfter = "7";
            return Task.FromResult(true);
        };
        var error = await ApiHarness.FailsAsync(harness.PostAsync);
        Assert.Equal((ForgeRequestException.Unavailable, true, status), (error.Code, error.IsTransient, error.Status ?? 0));
        Assert.Equal(TimeSpan.FromSeconds(7), error.RetryAfter);
        harness.Server.Before = _ => Task.FromResult(false);
        await harness.PostAsync();
        Assert.Single(harness.Repository.Statuses);
    }

    [Fact]
    public async Task Post_ThousandOfOneContext_IsFinal()
    {
        await using var harness = await ApiHarness.StartAsync("github");
        for (var i = 0; i < 1000; i++)
        {
            harness.Repository.Post(new(ApiHarness.Commit, "pending", "Shipinator/Push", "", "", "bot"));
        }

        var error = await ApiHarness.FailsAsync(harness.PostAsync);
        Assert.Equal((ForgeRequestException.Refused, false), (error.Code, error.IsTransient));
        Assert.Contains("1,000", error.Message, StringComparison.Ordinal);
        await harness.Statuses.PostStatus(harness.Target, ApiHarness.Commit, ApiHarness.Status(context: "shipinator/other"), default);
    }

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Post_RenamedRepository_ArrivesAsAPost(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        harness.Server.Rename("org/app", "org/new");
        await harness.PostAsync();
        Assert.Equal("success", harness.Repository.Statuses.Single().State);
        Assert.Equal(["POST", "POST"], harness.Server.Requests.Select(r => r.Method));
    }

    [Theory]
    [InlineData("github", "Bearer " + ApiHarness.Token)]
    [InlineData("gitea", "token " + ApiHarness.Token)]
    public async Task Post_Token_IsSentByItsScheme(string kind, string expected)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        await harness.PostAsync();
        Assert.Equal(expected, harness.Server.Requests.Single().Authorization);
    }

    [Fact]
    public async Task Post_PasswordOfGitea_IsSentAsBasic()
    {
        await using var harness = await ApiHarness.StartAsync("gitea");
        harness.Server.AddUser("dock", "pässword").Grant(harness.Repository, FakeAccess.Write);
        harness.Credentials[harness.Server.CloneUrl("org/app")] = new("dock", "pässword", harness.Server.Origin);
        await harness.PostAsync();
        Assert.Equal(
            "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("dock:pässword")),
            harness.Server.Requests.Single().Authorization
        );
        Assert.Equal("dock", harness.Repository.Statuses.Single().Login);
    }
}
