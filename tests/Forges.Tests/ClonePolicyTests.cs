using System.Net;
using Microsoft.Extensions.Options;
using Shipinator.Forges.Git;
using Shipinator.Testing;

namespace Shipinator.Forges.Tests;

/// <summary>Where the server may connect to, and its mirrors.</summary>
public sealed class ClonePolicyTests : IDisposable
{
    private readonly ForgeHarness _harness = new();

    public void Dispose() => _harness.Dispose();

    [Theory]
    [InlineData("http://127.0.0.1/a.git")]
    [InlineData("http://127.1/a.git")]
    [InlineData("http://2130706433/a.git")]
    [InlineData("http://0x7f000001/a.git")]
    [InlineData("http://0177.0.0.1/a.git")]
    [InlineData("http://0/a.git")]
    [InlineData("http://0.0.0.0/a.git")]
    [InlineData("http://１２７.0.0.1/a.git")]
    [InlineData("http://127。0。0。1/a.git")]
    [InlineData("http://127.0.0.1./a.git")]
    [InlineData("http://[::1]/a.git")]
    [InlineData("http://[::]/a.git")]
    [InlineData("http://[::ffff:127.0.0.1]/a.git")]
    [InlineData("http://[::ffff:a9fe:a9fe]/a.git")]
    [InlineData("http://[::127.0.0.1]/a.git")]
    [InlineData("http://[64:ff9b::7f00:1]/a.git")]
    [InlineData("http://[2002:7f00:1::]/a.git")]
    [InlineData("http://[fe80::1]/a.git")]
    [InlineData("http://[fe80::1%25eth0]/a.git")]
    [InlineData("http://[fd00:ec2::254]/a.git")]
    [InlineData("http://[fc00::1]/a.git")]
    [InlineData("http://169.254.169.254/latest/meta-data")]
    [InlineData("http://100.100.100.200/a.git")]
    [InlineData("http://10.0.0.1/a.git")]
    [InlineData("http://172.31.255.1/a.git")]
    [InlineData("http://192.168.1.1/a.git")]
    [InlineData("http://100.64.0.1/a.git")]
    [InlineData("http://224.0.0.1/a.git")]
    [InlineData("http://255.255.255.255/a.git")]
    [InlineData("http://%31%32%37.0.0.1/a.git")]
    [InlineData("https://good.example@127.0.0.1/a.git")]
    [InlineData("ssh://git@example.org/a.git")]
    [InlineData("ext::sh -c id")]
    [InlineData("git://example.org/a.git")]
    [InlineData("-uupload-pack")]
    [InlineData("/etc")]
    [InlineData("file:///etc")]
    [InlineData("FILE:///etc")]
    [InlineData("file:/etc")]
    [InlineData("")]
    public async Task Server_WithDefaultSettings_RefusesWithoutConnecting(string url)
    {
        _harness.Options.AllowedHosts.Clear();
        Assert.Equal(
            ForgeException.NotAllowed,
            (await ForgeHarness.FailsAsync(() => _harness.Forge().Resolve(ForgeHarness.At(url), "main", default))).Code
        );
        Assert.Equal(
            ForgeException.NotAllowed,
            Assert.Throws<ForgeException>(() => new ClonePolicy(Options.Create(_harness.Options)).Check(url)).Code
        );
    }

    [Theory]
    [InlineData("https://github.com/a/b.git")]
    [InlineData("https://8.8.8.8/a.git")]
    [InlineData("https://[2606:4700::1111]/a.git")]
    [InlineData("https://git.example.org:8443/a b.git", false)]
    [InlineData("https://git.example.org:8443/a.git")]
    public void Check_PublicUrls_AreAllowed(string url, bool isFine = true)
    {
        _harness.Options.AllowedHosts.Clear();
        var policy = new ClonePolicy(Options.Create(_harness.Options));
        Assert.Equal(isFine, Record.Exception(() => policy.Check(url)) is null);
    }

