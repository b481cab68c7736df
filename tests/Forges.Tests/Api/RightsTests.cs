using Shipinator.Testing.Forges;

namespace Shipinator.Forges.Tests.Api;

/// <summary>Each right is found without leaving anything behind, and what is missing says how to grant it.</summary>
public sealed class RightsTests
{
    [Theory]
    [InlineData("github", "Admin", "authenticate read statuses hooks")]
    [InlineData("github", "Write", "authenticate read statuses")]
    [InlineData("github", "Read", "authenticate read")]
    [InlineData("github", "None", "authenticate")]
    [InlineData("gitea", "Admin", "authenticate read statuses hooks")]
    [InlineData("gitea", "Write", "authenticate read statuses")]
    // Before 1.17, readers may post statuses.
    [InlineData("gitea", "Read", "authenticate read statuses")]
    [InlineData("gitea", "None", "authenticate")]
    [InlineData("gitea-new", "Admin", "authenticate read statuses hooks")]
    [InlineData("gitea-new", "Write", "authenticate read statuses")]
    [InlineData("gitea-new", "Read", "authenticate read")]
    [InlineData("forgejo", "Admin", "authenticate read statuses hooks")]
    public async Task Check_EachRole_HasItsRights(string kind, string access, string granted)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        harness.User.TokenLimit = Enum.Parse<FakeAccess>(access);
        var rights = await harness.Hooks.CheckRights(harness.Target, default);
        Assert.Equal(["authenticate", "read", "statuses", "hooks"], rights.Select(r => r.Name));
        Assert.Equal(granted.Split(' '), rights.Where(r => r.IsGranted == true).Select(r => r.Name));
        Assert.All(rights, r => Assert.Equal(r.IsGranted == true, r.Detail is null));
        Assert.DoesNotContain(rights, r => r.IsGranted is null);
        Assert.Empty(harness.Repository.Statuses);
        Assert.Empty(harness.Repository.Hooks);
    }

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Check_RevokedOrNoCredential_IsNotAuthenticated(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        harness.Server.Revoke(ApiHarness.Token);
        Assert.All(await harness.Hooks.CheckRights(harness.Target, default), r => Assert.False(r.IsGranted));
        harness.Credentials.Clear();
        var none = await harness.Hooks.CheckRights(harness.Target, default);
        Assert.All(none, r => Assert.False(r.IsGranted));
        Assert.Contains("no credential", none[0].Detail!, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Check_TokenThatMayNotReadItsUser_IsAuthenticated(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        harness.User.ReadsUser = false;
        Assert.All(await harness.Hooks.CheckRights(harness.Target, default), r => Assert.True(r.IsGranted));
    }

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Check_ServerFails_IsNotKnown(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        harness.Server.Before = context =>
        {
            context.Response.StatusCode = 500;
            return Task.FromResult(true);
        };
        Assert.All(await harness.Hooks.CheckRights(harness.Target, default), r => Assert.Null(r.IsGranted));
    }
}
