using Shipinator.Schema.Stores;
using Shipinator.Triggers;
using Shipinator.Triggers.Secrets;

namespace Shipinator.WebFrontend.Tests.Operations;

/// <summary>Who gets which secret, against PostgreSQL.</summary>
public sealed class SecretTests(ApiFixture api)
{
    [Fact]
    public async Task Repository_BeatsProject_BeatsConfiguration()
    {
        var key = SecretKey.New();
        await using var first = await SecretWorld.StartAsync(api, key);
        var world = first.Other([key], new() { ["Shipinator:Secrets:TOKEN"] = "configured" });
        Assert.Equal("configured", await world.ValueAsync("TOKEN"));

        await world.SetAsync(SecretScope.Of(world.Project.Id), "TOKEN", "of-the-project");
        Assert.Equal("of-the-project", await world.ValueAsync("TOKEN"));

        await world.SetAsync(SecretScope.Of(world.Repository.Id), "TOKEN", "of-the-repository");
        Assert.Equal("of-the-repository", await world.ValueAsync("TOKEN"));

        await world.Registry.RemoveAsync(SecretScope.Of(world.Repository.Id), "TOKEN", SecretWorld.Ada, default);
        Assert.Equal("of-the-project", await world.ValueAsync("TOKEN"));
    }

    [Fact]
    public async Task Fork_GetsNothing_AndIsNotDenied()
    {
        var key = SecretKey.New();
        await using var first = await SecretWorld.StartAsync(api, key);
        var world = first.Other([key], new() { ["Shipinator:Secrets:CONFIGURED"] = "configured" });
        await world.SetAsync(SecretScope.Of(world.Repository.Id), "TOKEN", "of-the-repository", events: ["pr"]);
        foreach (var name in new[] { "TOKEN", "CONFIGURED", "MISSING" })
        {
            var found = await world.Source.Resolve(world.Asked(name, "pr", isFork: true), default);
            Assert.Empty(found.Values);
            Assert.Empty(found.Denied);
            Assert.Equal([name], found.Withheld);
            Assert.Null(found.Problem("build"));
        }
    }

    [Theory]
    [InlineData("push", "main", true)]
    [InlineData("push", "release/1", true)]
    [InlineData("manual", "main", false)]
    [InlineData("push", "feature", false)]
    [InlineData("push", "release/1/2", false)]
    [InlineData("push", null, false)]
    [InlineData("", "main", false)]
    public async Task Limits_DecideByEventAndBranch(string ofEvent, string? branch, bool gets)
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        // The project's secret must not take the place of the one that is withheld.
        await world.SetAsync(SecretScope.Of(world.Project.Id), "TOKEN", "of-the-project");
        await world.SetAsync(SecretScope.Of(world.Repository.Id), "TOKEN", "limited", ["push"], ["main", "release/*"]);
        var found = await world.Source.Resolve(world.Asked("TOKEN", ofEvent, branch), default);
        Assert.Equal(gets ? 1 : 0, found.Values.Count);
        Assert.Equal(gets ? "limited" : null, found.Values.GetValueOrDefault("TOKEN"));
        if (!gets)
        {
            var problem = found.Problem("deploy");
            Assert.Contains(
                "Step deploy can't get its secrets. Secret TOKEN of the repository is limited to",
                problem,
                StringComparison.Ordinal
            );
            Assert.Contains("events push and branches main, release/*", problem, StringComparison.Ordinal);
            Assert.Contains($"event '{ofEvent}'", problem, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task BranchLimit_PullRequestToThatBranch_IsWithheldUnlessEventsNameIt()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        var scope = SecretScope.Of(world.Repository.Id);
        await world.SetAsync(scope, "TOKEN", "limited", branches: ["main"]);
        Assert.Equal("limited", await world.ValueAsync("TOKEN"));
        Assert.Null(await world.ValueAsync("TOKEN", "pr"));

        // A change of the limits keeps the value.
        var info = await world.Registry.SetAsync(scope, "TOKEN", new() { Events = ["pr"] }, SecretWorld.Ada, default);
        Assert.Equal((2, "main", "pr"), (info.Version, Assert.Single(info.Branches), Assert.Single(info.Events)));
        Assert.Equal("limited", await world.ValueAsync("TOKEN", "pr"));
        Assert.Null(await world.ValueAsync("TOKEN", "push"));
        await world.Registry.SetAsync(scope, "TOKEN", new() { Events = [], Branches = [] }, SecretWorld.Ada, default);
        Assert.Equal("limited", await world.ValueAsync("TOKEN", "manual", "any"));
    }

    [Fact]
    public async Task Missing_NamesTheScopesAndTheFix()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        await world.SetAsync(SecretScope.Of((await world.RepositoryAsync("other")).Id), "TOKEN", "of another");
        Assert.Equal(
            "Step deploy can't get its secrets. Secret TOKEN is set neither for the repository, nor for its project, nor in the server's "
                + "configuration (Shipinator:Secrets:TOKEN). Set it with 'shipinator secret set TOKEN', "
                + "or remove it from the step's secrets.",
            (await world.Source.Resolve(world.Asked("TOKEN"), default)).Problem("deploy")
        );
    }

