using Shipinator.Schema.Stores;
using Shipinator.Triggers.Secrets;

namespace Shipinator.WebFrontend.Tests.Operations;

/// <summary>Keys come and go while secrets are written.</summary>
public sealed class SecretRotationTests(ApiFixture api)
{
    private static readonly SecretKey Old = SecretKey.New();
    private static readonly SecretKey New = SecretKey.New();

    [Fact]
    public async Task Rotate_ReencryptsEverything_ThenTheOldKeyIsNotNeeded()
    {
        await using var before = await SecretWorld.StartAsync(api, Old);
        for (var i = 0; i < 120; i++)
        {
            await before.SetAsync(SecretScope.Of(before.Repository.Id), $"NAME_{i}", $"value {i}", branches: ["main"]);
        }

        // A superseded version is needed for masking, so it is re-encrypted, too.
        await before.SetAsync(SecretScope.Of(before.Repository.Id), "NAME_0", "changed");
        await before.Credentials.SetAsync(before.Repository.Id, "robot", "password", SecretWorld.Ada, default);
        await before.Webhooks.SetAsync(before.Repository.Id, "0123456789abcdef", SecretWorld.Ada, default);

        var both = before.Other([New, Old]);
        Assert.Equal(new KeyRotation(New.Id, 123, 0), await both.Rotation.RotateAsync(SecretWorld.Ada, default));
        Assert.Equal(new KeyRotation(New.Id, 0, 0), await both.Rotation.RotateAsync(SecretWorld.Ada, default));

        var after = before.Other([New]);
        Assert.Equal("changed", await after.ValueAsync("NAME_0"));
        Assert.Equal("value 119", await after.ValueAsync("NAME_119"));
        Assert.Equal(
            ["changed", "value 0"],
            (await after.Source.ValuesToMask(after.Asked("NAME_0"), default)).Order(StringComparer.Ordinal)
        );
        Assert.Equal("password", (await after.Credentials.Find(after.Repository.Id, after.Repository.CloneUrl, default))!.Password);
        Assert.Equal(["0123456789abcdef"], await after.Webhooks.Of(after.Repository.Id, default));

        // And the old key alone reads nothing any more.
        var found = await before.Source.Resolve(before.Asked("NAME_0"), default);
        Assert.Empty(found.Values);
        Assert.Contains($"is encrypted with key {New.Id}, which this server does not have", found.Problem("x"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rotate_WhileOthersWriteAndRotate_LosesNothing()
    {
        await using var first = await SecretWorld.StartAsync(api, Old);
        const int Names = 30;
        for (var i = 0; i < Names; i++)
        {
            await first.SetAsync(SecretScope.Of(first.Repository.Id), $"NAME_{i}", $"value {i} 0");
        }

        var silos = Enumerable.Range(0, 3).Select(_ => first.Other([New, Old])).ToList();
        var start = new TaskCompletionSource();
        var writers = Enumerable
            .Range(0, 3)
            .Select(async w =>
            {
                await start.Task;
                for (var round = 1; round <= 3; round++)
                {
                    for (var i = w; i < Names; i += 3)
                    {
                        await silos[w].SetAsync(SecretScope.Of(first.Repository.Id), $"NAME_{i}", $"value {i} {round}");
                    }
                }
            });
        var rotations = silos.Select(async s =>
        {
            await start.Task;
            return await s.Rotation.RotateAsync(SecretWorld.Ada, default);
        });
        var all = writers.Concat(rotations.Cast<Task>()).ToList();
        start.SetResult();
        await Task.WhenAll(all);

        await silos[0].Rotation.RotateAsync(SecretWorld.Ada, default);
        var after = first.Other([New]);
        for (var i = 0; i < Names; i++)
        {
            Assert.Equal($"value {i} 3", await after.ValueAsync($"NAME_{i}"));
        }

        Assert.Equal([New.Id], (await first.Store.KeysAsync()).Keys);
        // All versions are readable: none was overwritten by another's encryption.
        Assert.Equal(4, (await after.Source.ValuesToMask(after.Asked("NAME_7"), default)).Count);
    }

    [Fact]
    public async Task Rotate_WithoutTheKeyOfAValue_SaysWhichAndWhere()
    {
        await using var world = await SecretWorld.StartAsync(api, Old);
        await world.SetAsync(SecretScope.Of(world.Repository.Id), "TOKEN", "value");
        var error = await Assert.ThrowsAsync<ShipinatorException>(() => world.Other([New]).Rotation.RotateAsync(SecretWorld.Ada, default));
        Assert.Equal(SecretErrors.UnknownKey, error.Code);
        Assert.Contains(Old.Id, error.Message, StringComparison.Ordinal);
        Assert.Contains("Shipinator:SecretKeys", error.Message, StringComparison.Ordinal);
    }
}
