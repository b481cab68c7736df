using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Shipinator.Testing;

/// <summary>A certificate authority for one test, and the files that an operator would mount.</summary>
public sealed class TestAuthority : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _certificate;
    private readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();

    public TestAuthority(string name = "Test authority")
    {
        var request = new CertificateRequest($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        _certificate = request.CreateSelfSigned(_now.AddDays(-2), _now.AddDays(10));
    }

    /// <summary>The authority's own certificate, as PEM.</summary>
    public string Pem => _certificate.ExportCertificatePem();

    /// <summary>A certificate with its key. It expires in <paramref name="days"/>; below 0 it has expired.</summary>
    public X509Certificate2 Issue(string name = "silo", double days = 5, bool serverOnly = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension(
                serverOnly ? [new("1.3.6.1.5.5.7.3.1")] : [new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")],
                critical: false
            )
        );
        using var issued = request.Create(_certificate, _now.AddDays(-1.5), _now.AddDays(days), RandomNumberGenerator.GetBytes(12));
        return issued.CopyWithPrivateKey(key);
    }

    /// <summary>Writes <c>silo.pem</c>, <c>silo.key</c> and <c>ca.pem</c>, and returns the settings that name them.</summary>
    public IReadOnlyDictionary<string, string> WriteTo(string folder, string name = "silo", double days = 5, bool serverOnly = false)
    {
        Directory.CreateDirectory(folder);
        using var certificate = Issue(name, days, serverOnly);
        var files = new Dictionary<string, string>
        {
            ["Certificate"] = Path.Combine(folder, "silo.pem"),
            ["Key"] = Path.Combine(folder, "silo.key"),
            ["Authority"] = Path.Combine(folder, "ca.pem"),
        };
        File.WriteAllText(files["Certificate"], certificate.ExportCertificatePem());
        File.WriteAllText(files["Key"], certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(files["Authority"], Pem);
        return files;
    }

    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }
}
