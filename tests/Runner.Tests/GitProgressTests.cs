using System.Text;
using Microsoft.Extensions.Time.Testing;

namespace Shipinator.Runner.Tests;

/// <summary>What git's trace says about a connection, and that nothing of it is taken for git's output.</summary>
public sealed class GitProgressTests : IDisposable
{
    private const string Trying = "22:05:43.000001 http.c:725              == Info:   Trying 192.0.2.1:443...\n";
    private const string Connected =
        "22:05:43.000002 http.c:725              == Info: Connected to git.example.org (192.0.2.1) port 443 (#0)\n";
    private const string Request = """
        22:05:43.000003 http.c:672              => Send header, 0000000231 bytes (0x000000e7)
        22:05:43.000003 http.c:684              => Send header: GET /app.git/info/refs?service=git-upload-pack HTTP/1.1

        """;
    private const string Response = """
        22:05:43.000004 http.c:684              <= Recv header: HTTP/1.1 200 OK
        22:05:43.000004 http.c:684              <= Recv header:

        """;
    private static readonly TimeSpan JustBefore = TimeSpan.FromSeconds(29.9);
    private static readonly TimeSpan ALittle = TimeSpan.FromSeconds(0.2);
    private readonly FakeTimeProvider _time = new();
    private readonly GitProgress _progress;
    private int _timeouts;

    public GitProgressTests() =>
        _progress = new(new(new("http://localhost"), "e", "t", "/job"), "git.example.org", _time, () => _timeouts++);

    public void Dispose() => _progress.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(10_000)]
    public void Output_TraceInPiecesOfAnySize_HasOnlyGitsOwnLines(int size)
    {
        var text = Encoding.UTF8.GetBytes($"remote: one\n{Trying}{Connected}fatal: 12:00 is not a trace\n{Request}{Response}no end");
        foreach (var piece in text.Chunk(size))
        {
            _progress.Write(piece);
        }

        Assert.Equal("remote: one\nfatal: 12:00 is not a trace\nno end", _progress.Output);
    }

    [Fact]
    public void Handshake_FurtherLinesOfIt_DoNotExtendItsTime()
    {
        Write(Trying);
        _time.Advance(JustBefore);
        Write(Connected + "22:05:43.000002 http.c:725              == Info: ALPN: offers h2,http/1.1\n");
        Assert.Equal(0, _timeouts);
        _time.Advance(ALittle);
        Assert.Equal(1, _timeouts);
        Assert.Equal(
            "git.example.org:443 accepted the connection but did not complete the TLS handshake within 30 s.",
            _progress.TimeoutDetail
        );
    }

    [Fact]
    public void Response_OnceItHasBegun_IsNotLimited()
    {
        Write(Trying + Connected + Request + Response);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(0, _timeouts);
        Assert.Null(_progress.TimeoutDetail);

        // The next request of the same connection.
        Write(Request);
        _time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal("git.example.org:443 received the request but sent no response within 60 s.", _progress.TimeoutDetail);
    }

    [Fact]
    public void Proxy_ThatConnectsToASilentHost_LimitsTheHandshakeWithTheHost()
    {
        Write(
            Trying
                + Connected.Replace("git.example.org", "proxy.example.org", StringComparison.Ordinal)
                + Request.Replace("GET /app.git/info/refs?service=git-upload-pack", "CONNECT git.example.org:443", StringComparison.Ordinal)
                + Response
        );
        _time.Advance(JustBefore);
        Assert.Equal(0, _timeouts);
        _time.Advance(ALittle);
        Assert.Equal(
            "git.example.org accepted the connection but did not complete the TLS handshake within 30 s.",
            _progress.TimeoutDetail
        );
    }

    private void Write(string text) => _progress.Write(Encoding.UTF8.GetBytes(text));
}
