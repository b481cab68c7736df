using Shipinator.Testing.Forges;

namespace Shipinator.Forges.Tests.Api;

/// <summary>Webhooks on the forge: one of ours afterwards, whatever was there, and others stay as they are.</summary>
public sealed class HookTests
{
    private static readonly string[] Wanted = ["push", "pull_request"];

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Ensure_Twice_LeavesOneWithTheNewSecret(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        var first = await harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "first", default);
        Assert.True(first.IsActive);
        var second = await harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "second", default);
        var hook = harness.Repository.Hooks.Single();
        Assert.Equal(("second", true, "json", ApiHarness.Hook.AbsoluteUri), (hook.Secret, hook.Active, hook.ContentType, hook.Url));
        Assert.Equal(hook.Id.ToString(System.Globalization.CultureInfo.InvariantCulture), second.Id);
        Assert.Empty(Wanted.Except(second.Events));
        Assert.Equal(kind != "github", hook.Events.Contains("delete"));
        Assert.Equal(
            kind switch
            {
                "github" => "Repository",
                "forgejo" => "forgejo",
                _ => "gitea",
            },
            hook.Type
        );
    }

    /// <summary>Two of ours, one of them switched off and with other events, among more than a page of others.</summary>
    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Ensure_AmongOthers_RepairsOursAlone(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        for (var i = 0; i < 130; i++)
        {
            harness.Repository.AddHook(new(10_000 + i, "gitea", $"{ApiHarness.Hook}{i}", "json", "theirs", ["push"], true));
        }

        harness.Repository.AddHook(new(20_000, "gitea", ApiHarness.Hook.AbsoluteUri, "form", "old", ["issues"], false));
        harness.Repository.AddHook(new(20_001, "gitea", ApiHarness.Hook.AbsoluteUri, "json", "old", ["push"], true));
        await harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "new", default);
        var ours = harness.Repository.Hooks.Where(h => h.Url == ApiHarness.Hook.AbsoluteUri).ToList();
        Assert.Equal(("new", true, "json"), (ours.Single().Secret, ours[0].Active, ours[0].ContentType));
        Assert.Empty(Wanted.Except(ours[0].Events));
        Assert.Equal(130, harness.Repository.Hooks.Count(h => h.Secret == "theirs"));

        await harness.Hooks.RemoveHook(harness.Target, ApiHarness.Hook, default);
        await harness.Hooks.RemoveHook(harness.Target, ApiHarness.Hook, default);
        Assert.Null(await harness.Hooks.FindHook(harness.Target, ApiHarness.Hook, default));
        Assert.Equal(130, harness.Repository.Hooks.Count);
    }

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Ensure_CreationFails_KeepsTheOldOne(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        await harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "first", default);
        harness.Server.Before = context =>
        {
            if (context.Request.Method is "GET")
            {
                return Task.FromResult(false);
            }

            context.Response.StatusCode = 502;
            return Task.FromResult(true);
        };
        Assert.True(
            (await ApiHarness.FailsAsync(() => harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "second", default))).IsTransient
        );
        Assert.Equal("first", harness.Repository.Hooks.Single().Secret);
    }

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Ensure_WithoutTheRight_NamesIt(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        harness.User.TokenLimit = FakeAccess.Write;
        var error = await ApiHarness.FailsAsync(() => harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "s", default));
        Assert.Equal(kind == "github" ? ForgeRequestException.NotFound : ForgeRequestException.Forbidden, error.Code);
        Assert.Contains(kind == "github" ? "admin:repo_hook" : "write:repository", error.Message, StringComparison.Ordinal);
        Assert.Empty(harness.Repository.Hooks);
    }

    [Fact]
    public async Task Ensure_ForgejoOnAServerWithoutThatKind_IsOfTheKindGitea()
    {
        await using var harness = await ApiHarness.StartAsync("forgejo");
        harness.Gitea.IsForgejo = false;
        await harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "s", default);
        Assert.Equal("gitea", harness.Repository.Hooks.Single().Type);
    }

    [Theory, MemberData(nameof(ApiHarness.Kinds), MemberType = typeof(ApiHarness))]
    public async Task Test_SendsASignedDeliveryThatStartsNothing(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        await using var receiver = await Receiver.StartAsync();
        var hook = await harness.Hooks.EnsureHook(harness.Target, receiver.Url, "the secret", default);
        await harness.Hooks.TestHook(harness.Target, hook, default);
        var request = Assert.Single(receiver.Requests);
        var forge = new WebhookForges([harness.Hooks]).Recognize(request)!;
        Assert.True(forge.IsSigned(request, ["the secret"]));
        Assert.False(forge.IsSigned(request, ["another"]));
        Assert.IsType<ForgePing>(forge.Parse(request).Event);
    }

    [Fact]
    public async Task Test_OfAHookThatIsNoNumber_MeansNoOther()
    {
        await using var harness = await ApiHarness.StartAsync("gitea");
        await harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "s", default);
        await Assert.ThrowsAsync<ArgumentException>(() => harness.Hooks.TestHook(harness.Target, new("abc", true, []), default));
    }

    /// <summary>The new webhook would miss deliveries, and each further attempt would leave another one.</summary>
    [Fact]
    public async Task Ensure_ServerDropsAnEvent_LeavesTheOldOneAlone()
    {
        await using var harness = await ApiHarness.StartAsync("gitea");
        await harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "first", default);
        harness.Gitea.UnknownEvents = ["delete"];
        for (var i = 0; i < 2; i++)
        {
            var error = await ApiHarness.FailsAsync(() => harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "second", default));
            Assert.Equal((ForgeRequestException.Refused, false), (error.Code, error.IsTransient));
            Assert.Contains("'delete'", error.Message, StringComparison.Ordinal);
            Assert.Equal("first", harness.Repository.Hooks.Single().Secret);
        }
    }

    /// <summary>Gogs gives the same list for every page, without saying how many there are.</summary>
    [Fact]
    public async Task Gogs_ListWithoutPages_IsReadOnce()
    {
        await using var harness = await ApiHarness.StartAsync("gogs");
        for (var i = 0; i < 60; i++)
        {
            harness.Repository.AddHook(new(10_000 + i, "gogs", $"{ApiHarness.Hook}{i}", "json", "theirs", ["push"], true));
        }

        await harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "first", default);
        await harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "second", default);
        Assert.Equal("second", harness.Repository.Hooks.Single(h => h.Url == ApiHarness.Hook.AbsoluteUri).Secret);
        Assert.Equal(61, harness.Repository.Hooks.Count);
        Assert.Equal(4, harness.Server.Requests.Count(r => r.Method == "GET"));
    }

    [Theory]
    [InlineData("Admin", true)]
    [InlineData("Write", false)]
    public async Task Gogs_RightToSetUpWebhooks_IsFound(string access, bool isGranted)
    {
        await using var harness = await ApiHarness.StartAsync("gogs");
        harness.User.TokenLimit = Enum.Parse<FakeAccess>(access);
        Assert.Equal(isGranted, (await harness.Hooks.CheckRights(harness.Target, default)).Single(r => r.Name == "hooks").IsGranted);
        Assert.Empty(harness.Repository.Hooks);
    }

    [Fact]
    public async Task Gogs_HasWhatItsApiHas()
    {
        await using var harness = await ApiHarness.StartAsync("gogs");
        Assert.False(harness.Forge is IStatusForge or IPullRequestForge);
        var hook = await harness.Hooks.EnsureHook(harness.Target, ApiHarness.Hook, "s", default);
        Assert.Equal("gogs", harness.Repository.Hooks.Single().Type);
        // A tag is reported by these alone.
        Assert.Equal(["create", "delete", "push"], hook.Events.Order(StringComparer.Ordinal));
        Assert.Equal(
            ForgeRequestException.Refused,
            (await ApiHarness.FailsAsync(() => harness.Hooks.TestHook(harness.Target, hook, default))).Code
        );
        Assert.Equal(["authenticate", "read", "hooks"], (await harness.Hooks.CheckRights(harness.Target, default)).Select(r => r.Name));
    }
}
