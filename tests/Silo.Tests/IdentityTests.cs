using System.Diagnostics;
using System.Security.Cryptography;
using Shipinator.Silo.Clustering;
using Shipinator.Silo.Configuration;
using Shipinator.Testing;

namespace Shipinator.Silo.Tests;

/// <summary>The identity of silos: by configured certificates, or by the key in the database.</summary>
public sealed class IdentityTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ship-tls-").FullName;
    private readonly TestAuthority _authority = new();

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Files_TrustOnlyCertificatesOfTheirAuthority()
    {
        var identity = FileIdentity.Open(Files(_authority.WriteTo(_folder)));
        using var ours = _authority.Issue("other-silo");
        using var late = _authority.Issue(days: -1);
        using var impostors = new TestAuthority();
        using var foreign = impostors.Issue();
        Assert.True(identity.Trusts(ours, null));
        Assert.True(identity.Trusts(identity.Certificate, null));
        Assert.False(identity.Trusts(late, null));
        Assert.False(identity.Trusts(foreign, null));
    }

    [Fact]
    public void PeerName_IsRequired()
    {
        var files = Files(_authority.WriteTo(_folder, "shipinator"));
        files.PeerName = "shipinator";
        var identity = FileIdentity.Open(files);
        using var same = _authority.Issue("shipinator");
        using var another = _authority.Issue("wiki");
        Assert.True(identity.Trusts(same, null));
        Assert.False(identity.Trusts(another, null));
    }

    [Fact]
    public void ChangedFiles_AreReloadedUnlessInvalid()
    {
        var files = Files(_authority.WriteTo(_folder));
        var identity = FileIdentity.Open(files);
        var first = identity.Certificate.Thumbprint;
        _authority.WriteTo(_folder);
        var second = identity.Certificate.Thumbprint;
        Assert.NotEqual(first, second);

        File.WriteAllText(files.Key!, "half a fi");
        Assert.Equal(second, identity.Certificate.Thumbprint);
        File.Delete(files.Certificate!);
        Assert.Equal(second, identity.Certificate.Thumbprint);
        _authority.WriteTo(_folder);
        Assert.NotEqual(second, identity.Certificate.Thumbprint);
    }

    [Fact]
    public void Files_InvalidForOtherSilos_AreRejectedWithTheSetting()
    {
        AssertRejected("Certificate", "validity", _authority.WriteTo(_folder, days: -1));
        AssertRejected("Certificate", "serverAuth, clientAuth", _authority.WriteTo(_folder, serverOnly: true));

        var files = _authority.WriteTo(_folder);
        using var another = new TestAuthority("Another");
        File.WriteAllText(files["Authority"], another.Pem);
        AssertRejected("Certificate", "issued by the authority", files);
        File.WriteAllText(files["Authority"], "nothing");
        AssertRejected("Certificate", "issued by the authority", files);

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        files = _authority.WriteTo(_folder);
        File.WriteAllText(files["Key"], key.ExportPkcs8PrivateKeyPem());
        AssertRejected("Certificate", "private key", files);
        File.Delete(files["Key"]);
        AssertRejected("Key", "can't be read", files);
    }

    /// <summary>The script that docs/operations.md recommends.</summary>
    [Fact]
    public async Task Script_CreatesCertificatesThatSilosTrust()
    {
        using var script = Process.Start(
            Path.Combine(Repository.Root, "scripts", "cluster-certificates.sh"),
            [_folder, "silo-1", "silo-2"]
        );
        await script.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, script.ExitCode);
        var (first, second) = (FileIdentity.Open(Made("silo-1")), FileIdentity.Open(Made("silo-2")));
        Assert.True(first.Trusts(second.Certificate, null));
        Assert.True(second.Trusts(first.Certificate, null));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_folder, "silo-1.key")));

        TlsSettings Made(string name) =>
            new()
            {
                Certificate = Path.Combine(_folder, name + ".pem"),
                Key = Path.Combine(_folder, name + ".key"),
                Authority = Path.Combine(_folder, "ca.pem"),
            };
    }

    [Fact]
    public void SilosWithTheSameDatabaseKey_TrustOnlyEachOther()
    {
        var secret = RandomNumberGenerator.GetBytes(32);
        var (first, second, stranger) = (new DatabaseIdentity(), new DatabaseIdentity(), new DatabaseIdentity());
        first.Load(secret);
        second.Load(secret);
        stranger.Load(RandomNumberGenerator.GetBytes(32));
        Assert.True(first.Trusts(second.Certificate, null));
        Assert.True(second.Trusts(first.Certificate, null));
        Assert.False(first.Trusts(stranger.Certificate, null));
        Assert.False(stranger.Trusts(first.Certificate, null));
        using var issued = _authority.Issue();
        Assert.False(first.Trusts(issued, null));
    }

    private static void AssertRejected(string setting, string what, IReadOnlyDictionary<string, string> files)
    {
        var error = Assert.Throws<StartupException>(() => FileIdentity.Open(Files(files)));
        Assert.StartsWith($"Shipinator:Orleans:Tls:{setting}: {files[setting]} ", error.Message, StringComparison.Ordinal);
        Assert.Contains(what, error.Message, StringComparison.Ordinal);
    }

    private static TlsSettings Files(IReadOnlyDictionary<string, string> files) =>
        new()
        {
            Certificate = files["Certificate"],
            Key = files["Key"],
            Authority = files["Authority"],
        };
}