    [Fact]
    public async Task Name_ThatResolvesToLoopback_IsNotConnectedTo()
    {
        await using var server = await GitHttpServer.StartAsync(Path.Combine(_harness.Root, "own"));
        server.Create("/app.git", ("a", "one"));
        _harness.Options.AllowedHosts.Clear();
        var repository = ForgeHarness.At(server.Url("/app.git", host: "localhost"));
        Assert.Equal(
            ForgeException.NotAllowed,
            (await ForgeHarness.FailsAsync(() => _harness.Forge().Resolve(repository, "main", default))).Code
        );
        Assert.Empty(server.Requests);

        _harness.Options.AllowedHosts.Add("localhost");
        Assert.Equal("refs/heads/main", (await _harness.Forge().Resolve(repository, "main", default)).FullRef);
    }

    [Theory]
    [InlineData("10.1.0.0/16", "x.example", "10.1.2.3", true)]
    [InlineData("10.1.0.0/16", "x.example", "10.2.2.3", false)]
    [InlineData("10.1.0.0/16", "x.example", "::ffff:10.1.2.3", true)]
    [InlineData("git.corp.example", "git.corp.example", "10.1.2.3", true)]
    [InlineData("git.corp.example", "git.corp.example", "169.254.169.254", false)]
    [InlineData("169.254.169.254", "x.example", "169.254.169.254", true)]
    [InlineData("*.corp.example", "git.corp.example", "192.168.0.9", true)]
    [InlineData("*.corp.example", "evilcorp.example", "192.168.0.9", false)]
    [InlineData("*.corp.example", "x.example", "192.168.0.9", false)]
    public void Allows_HostsAndNetworksOfTheSettings(string entry, string host, string address, bool isAllowed)
    {
        Assert.True(AllowedHosts.IsValid(entry));
        Assert.Equal(isAllowed, new AllowedHosts([entry], only: false).Allows(host, IPAddress.Parse(address)));
    }

    [Fact]
    public void Allows_OnlyAllowedHosts_ExcludesPublicOnes()
    {
        var hosts = new AllowedHosts(["github.com"], only: true);
        Assert.True(hosts.Allows("github.com", IPAddress.Parse("140.82.121.3")));
        Assert.False(hosts.Allows("gitlab.com", IPAddress.Parse("172.65.251.78")));
    }

    [Theory]
    [InlineData("nonsense!")]
    [InlineData("10.0.0.0/99")]
    [InlineData("https://git.example.org")]
    [InlineData("")]
    public void Settings_InvalidEntry_StopsTheStart(string entry)
    {
        _harness.Options.CacheRoot = _harness.Cache;
        _harness.Options.AllowedHosts.Add(entry);
        Assert.Contains(
            "AllowedHosts",
            new ForgeOptionsValidator().Validate(null, _harness.Options).FailureMessage,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Error_OfARespondingHost_ContainsNothingThatItSent()
    {
        await using var server = await GitHttpServer.StartAsync(Path.Combine(_harness.Root, "own"));
        server.Before = async context =>
        {
            context.Response.StatusCode = context.Request.Path.Value!.Contains("status", StringComparison.Ordinal) ? 418 : 200;
            context.Response.ContentType = "application/x-git-upload-pack-advertisement";
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(
                context.Response,
                "001e# service=git-upload-pack\n00000025ERR inner-secret-of-the-network\n0000"
            );
            return true;
        };
        foreach (var path in new[] { "/status.git", "/words.git" })
        {
            var error = await ForgeHarness.FailsAsync(() => _harness.Forge().Resolve(ForgeHarness.At(server.Url(path)), "main", default));
            Assert.DoesNotContain("inner-secret", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Mirror_IsPrivateAndIsRemovedWhenForgotten()
    {
        await using var server = await GitHttpServer.StartAsync(Path.Combine(_harness.Root, "own"));
        server.Create("/app.git", ("a", "one"));
        var forge = _harness.Forge();
        var repository = ForgeHarness.At(server.Url("/app.git"));
        await forge.Resolve(repository, "main", default);
        var mirror = Path.Combine(_harness.Cache, repository.Id + ".git");
        foreach (var folder in new[] { _harness.Cache, mirror })
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
        }

        Assert.Equal([], forge.Mirrors.Unused(TimeSpan.FromHours(1)));
        Assert.Equal([repository.Id], forge.Mirrors.Unused(TimeSpan.FromHours(-1)));
        await forge.Mirrors.Forget(repository.Id, default);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_harness.Cache));
    }

    [Fact]
    public async Task Mirror_UsedByTwoSilosAtOnce_IsFetchedByOneAtATime()
    {
        await using var server = await GitHttpServer.StartAsync(Path.Combine(_harness.Root, "own"));
        server.Create("/app.git", ("a", "one"));
        var repository = ForgeHarness.At(server.Url("/app.git"));
        var inside = 0;
        var most = 0;
        server.Before = async _ =>
        {
            var now = Interlocked.Increment(ref inside);
            most = Math.Max(most, now);
            await Task.Yield();
            Interlocked.Decrement(ref inside);
            return false;
        };
        var (one, two) = (_harness.Forge(), _harness.Forge());
        var found = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => (i % 2 == 0 ? one : two).Resolve(repository, "main", default)));
        Assert.Single(found.Select(f => f.Commit).Distinct());
        Assert.Equal(1, most);
    }

