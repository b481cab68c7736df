using Microsoft.Extensions.Configuration;
using Shipinator.Forges.Configuration;
using Shipinator.Testing;

namespace Shipinator.Forges.Tests;

/// <summary>A credential is sent only within its scope: real Git against real hosts.</summary>
public sealed class CredentialScopeTests : IAsyncLifetime
{
    private readonly ForgeHarness _harness = new();
    private GitHttpServer _own = null!;
    private GitHttpServer _other = null!;

    public async ValueTask InitializeAsync()
    {
        _own = await GitHttpServer.StartAsync(Path.Combine(_harness.Root, "own"));
        _other = await GitHttpServer.StartAsync(Path.Combine(_harness.Root, "other"));
        foreach (var server in new[] { _own, _other })
        {
            server.Create("/org/app.git", ("a", "one"));
            server.Create("/orgevil/app.git", ("a", "one"));
            server.RequireCredential("bot:top-secret");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _own.DisposeAsync();
        await _other.DisposeAsync();
        _harness.Dispose();
    }

    [Fact]
    public async Task Fetch_BelowTheCredentialsPath_IsAuthenticated()
    {
        _harness.Credential(_own.Url("/org"));
        var found = await _harness.Forge().Resolve(ForgeHarness.At(_own.Url("/org/app.git")), "main", default);
        Assert.Equal("refs/heads/main", found.FullRef);
        Assert.Contains("bot:top-secret", _own.Credentials);
    }

    /// <summary>The scope of a repository's own credential.</summary>
    [Fact]
    public async Task Fetch_CredentialOfExactlyThisUrl_IsAuthenticated_AndNothingElseIs()
    {
        _harness.Credential(_own.Url("/org/app.git"));
        var forge = _harness.Forge();
        await forge.Resolve(ForgeHarness.At(_own.Url("/org/app.git")), "main", default);
        Assert.Contains("bot:top-secret", _own.Credentials);
        await ForgeHarness.FailsAsync(() => forge.Resolve(ForgeHarness.At(_own.Url("/org/app2.git")), "main", default));
        await ForgeHarness.FailsAsync(() => forge.Resolve(ForgeHarness.At(_other.Url("/org/app.git")), "main", default));
        Assert.Empty(_other.Credentials);
    }

    [Fact]
    public async Task Fetch_FromAnotherPathOrPort_SendsNoCredential()
    {
        _harness.Credential(_own.Url("/org"));
        foreach (
            var url in new[]
            {
                _own.Url("/orgevil/app.git"),
                _other.Url("/org/app.git"),
                _own.Url("/org/app.git", host: "localhost"),
                _own.Url("/Org/app.git"),
            }
        )
        {
            var error = await ForgeHarness.FailsAsync(() => _harness.Forge().Resolve(ForgeHarness.At(url), "main", default));
            Assert.Contains("none is configured", error.Message, StringComparison.Ordinal);
        }

        Assert.Empty(_own.Credentials);
        Assert.Empty(_other.Credentials);
    }

    [Fact]
    public async Task Fetch_CredentialWithoutUrl_IsForHttpsOnPort443Only()
    {
        await using var tls = await GitHttpServer.StartAsync(Path.Combine(_harness.Root, "tls"), tls: true);
        tls.Create("/org/app.git", ("a", "one"));
        tls.RequireCredential("bot:top-secret");
        _harness.Settings["Shipinator:GitCredentials:127.0.0.1:Username"] = "bot";
        _harness.Settings["Shipinator:GitCredentials:127.0.0.1:Password"] = "top-secret";
        await ForgeHarness.FailsAsync(() => _harness.Forge().Resolve(ForgeHarness.At(_own.Url("/org/app.git")), "main", default));
        await ForgeHarness.FailsAsync(() =>
            _harness.Forge().Resolve(ForgeHarness.At(tls.Url("/org/app.git", scheme: "https")), "main", default)
        );
        Assert.Empty(_own.Credentials);
        Assert.Empty(tls.Credentials);

        _harness.Credential(tls.Url("", scheme: "https"));
        await _harness.Forge().Resolve(ForgeHarness.At(tls.Url("/org/app.git", scheme: "https")), "main", default);
        Assert.Contains("bot:top-secret", tls.Credentials);
    }

    [Theory]
    [InlineData(301, false)]
    [InlineData(302, false)]
    [InlineData(302, true)]
    [InlineData(307, true)]
    [InlineData(308, true)]
    public async Task Redirect_ToAnotherOrigin_IsNotFollowed(int status, bool afterSignIn)
    {
        _harness.Credential(_own.Url(""));
        _own.Before = async context =>
        {
            if (afterSignIn && await GitHttpServer.AskedFor(context, "bot:top-secret"))
            {
                return true;
            }

            context.Response.StatusCode = status;
            context.Response.Headers.Location = _other.Url(context.Request.Path + context.Request.QueryString);
            return true;
        };
        var error = await ForgeHarness.FailsAsync(() =>
            _harness.Forge().Resolve(ForgeHarness.At(_own.Url("/org/app.git")), "main", default)
        );
        Assert.Contains("redirect", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(
            _other.Port.ToString(System.Globalization.CultureInfo.InvariantCulture),
            error.Message,
            StringComparison.Ordinal
        );
        Assert.Empty(_other.Requests);
    }

    [Fact]
    public async Task Redirect_WithinTheOrigin_IsFollowedAndReported()
    {
        _harness.Credential(_own.Url(""));
        _own.Before = context =>
        {
            if (context.Request.Path.Value!.StartsWith("/org/app/", StringComparison.Ordinal))
            {
                context.Response.Redirect(
                    context.Request.Path.Value.Replace("/org/app/", "/org/app.git/", StringComparison.Ordinal) + context.Request.QueryString
                );
                return Task.FromResult(true);
            }

            return GitHttpServer.AskedFor(context, "bot:top-secret");
        };
        var found = await _harness.Forge().Resolve(ForgeHarness.At(_own.Url("/org/app")), "main", default);
        Assert.Equal(_own.Url("/org/app.git"), found.MovedTo);
    }

    [Fact]
    public async Task Redirect_Loop_Ends()
    {
        _own.Before = context =>
        {
            context.Response.Redirect("/x" + context.Request.Path + context.Request.QueryString);
            return Task.FromResult(true);
        };
        Assert.Equal(
            ForgeException.Unreachable,
            (await ForgeHarness.FailsAsync(() => _harness.Forge().Resolve(ForgeHarness.At(_own.Url("/org/app.git")), "main", default))).Code
        );
    }

    [Theory]
    [InlineData("https://git.example.org/org/app.git", true)]
    [InlineData("https://GIT.Example.ORG/org/app.git", true)]
    [InlineData("https://git.example.org./org/app.git", true)]
    [InlineData("https://git.example.org:443/org/app.git", true)]
    [InlineData("https://git.example.org/org", true)]
    [InlineData("https://git.example.org/o%72g/app.git", true)]
    [InlineData("http://git.example.org/org/app.git", false)]
    [InlineData("http://git.example.org:443/org/app.git", false)]
    [InlineData("https://git.example.org:8443/org/app.git", false)]
    [InlineData("https://git.example.org/orgevil/app.git", false)]
    [InlineData("https://git.example.org/ORG/app.git", false)]
    [InlineData("https://git.example.org/org/../evil/app.git", false)]
    [InlineData("https://git.example.org/org/%2e%2e/evil/app.git", false)]
    [InlineData("https://git.example.org/org%2f..%2fevil/app.git", false)]
    [InlineData("https://git.example.org//org/app.git", false)]
    [InlineData("https://git.example.org/\\org/app.git", false)]
    [InlineData("https://git.example.org@evil.example/org/app.git", false)]
    [InlineData("https://bot@git.example.org/org/app.git", false)]
    [InlineData("https://evil.example/org/app.git", false)]
    [InlineData("https://git.example.org.evil.example/org/app.git", false)]
    [InlineData("https://git.example.org\n.evil.example/org/app.git", false)]
    [InlineData("https://git.example.org/org/app.git?x=1", false)]
    [InlineData("https://git.example.org/org/app.git#x", false)]
    [InlineData("ssh://git.example.org/org/app.git", false)]
    [InlineData("/git.example.org/org/app.git", false)]
    public async Task Find_AnyUrl_MatchesOnlyBelowTheScope(string url, bool isGiven)
    {
        _harness.Credential("https://git.example.org/org");
        var found = await new ConfigurationGitCredentials(new ConfigurationBuilder().AddInMemoryCollection(_harness.Settings).Build()).Find(
            url,
            default
        );
        Assert.Equal(isGiven, found is not null);
    }

    [Fact]
    public async Task Find_InternationalHost_MatchesInEitherForm()
    {
        _harness.Credential("https://bücher.example");
        var credentials = new ConfigurationGitCredentials(new ConfigurationBuilder().AddInMemoryCollection(_harness.Settings).Build());
        Assert.NotNull(await credentials.Find("https://xn--bcher-kva.example/a.git", default));
        Assert.NotNull(await credentials.Find("https://BÜCHER.example/a.git", default));
        Assert.Null(await credentials.Find("https://bucher.example/a.git", default));
    }

    [Fact]
    public async Task Find_SeveralMatches_TheLongestPathWins()
    {
        _harness.Credential("https://git.example.org");
        _harness.Settings["Shipinator:GitCredentials:narrow:Url"] = "https://git.example.org/org/app";
        _harness.Settings["Shipinator:GitCredentials:narrow:Password"] = "narrow";
        var credentials = new ConfigurationGitCredentials(new ConfigurationBuilder().AddInMemoryCollection(_harness.Settings).Build());
        Assert.Equal("narrow", (await credentials.Find("https://git.example.org/org/app", default))!.Password);
        Assert.Equal("top-secret", (await credentials.Find("https://git.example.org/org/app.git", default))!.Password);
    }

    [Fact]
    public void Problems_UnencryptedOrInvalidUrl_AreNamed()
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(
                new Dictionary<string, string?>
                {
                    ["Shipinator:GitCredentials:plain:Url"] = "http://git.example.org",
                    ["Shipinator:GitCredentials:plain:Password"] = "pw",
                    ["Shipinator:GitCredentials:odd:Url"] = "https://a@git.example.org",
                    ["Shipinator:GitCredentials:odd:Password"] = "pw",
                    ["Shipinator:GitCredentials:git.example.org:Password"] = "pw",
                }
            )
            .Build();
        var problems = ConfigurationGitCredentials.Problems(configuration);
        Assert.Equal(2, problems.Count);
        Assert.Contains(problems, p => p.Contains("Shipinator:GitCredentials:plain:AllowUnencrypted", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("Shipinator:GitCredentials:odd:Url", StringComparison.Ordinal));
    }
}
