using Shipinator.Schema.Stores;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

public sealed class StoreTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Project_Lifecycle_WithItsConflicts()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var store = new ProjectStore(db.Source, TimeProvider.System);
        var project = await store.CreateAsync("api", "The API");
        Assert.Equal("name_taken", (await Assert.ThrowsAsync<ConflictException>(() => store.CreateAsync("api", null))).Code);
        Assert.Equal(project.Id, (await store.FindByNameAsync("api"))!.Id);
        Assert.Equal(("api2", "The API"), await store.UpdateAsync(project.Id, "api2", null) is var u ? (u.Name, u.Description) : default);
        Assert.Null((await store.UpdateAsync(project.Id, null, "")).Description);
        Assert.Equal("name_taken", (await Assert.ThrowsAsync<ConflictException>(() => store.UpdateAsync(project.Id, "shop", null))).Code);
        var first = await store.ListAsync(new(1));
        var second = await store.ListAsync(new(1, first.NextCursor));
        Assert.Equal(["api2", "shop"], first.Items.Concat(second.Items).Select(p => p.Name));
        Assert.Null(second.NextCursor);
        Assert.Equal("in_use", (await Assert.ThrowsAsync<ConflictException>(() => store.DeleteAsync(db.Project.Id))).Code);
        await store.DeleteAsync(project.Id);
        await Assert.ThrowsAsync<NotFoundException>(() => store.DeleteAsync(project.Id));
        Assert.Null(await store.GetAsync(project.Id));
    }

    [Fact]
    public async Task Repository_Lifecycle_WithItsConflicts()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var store = new RepositoryStore(db.Source, TimeProvider.System);
        var pipelines = new PipelineStore(db.Source, TimeProvider.System);
        Assert.Equal(
            "name_taken",
            (await Assert.ThrowsAsync<ConflictException>(() => store.CreateAsync(new(db.Project.Id, "web", "git", "/x", "main")))).Code
        );
        await Assert.ThrowsAsync<NotFoundException>(() =>
            store.CreateAsync(new(ProjectId.New(TimeProvider.System), "web", "git", "/x", "main"))
        );
        var repository = await store.CreateAsync(new(db.Project.Id, "lib", "git", "/lib", "main", "process"));
        Assert.Equal("shop", repository.ProjectName);
        Assert.Null((await store.UpdateAsync(repository.Id, new(Executor: ""))).Executor);
        Assert.Equal("trunk", (await store.UpdateAsync(repository.Id, new(DefaultBranch: "trunk"))).DefaultBranch);
        Assert.Equal(
            "name_taken",
            (await Assert.ThrowsAsync<ConflictException>(() => store.UpdateAsync(repository.Id, new(Name: "web")))).Code
        );

        var synced = await pipelines.SyncAsync(repository.Id, "lib", ["push", "manual"]);
        Assert.Equal(["manual", "push"], synced.Select(p => p.TriggerType));
        Assert.Equal(synced[1].Id, (await pipelines.SyncAsync(repository.Id, "renamed", ["push"]))[1].Id);
        Assert.Equal("renamed", (await pipelines.FindAsync(repository.Id, "push"))!.Name);
        Assert.NotNull((await store.GetAsync(repository.Id))!.LastSyncedAt);
        Assert.Equal(
            "trigger_type",
            (await Assert.ThrowsAsync<InvalidInputException>(() => pipelines.EnsureAsync(repository.Id, "x", "moon"))).Code
        );

        await store.DeleteAsync(repository.Id);
        Assert.Equal(["web"], (await store.ListAsync(db.Project.Id, new())).Items.Select(r => r.Name));
        await db.CreateRunAsync();
        Assert.Equal("in_use", (await Assert.ThrowsAsync<ConflictException>(() => store.DeleteAsync(db.Repository.Id))).Code);
        Assert.NotNull(await pipelines.GetAsync(db.Pipeline.Id));
    }

    [Fact]
    public async Task Token_IsFoundUntilRevoked_AndOnlyItsHashIsStored()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var store = new TokenStore(db.Source, TimeProvider.System);
        Assert.False(await store.AnyAsync());
        const string Token = "shp_0123456789abcdef0123456789abcdef";
        var row = await store.CreateAsync("ci", "write", Token);
        Assert.Equal(("ci", "write", "shp_0123"), await store.FindAsync(Token) is { } t ? (t.Name, t.Role, t.Prefix) : default);
        Assert.Null(await store.FindAsync(Token + "x"));
        Assert.Equal("name_taken", (await Assert.ThrowsAsync<ConflictException>(() => store.CreateAsync("ci", "read", Token + "y"))).Code);
        Assert.Equal("token_taken", (await Assert.ThrowsAsync<ConflictException>(() => store.CreateAsync("other", "read", Token))).Code);
        Assert.Equal("role", (await Assert.ThrowsAsync<InvalidInputException>(() => store.CreateAsync("other", "king", Token + "z"))).Code);
        await store.TouchAsync(row.Id);
        Assert.NotNull((await store.ListAsync())[0].LastUsedAt);
        Assert.Equal(0, await db.CountAsync($"SELECT count(*) FROM api_tokens t WHERE t::text LIKE '%{Token}%'"));
        await store.RevokeAsync(row.Id);
        await store.RevokeAsync(row.Id);
        Assert.Null(await store.FindAsync(Token));
        Assert.False(await store.AnyAsync());
        await Assert.ThrowsAsync<NotFoundException>(() => store.RevokeAsync(Guid.CreateVersion7()));
    }

    [Fact]
    public async Task ServerKey_RequestedConcurrently_IsCreatedOnce()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var store = new ServerKeyStore(db.Source, TimeProvider.System);
        var keys = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => store.GetOrCreateAsync("signing")));
        Assert.All(keys, k => Assert.Equal(keys[0], k));
        Assert.Equal(32, keys[0].Length);
        Assert.NotEqual(keys[0], await store.GetOrCreateAsync("another"));
    }
}
