using Shipinator.Schema.Stores;
using Shipinator.Triggers;
using Shipinator.Triggers.Secrets;

namespace Shipinator.WebFrontend.Tests.Operations;

/// <summary>The credential and the webhook secret of a repository.</summary>
public sealed class RepositoryCredentialTests(ApiFixture api)
{
    [Fact]
    public async Task Own_BeatsConfigured_ForItsUrlAlone()
    {
        var key = SecretKey.New();
        await using var first = await SecretWorld.StartAsync(api, key);
        var world = first.Other(
            [key],
            new()
            {
                ["Shipinator:GitCredentials:git.example.org:Password"] = "configured",
                ["Shipinator:GitCredentials:git.example.org:Username"] = "bot",
            }
        );
        var url = world.Repository.CloneUrl;
        Assert.Equal("configured", (await FindAsync(url))!.Password);
        Assert.Null(await world.Credentials.GetAsync(world.Repository.Id, default));

        var stored = await world.Credentials.SetAsync(world.Repository.Id, null, "own-token\n", SecretWorld.Ada, default);
        Assert.Equal(("git", url, true), (stored.Username, stored.Url, stored.IsUsed));
        Assert.Equal(new GitCredential("git", "own-token", url), await FindAsync(url));
        // Not for another repository of the host, a longer path, another port or another scheme.
        Assert.Equal("configured", (await FindAsync("https://git.example.org/org/other.git"))!.Password);
        Assert.Equal("configured", (await FindAsync(url + "/more"))!.Password);
        Assert.Null(await FindAsync(url.Replace("example.org/", "example.org:8443/", StringComparison.Ordinal)));
        Assert.Null(await FindAsync(url.Replace("https", "http", StringComparison.Ordinal)));
        Assert.Null(await world.Credentials.Find(RepositoryId.New(world.Time), "https://other.example.org/x", default));
        Assert.Equal(["configured", "own-token"], (await world.Credentials.ValuesToMask(world.Repository.Id, url, default)).Order());

        await world.Credentials.RemoveAsync(world.Repository.Id, SecretWorld.Ada, default);
        Assert.Equal("configured", (await FindAsync(url))!.Password);

        Task<GitCredential?> FindAsync(string at) => world.Credentials.Find(world.Repository.Id, at, default);
    }

    [Fact]
    public async Task Lent_IsUsedForItsUrl_UntilItIsReturned_AndStoredNowhere()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        const string Url = "https://git.example.org/org/new.git";
        var id = RepositoryId.New(world.Time);
        using (world.Credentials.Lend(id, Url, null, "a-token"))
        {
            Assert.Equal(new GitCredential("git", "a-token", Url), await world.Credentials.Find(id, Url, default));
            Assert.Null(await world.Credentials.Find(id, "https://git.example.org/org/other.git", default));
            Assert.Null(await world.Credentials.Find(RepositoryId.New(world.Time), Url, default));
        }

        Assert.Null(await world.Credentials.Find(id, Url, default));
        Assert.Equal(0, await world.CountAsync("SELECT count(*) FROM secrets"));
    }

    [Fact]
    public async Task CloneUrl_ChangedToAnotherHost_DoesNotTakeTheCredentialAlong()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        await world.Credentials.SetAsync(world.Repository.Id, "robot", "own-token", SecretWorld.Ada, default);
        await new RepositoryStore(world.Data, world.Time).UpdateAsync(
            world.Repository.Id,
            new(CloneUrl: "https://evil.example/org/web.git")
        );
        Assert.Null(await world.Credentials.Find(world.Repository.Id, "https://evil.example/org/web.git", default));
        Assert.Equal(
            (false, "robot"),
            await world.Credentials.GetAsync(world.Repository.Id, default) is { } c ? (c.IsUsed, c.Username) : default
        );
    }

    [Theory]
    [InlineData("a\nb", "password")]
    [InlineData("abc", "password")]
    [InlineData("", "password")]
    public async Task Set_InvalidPassword_IsRefused(string password, string field)
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        var error = await Assert.ThrowsAsync<MalformedException>(() =>
            world.Credentials.SetAsync(world.Repository.Id, null, password, SecretWorld.Ada, default)
        );
        Assert.Equal(field, error.Field);
    }

    [Fact]
    public async Task Set_ForALocalPath_IsRefused()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        await new RepositoryStore(world.Data, world.Time).UpdateAsync(world.Repository.Id, new(CloneUrl: "/srv/git/web"));
        var error = await Assert.ThrowsAsync<MalformedException>(() =>
            world.Credentials.SetAsync(world.Repository.Id, null, "password", SecretWorld.Ada, default)
        );
        Assert.Contains("/srv/git/web, for which no credential is used", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Webhook_TwoAreLiveDuringARotation_NewestFirst()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        var id = world.Repository.Id;
        Assert.Empty(await world.Webhooks.Of(id, default));
        Assert.Null(await world.Webhooks.GetAsync(id, default));

        await world.Webhooks.SetAsync(id, "first-0123456789\n", SecretWorld.Ada, default);
        Assert.Equal(["first-0123456789"], await world.Webhooks.Of(id, default));
        Assert.Null((await world.Webhooks.GetAsync(id, default))!.PreviousUntil);

        var second = await world.Webhooks.RotateAsync(id, SecretWorld.Ada, default);
        Assert.Equal([second, "first-0123456789"], await world.Webhooks.Of(id, default));
        Assert.Equal(world.Time.GetUtcNow().AddHours(24), (await world.Webhooks.GetAsync(id, default))!.PreviousUntil);

        // The next rotation ends the first one's time, and a sweep does not delete the second.
        var third = await world.Webhooks.RotateAsync(id, SecretWorld.Ada, default);
        world.Time.Advance(TimeSpan.FromHours(1));
        await world.Store.PruneAsync();
        Assert.Equal([third, second], await world.Webhooks.Of(id, default));

        world.Time.Advance(TimeSpan.FromHours(23));
        Assert.Equal([third], await world.Webhooks.Of(id, default));
        await world.Store.PruneAsync();
        Assert.Equal(1, await world.CountAsync("SELECT count(*) FROM secrets"));
    }

    [Fact]
    public async Task Webhook_Removed_NeitherIsAccepted()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        var id = world.Repository.Id;
        await world.Webhooks.RotateAsync(id, SecretWorld.Ada, default);
        await world.Webhooks.RotateAsync(id, SecretWorld.Ada, default);
        await world.Webhooks.RemoveAsync(id, SecretWorld.Ada, default);
        Assert.Empty(await world.Webhooks.Of(id, default));
        await Assert.ThrowsAsync<NotFoundException>(() => world.Webhooks.RemoveAsync(id, SecretWorld.Ada, default));
        await Assert.ThrowsAsync<MalformedException>(() => world.Webhooks.SetAsync(id, "too short", SecretWorld.Ada, default));
    }
}
