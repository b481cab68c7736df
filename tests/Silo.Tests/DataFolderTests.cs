using System.Net;
using System.Net.Sockets;
using Shipinator.Silo.Standalone;

namespace Shipinator.Silo.Tests;

/// <summary>The data folder is private, and keeps the port of a silo.</summary>
public sealed class DataFolderTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OpenToAll =
        OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
    private readonly string _above = Directory.CreateTempSubdirectory("ship-data-").FullName;

    private string Data => Path.Combine(_above, "deep", "data");

    public void Dispose() => Directory.Delete(_above, recursive: true);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void NewFolder_IsPrivate_WithAllSubfolders(bool exclusive)
    {
        using var folder = DataFolder.Open(Data, exclusive);
        AssertPrivate();
    }

    [Fact]
    public void ExistingFolder_WithOpenPermissions_IsMadePrivate()
    {
        foreach (var part in new[] { "", "artifacts", "logs", "git" })
        {
            Directory.CreateDirectory(Path.Combine(Data, part));
            File.SetUnixFileMode(Path.Combine(Data, part), OpenToAll);
        }

        using var folder = DataFolder.Open(Data, exclusive: true);
        AssertPrivate();
    }

    [Theory]
    [InlineData("/tmp")]
    [InlineData("/")]
    [InlineData("/var")]
    public void SharedFolder_IsRejectedUnchanged(string path)
    {
        var before = File.GetUnixFileMode(path);
        var error = Assert.Throws<StartupException>(() => DataFolder.Open(path, exclusive: true));
        Assert.Contains("--data", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.GetUnixFileMode(path));
    }

    [Fact]
    public void ServerFile_IsPrivate()
    {
        using var folder = DataFolder.Open(Data, exclusive: true);
        folder.WriteServerFile(new("http://127.0.0.1:1", "shp_x", 1));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder.ServerFile));
    }

    [Fact]
    public void SiloPort_IsKept_AndDiffersForParallelSilos()
    {
        int first,
            second;
        using (var one = DataFolder.Open(Data, exclusive: false))
        using (var two = DataFolder.Open(Data, exclusive: false))
        {
            first = one.ClaimSiloPort(IPAddress.Loopback);
            second = two.ClaimSiloPort(IPAddress.Loopback);
            Assert.NotEqual(first, second);
            Assert.Equal(first, one.ClaimSiloPort(IPAddress.Loopback));
        }

        using var again = DataFolder.Open(Data, exclusive: false);
        using var andAgain = DataFolder.Open(Data, exclusive: false);
        Assert.Equal(first, again.ClaimSiloPort(IPAddress.Loopback));
        Assert.Equal(second, andAgain.ClaimSiloPort(IPAddress.Loopback));
    }

    [Fact]
    public void SiloPort_UsedByAnotherProgram_IsReplaced()
    {
        int port;
        using (var folder = DataFolder.Open(Data, exclusive: false))
        {
            port = folder.ClaimSiloPort(IPAddress.Loopback);
        }

        using var other = new TcpListener(IPAddress.Loopback, port);
        other.Start();
        int next;
        using (var folder = DataFolder.Open(Data, exclusive: false))
        {
            next = folder.ClaimSiloPort(IPAddress.Loopback);
            Assert.NotEqual(port, next);
        }

        using var again = DataFolder.Open(Data, exclusive: false);
        Assert.Equal(next, again.ClaimSiloPort(IPAddress.Loopback));
    }

    private void AssertPrivate()
    {
        foreach (var part in new[] { "", "artifacts", "logs", "git", "silos" })
        {
            Assert.Equal(OwnerOnly, File.GetUnixFileMode(Path.Combine(Data, part)));
        }
    }
}
