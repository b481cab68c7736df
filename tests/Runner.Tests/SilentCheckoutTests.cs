using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Shipinator.Client;

namespace Shipinator.Runner.Tests;

/// <summary>Git hosts that accept a connection and stay silent: the checkout ends by a time-out of its own and names the host.</summary>
public sealed class SilentCheckoutTests : RunnerTest
{
    private static readonly string SomeCommit = new('1', 40);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _sockets = [];

    private string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public override async ValueTask DisposeAsync()
    {
        _listener.Stop();
        _sockets.ForEach(s => s.Dispose());
        await base.DisposeAsync();
    }

    [Theory]
    [InlineData("http", "received the request but sent no response within 1 s.")]
    [InlineData("https", "accepted the connection but did not complete the TLS handshake within 1 s.")]
    public async Task Fetch_SilentHost_TimesOutAndNamesHostAndStep(string scheme, string expected)
    {
        Accept();
        var e = await FailAsync(Source($"{scheme}://{Address}/app.git", SomeCommit));
        Assert.Equal($"git fetch: {Address} {expected}", e.Message);
    }

    [Fact]
    public async Task Fetch_HostThatDoesNotAccept_TimesOutAndNamesHostAndStep()
    {
        _listener.Start(backlog: 0);
        // The queue of connections is full: further ones get no reply.
        for (var i = 0; i < 8; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            _sockets.Add(socket);
            Assert.Equal(
                SocketError.WouldBlock,
                Assert.Throws<SocketException>(() => socket.Connect(_listener.LocalEndpoint)).SocketErrorCode
            );
        }

        var e = await FailAsync(Source($"https://{Address}/app.git", SomeCommit));
        Assert.Equal($"git fetch: {Address} did not accept a connection within 1 s.", e.Message);
    }

    [Theory]
    [InlineData("https", "did not complete the TLS handshake within 1 s.")]
    [InlineData("git", "sent no response within 1 s.")]
    [InlineData("ssh", "timed out")]
    public async Task Submodule_SilentHost_TimesOutAndNamesTheHost(string scheme, string expected)
    {
        Accept();
        var origin = Path.Combine(Root, "origin");
        Directory.CreateDirectory(origin);
        Git(origin, "init", "-q", "-b", "main");
        await File.WriteAllTextAsync(
            Path.Combine(origin, ".gitmodules"),
            $"[submodule \"lib\"]\n\tpath = lib\n\turl = {scheme}://{Address}/lib.git\n",
            TestContext.Current.CancellationToken
        );
        Directory.CreateDirectory(Path.Combine(origin, "lib"));
        Git(origin, "update-index", "--add", "--cacheinfo", $"160000,{SomeCommit},lib");
        var e = await FailAsync(Source(origin, Commit(origin, "one")) with { CloneOptions = new() { Submodules = "true" } });
        Assert.Contains("submodule", e.Message, StringComparison.Ordinal);
        Assert.Contains(Address.Split(':')[1], e.Message, StringComparison.Ordinal);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        // Nothing of the trace by which the time-out is found.
        Assert.DoesNotContain("packet:", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Info:", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lfs_SilentHost_TimesOutAndNamesTheHost()
    {
        Accept();
        var origin = Path.Combine(Root, "origin");
        LfsHost.Write(origin, "big.bin", "content");
        await File.WriteAllTextAsync(
            Path.Combine(origin, ".lfsconfig"),
            $"[lfs]\n\turl = https://{Address}/app.git/info/lfs\n",
            TestContext.Current.CancellationToken
        );
        var e = await FailAsync(Source(origin, LfsHost.Commit(origin)) with { CloneOptions = new() { Lfs = true } });
        Assert.StartsWith("The Git LFS files can't be fetched", e.Message, StringComparison.Ordinal);
        Assert.Contains(Address, e.Message, StringComparison.Ordinal);
    }

    private static SourceResponse Source(string url, string commit) =>
        new()
        {
            CloneUrl = url,
            Ref = "refs/heads/main",
            Commit = commit,
        };

    private void Accept()
    {
        _listener.Start();
        _ = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    _sockets.Add(await _listener.AcceptSocketAsync());
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The test ended.
            }
        });
    }

    private Task<PrepareException> FailAsync(SourceResponse source)
    {
        var settings = new RunnerSettings(Server.Url, ExecutionId, Token, JobFolder)
        {
            GitConnectTimeout = TimeSpan.FromSeconds(1),
            GitResponseTimeout = TimeSpan.FromSeconds(1),
        };
        Directory.CreateDirectory(settings.Control);
        Directory.CreateDirectory(settings.Workspace);
        return Assert.ThrowsAsync<PrepareException>(() =>
            Checkout.RunAsync(settings, source, _ => { }, TimeProvider.System, default).WaitAsync(WaitLimit)
        );
    }
}