    [Fact]
    public async Task Mirror_WithLocksOfAKilledGit_IsFetched()
    {
        await using var server = await GitHttpServer.StartAsync(Path.Combine(_harness.Root, "own"));
        server.Create("/app.git", ("a", "one"));
        var forge = _harness.Forge();
        var repository = ForgeHarness.At(server.Url("/app.git"));
        await forge.Resolve(repository, "main", default);
        var mirror = Path.Combine(_harness.Cache, repository.Id + ".git");
        foreach (var left in new[] { "packed-refs.lock", "shallow.lock", "refs/heads/main.lock" })
        {
            await File.WriteAllTextAsync(Path.Combine(mirror, left), "", TestContext.Current.CancellationToken);
        }

        GitHttpServer.Git(server.Bare("/app.git"), "branch", "next", "main");
        GitHttpServer.Git(server.Bare("/app.git"), "branch", "-m", "main", "trunk");
        Assert.Equal("refs/heads/next", (await forge.Resolve(repository, "next", default)).FullRef);
        Assert.Equal("trunk", await forge.DefaultBranch(repository, default));
        Assert.Equal("refs/heads/trunk", (await forge.Resolve(repository, "HEAD", default)).FullRef);
    }

    [Fact]
    public async Task ReadAt_FetchesOnceAndHasRefFetchesNothing()
    {
        await using var server = await GitHttpServer.StartAsync(Path.Combine(_harness.Root, "own"));
        server.Create("/app.git", ("a", "one"));
        var forge = _harness.Forge();
        var repository = ForgeHarness.At(server.Url("/app.git"));
        var head = await forge.Resolve(repository, "main", default);

        server.Requests.Clear();
        var read = await forge.ReadAt(repository, "main", head.Commit, "a", default);
        Assert.Equal((head, "one"), (read.Head, read.Text));
        Assert.Single(server.Requests, r => r.Path.Contains("info/refs", StringComparison.Ordinal));

        GitHttpServer.Git(server.Bare("/app.git"), "branch", "next", "main");
        Assert.True(await forge.HasRef(repository, "refs/heads/next", default));
        Assert.False(await forge.HasRef(repository, "refs/heads/nex", default));
        Assert.False(await forge.HasRef(repository, "refs/tags/main", default));
        Assert.False(Directory.Exists(Path.Combine(_harness.Cache, repository.Id + ".git", "refs", "heads", "next")));
    }

    [Theory]
    [InlineData("/srv/app", "/srv/app")]
    [InlineData("file:///srv/app", "/srv/app")]
    [InlineData("FILE:/srv/app", "/srv/app")]
    [InlineData("file://localhost/srv/a%20b", "/srv/a b")]
    [InlineData("file:///srv/a%3Fb", "/srv/a?b")]
    [InlineData("file:///srv/a?b", null)]
    [InlineData("file:///srv/a#b", null)]
    [InlineData("file:///srv/a%00b", null)]
    [InlineData("file://elsewhere/srv/app", null)]
    [InlineData("file://localhost", null)]
    [InlineData("file:srv/app", null)]
    [InlineData("https://localhost/srv/app", null)]
    public void LocalAddress_IsOnePath(string url, string? path)
    {
        Assert.Equal(path, LocalAddress.TryParse(url, out var problem));
        Assert.Equal(path is null, problem.Length > 0);
    }
}
