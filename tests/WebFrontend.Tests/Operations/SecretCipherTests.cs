using CsCheck;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Secrets;

namespace Shipinator.WebFrontend.Tests.Operations;

/// <summary>What somebody who can write to the database can't do.</summary>
public sealed class SecretCipherTests(ApiFixture api)
{
    private static readonly SecretCipher Cipher = With(SecretKey.New());

    private static readonly Gen<SecretInfo> Infos =
        from repository in Gen.Bool
        from id in Gen.Guid
        from kind in Of(SecretKinds.Secret, SecretKinds.Credential, SecretKinds.Webhook)
        from name in Gen.String[Gen.Char['A', 'D'], 1, 3]
        from version in Gen.Int[1, 3]
        from events in Of("push", "pr").Array[0, 2]
        from branches in Of("main", "pr", "a").Array[0, 2]
        select new SecretInfo
        {
            Id = Guid.Empty,
            Scope = repository ? SecretScope.Of(new RepositoryId(id)) : SecretScope.Of(new ProjectId(id)),
            Kind = kind,
            Name = name,
            Version = version,
            Events = events,
            Branches = branches,
            CreatedAt = default,
            CreatedBy = "",
            UpdatedAt = default,
            UpdatedBy = "",
        };

    [Fact]
    public void Value_RoundTrips_WhateverItIs() =>
        Gen.Select(Infos, Gen.Byte.Array[0, 300])
            .Sample((info, value) => Cipher.Open(new(info, Cipher.Seal(info, value))).AsSpan().SequenceEqual(value));

    [Fact]
    public void Value_InAnotherPlace_IsUnreadable() =>
        Gen.Select(Infos, Infos)
            .Sample(
                (info, other) =>
                    Place(info) == Place(other) || IsUnreadable(new(other with { Id = info.Id }, Cipher.Seal(info, "a value"u8)))
            );

    [Fact]
    public void Value_WithOneFlippedBit_IsUnreadable() =>
        Gen.Select(Infos, Gen.Int[0, 2], Gen.Int[0, int.MaxValue])
            .Sample(
                (info, part, bit) =>
                {
                    var value = Cipher.Seal(info, "a value that somebody changes"u8);
                    var bytes = part switch
                    {
                        0 => value.Nonce,
                        1 => value.Ciphertext,
                        _ => value.Tag,
                    };
                    bit %= bytes.Length * 8;
                    bytes[bit / 8] ^= (byte)(1 << (bit % 8));
                    return IsUnreadable(new(info, value));
                }
            );

    [Fact]
    public void SameValue_Twice_LooksDifferent()
    {
        var info = Infos.Single();
        var (first, second) = (Cipher.Seal(info, "a value"u8), Cipher.Seal(info, "a value"u8));
        Assert.NotEqual(first.Nonce, second.Nonce);
        Assert.NotEqual(first.Ciphertext, second.Ciphertext);
    }

    [Fact]
    public void Value_CutOrWithoutTag_IsUnreadable()
    {
        var info = Infos.Single();
        var value = Cipher.Seal(info, "a value"u8);
        Assert.True(IsUnreadable(new(info, value with { Ciphertext = value.Ciphertext[..^1] })));
        Assert.True(IsUnreadable(new(info, value with { Tag = [] })));
        Assert.True(IsUnreadable(new(info, value with { Tag = value.Tag[..12] })));
        Assert.True(IsUnreadable(new(info, value with { Nonce = [] })));
    }

    [Fact]
    public void KeyId_IsTheKeysFingerprint_AndNotTheKey()
    {
        var key = SecretKey.New();
        Assert.Equal(key.Id, SecretKey.TryParse($" {key.ToBase64()}\n")!.Id);
        Assert.Equal(key.Id, key.ToString());
        Assert.NotEqual(key.Id, SecretKey.New().Id);
        Assert.DoesNotContain(key.Id, Convert.ToHexStringLower(Convert.FromBase64String(key.ToBase64())), StringComparison.Ordinal);
        Assert.Null(SecretKey.TryParse(Convert.ToBase64String(new byte[31])));
        Assert.Null(SecretKey.TryParse(Convert.ToBase64String(new byte[33])));
        Assert.Null(SecretKey.TryParse("not base64"));
        Assert.Null(SecretKey.TryParse(null));
    }

    [Fact]
    public async Task RowsSwappedInTheDatabase_AreRefused_AndSaySo()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        await world.SetAsync(SecretScope.Of(world.Repository.Id), "TOKEN", "harmless");
        await world.SetAsync(SecretScope.Of((await world.RepositoryAsync("other")).Id), "TOKEN", "of the other repository");
        await world.ExecuteAsync(
            """
            UPDATE secrets s SET nonce = o.nonce, ciphertext = o.ciphertext, tag = o.tag FROM secrets o WHERE o.id <> s.id
            """
        );
        var found = await world.Source.Resolve(world.Asked("TOKEN"), default);
        Assert.Empty(found.Values);
        Assert.Contains("its row was changed outside of Shipinator. Set the value again.", found.Problem("x"), StringComparison.Ordinal);

        await world.SetAsync(SecretScope.Of(world.Repository.Id), "TOKEN", "set again");
        Assert.Equal("set again", await world.ValueAsync("TOKEN"));
    }

    [Fact]
    public async Task LimitsWidenedInTheDatabase_MakeTheValueUnreadable()
    {
        await using var world = await SecretWorld.StartAsync(api, SecretKey.New());
        await world.SetAsync(SecretScope.Of(world.Repository.Id), "TOKEN", "for main", branches: ["main"]);
        await world.ExecuteAsync("UPDATE secrets SET branches = '{}'");
        Assert.Null(await world.ValueAsync("TOKEN", branch: "feature"));
        Assert.Null(await world.ValueAsync("TOKEN"));
    }

    private static Gen<string> Of(params string[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static SecretCipher With(params SecretKey[] keys)
    {
        var ring = new SecretKeyRing();
        ring.Load(keys, "Shipinator:SecretKeys");
        return new(ring);
    }

    private static string Place(SecretInfo i) =>
        $"{i.Scope} {i.Kind} {i.Name} {i.Version} [{string.Join(',', i.Events)}] [{string.Join(',', i.Branches)}]";

    private static bool IsUnreadable(SecretRow row)
    {
        try
        {
            Cipher.Open(row);
            return false;
        }
        catch (ShipinatorException e)
        {
            return e.Code == SecretErrors.Unreadable;
        }
    }
}
