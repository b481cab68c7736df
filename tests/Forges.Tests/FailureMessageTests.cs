using LibGit2Sharp;
using Shipinator.Forges.Git;

namespace Shipinator.Forges.Tests;

/// <summary>What a user reads when git or LibGit2 fails: the repository, the cause and the fix, and nothing that the host sent.</summary>
public sealed class FailureMessageTests
{
    private const string Url = "https://git.example.org/org/app.git";

    [Theory]
    [InlineData("fatal: unable to access 'x': Could not resolve host: git.example.org", "Check the clone URL and this server's DNS")]
    [InlineData("fatal: unable to access 'x': Failed to connect to git.example.org port 443", "reachable from this server")]
    [InlineData("fatal: unable to access 'x': server certificate verification failed", "SSL_CERT_FILE")]
    [InlineData("fatal: unable to access 'x': The requested URL returned error: 404", "Check the clone URL and Shipinator:GitCredentials")]
    [InlineData("fatal: unable to access 'x': The requested URL returned error: 503", "HTTP status 503")]
    [InlineData("fatal: Authentication failed for 'x'", "add one to Shipinator:GitCredentials")]
    [InlineData("error: unable to write file: No space left on device", "Free some space")]
    [InlineData("error: could not lock config file: Permission denied", "Shipinator:Git:CacheRoot writable")]
    [InlineData("error: RPC failed; curl 18 transfer closed\nfatal: early EOF", "Retry")]
    [InlineData("fatal: mismatched algorithms: client sha1; server sha256", "SHA-256")]
    [InlineData("fatal: bad object 0123456789", "git fsck")]
    [InlineData("fatal: something that nobody has seen before", "exited with code 128. See the server's log")]
    public void Fetch_ThatFails_NamesTheRepositoryAndTheFix(string output, string fix)
    {
        var error = Of(new(GitEnd.Exited, 128, "", $"remote: ignore-me\n{output}\n"));
        Assert.StartsWith($"{Url} can't be fetched: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(fix, error.Message, StringComparison.Ordinal);
        Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("ignore-me", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("fatal:", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fetch_ThatWasKilled_NamesTheSettingOfTheLimit()
    {
        Assert.Contains("Shipinator:Git:IdleTimeout", Of(new(GitEnd.Silent, -1, "", "")).Message, StringComparison.Ordinal);
        Assert.Contains("Shipinator:Git:FetchTimeout", Of(new(GitEnd.TooLong, -1, "", "")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mirror_ThatCannotBeRead_IsToBeDeleted()
    {
        var error = Read(Url, "/data/git/1.git", new LibGit2SharpException("corrupt loose reference file."));
        Assert.Equal(
            $"{Url} can't be read: this server's copy is damaged (corrupt loose reference file). "
                + "Delete /data/git/1.git on the server; the next request fetches it again.",
            error.Message
        );
    }

    [Fact]
    public void LocalRepository_ThatCannotBeRead_SaysWhatToCheck()
    {
        const string Path = "/srv/app";
        Assert.Contains("Check the path", Read(Path, Path, new RepositoryNotFoundException("x")).Message, StringComparison.Ordinal);
        Assert.Contains(
            "--unshallow",
            Read(Path, Path, new LibGit2Sharp.NotFoundException("object not found")).Message,
            StringComparison.Ordinal
        );
        Assert.Contains("Retry when it has ended", Read(Path, Path, new LockedFileException("x")).Message, StringComparison.Ordinal);
        Assert.Contains(
            "Grant it read access",
            Read(Path, Path, new LibGit2SharpException("could not open '/srv/app/x': Permission denied")).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "SHA-256",
            Read(Path, Path, new LibGit2SharpException("unsupported extension name extensions.objectformat")).Message,
            StringComparison.Ordinal
        );
    }

    private static ForgeException Of(GitResult result) =>
        GitFailure.Of(
            CloneAddress.TryParse(Url, out _)!,
            result,
            hadCredential: false,
            idle: TimeSpan.FromSeconds(30),
            total: TimeSpan.FromMinutes(15)
        );

    private static ForgeException Read(string url, string path, LibGit2SharpException error) =>
        ReadFailure.Of(new(RepositoryId.New(TimeProvider.System), url, "main"), path, error);
}