    [Fact]
    public async Task Versions_CountUp_AndRememberWho()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        var scope = SecretScope.Of(world.Project.Id);
        await world.SetAsync(scope, "TOKEN", "first");
        world.Time.Advance(TimeSpan.FromHours(1));
        await world.Registry.SetAsync(scope, "TOKEN", new() { Value = "second" }, new(ActorKind.Token, "bob"), default);
        var info = Assert.Single(await world.Registry.ListAsync(scope, default));
        Assert.Equal(
            ("TOKEN", 2, "token:ada", "token:bob", TimeSpan.FromHours(1)),
            (info.Name, info.Version, info.CreatedBy, info.UpdatedBy, info.UpdatedAt - info.CreatedAt)
        );
        await Assert.ThrowsAsync<NotFoundException>(() => world.Registry.RemoveAsync(scope, "OTHER", SecretWorld.Ada, default));
        await world.Registry.RemoveAsync(scope, "TOKEN", SecretWorld.Ada, default);
        Assert.Empty(await world.Registry.ListAsync(scope, default));
        await Assert.ThrowsAsync<NotFoundException>(() => world.Registry.RemoveAsync(scope, "TOKEN", SecretWorld.Ada, default));
        Assert.Equal(3, (await world.SetAsync(scope, "TOKEN", "third")).Version);
    }

    [Fact]
    public async Task ConcurrentWriters_AllSucceed_AndOneVersionIsCurrent()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        var scope = SecretScope.Of(world.Repository.Id);
        var infos = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => world.SetAsync(scope, "TOKEN", $"value-{i}")));
        Assert.Equal(Enumerable.Range(1, 8), infos.Select(i => i.Version).Order());
        Assert.Equal(1, await world.CountAsync("SELECT count(*) FROM secrets WHERE superseded_at IS NULL"));
        Assert.Equal($"value-{Array.FindIndex(infos, i => i.Version == 8)}", await world.ValueAsync("TOKEN"));
    }

    [Fact]
    public async Task ValuesToMask_IncludeEarlierAndRemovedValues_UntilNothingActiveCanHaveThem()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        var scope = SecretScope.Of(world.Repository.Id);
        await world.SetAsync(SecretScope.Of(world.Project.Id), "TOKEN", "project");
        await world.SetAsync(scope, "TOKEN", "first");
        await world.SetAsync(scope, "TOKEN", "second", branches: ["nothing"]);
        await world.Registry.RemoveAsync(scope, "TOKEN", SecretWorld.Ada, default);
        Assert.Equal(["first", "project", "second"], await MasksAsync());

        // Too early: the clocks of servers differ.
        Assert.Equal(0, await world.Store.PruneAsync());
        world.Time.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal(2, await world.Store.PruneAsync());
        Assert.Equal(["project"], await MasksAsync());

        async Task<IEnumerable<string>> MasksAsync() =>
            (await world.Source.ValuesToMask(world.Asked("TOKEN"), default)).Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task DeletedRepository_TakesItsSecretsAlong()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        await world.SetAsync(SecretScope.Of(world.Project.Id), "KEPT", "value");
        await world.SetAsync(SecretScope.Of(world.Repository.Id), "GONE", "value");
        await world.Credentials.SetAsync(world.Repository.Id, null, "password", SecretWorld.Ada, default);
        await world.Webhooks.RotateAsync(world.Repository.Id, SecretWorld.Ada, default);
        await new RepositoryStore(world.Data, world.Time).DeleteAsync(world.Repository.Id);
        Assert.Equal(1, await world.CountAsync("SELECT count(*) FROM secrets"));
        await new ProjectStore(world.Data, world.Time).DeleteAsync(world.Project.Id);
        Assert.Equal(0, await world.CountAsync("SELECT count(*) FROM secrets"));
    }

    [Theory]
    [InlineData("1TOKEN", "value", "name")]
    [InlineData("TO-KEN", "value", "name")]
    [InlineData("", "value", "name")]
    [InlineData("PATH", "value", "name")]
    [InlineData("LD_PRELOAD", "value", "name")]
    [InlineData("CI_TOKEN", "value", "name")]
    [InlineData("SHIPINATOR_TOKEN", "value", "name")]
    [InlineData("TOKEN", "", "value")]
    [InlineData("TOKEN", "abc", "value")]
    [InlineData("TOKEN", "     \n", "value")]
    [InlineData("TOKEN", "a\0bcd", "value")]
    public async Task Set_InvalidField_IsRefusedWithoutTheValue(string name, string value, string field)
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        var error = await Assert.ThrowsAsync<MalformedException>(() => world.SetAsync(SecretScope.Of(world.Project.Id), name, value));
        Assert.Equal(field, error.Field);
        Assert.True(field == "name" || value.Trim().Length == 0 || !error.Message.Contains(value, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Set_AtTheLimits()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        var scope = SecretScope.Of(world.Project.Id);
        var longest = new string('é', SecretFields.MostBytes / 2);
        await world.SetAsync(scope, "TOKEN", longest);
        Assert.Equal(longest, await world.ValueAsync("TOKEN"));
        var error = await Assert.ThrowsAsync<MalformedException>(() => world.SetAsync(scope, "TOKEN", longest + "x"));
        Assert.Equal("value must have at most 65536 bytes, but has 65537.", error.Message);

        // Half a character has no UTF-8.
        await Assert.ThrowsAsync<MalformedException>(() => world.SetAsync(scope, "TOKEN", "abcd" + '\ud800'));
        await Assert.ThrowsAsync<MalformedException>(() => world.SetAsync(scope, "TOKEN", "value", events: ["tag"]));
        foreach (var branch in new[] { "!main", "[a", "a b", "" })
        {
            await Assert.ThrowsAsync<MalformedException>(() => world.SetAsync(scope, "TOKEN", "value", branches: [branch]));
        }

        await Assert.ThrowsAsync<MalformedException>(() =>
            world.Registry.SetAsync(scope, "NEW", new() { Events = [] }, SecretWorld.Ada, default)
        );
        await Assert.ThrowsAsync<NotFoundException>(() => world.SetAsync(SecretScope.Of(ProjectId.New(world.Time)), "TOKEN", "value"));
    }

    [Fact]
    public async Task Set_WithoutKeys_NamesTheSetting()
    {
        await using var world = await SecretWorld.StartAsync(api);
        var error = await Assert.ThrowsAsync<ConflictException>(() => world.SetAsync(SecretScope.Of(world.Project.Id), "TOKEN", "value"));
        Assert.Equal(SecretErrors.NoKeys, error.Code);
        Assert.Contains("Set Shipinator:SecretKeys to", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Database_ContainsNoValueInClearText()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        await world.SetAsync(SecretScope.Of(world.Repository.Id), "TOKEN", "plainly-visible");
        await world.Credentials.SetAsync(world.Repository.Id, "robot", "plainly-visible", SecretWorld.Ada, default);
        Assert.Equal(2, await world.CountAsync("SELECT count(*) FROM secrets"));
        Assert.Equal(
            0,
            await world.CountAsync(
                "SELECT count(*) FROM secrets WHERE position('plainly-visible'::bytea IN ciphertext) > 0 OR secrets::text LIKE '%plainly%'"
            )
        );
    }
}
