using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Shipinator.Schema.Stores;

namespace Shipinator.Silo.Clustering;

/// <summary>
/// The identity of silos on one machine without configured certificates. The authority's key is stored in the database, so only
/// processes with access to the database are trusted, and no other users of the machine. The silo's own certificate is kept in memory.
/// </summary>
public sealed class DatabaseIdentity : IPeerIdentity
{
    private const string KeyName = "cluster-authority";

    /// <summary>A validity period that never matters: trust depends on the key, not on the date.</summary>
    private static readonly DateTimeOffset From = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset To = new(2120, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private X509Certificate2? _certificate;
    private X509Certificate2Collection _authority = [];

    /// <inheritdoc/>
    public X509Certificate2 Certificate =>
        _certificate ?? throw new InvalidOperationException("The key of the cluster has not been loaded yet.");

    /// <inheritdoc/>
    public bool Trusts(X509Certificate2 certificate, X509Chain? presented) => PeerTrust.Holds(certificate, _authority, presented);

    /// <summary>Loads or creates the key; call before the silo starts. Errors: <see cref="StorageUnavailableException"/>.</summary>
    public async Task LoadAsync(ServerKeyStore keys, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keys);
        Load(await keys.GetOrCreateAsync(KeyName, cancellationToken: cancellationToken));
    }

    internal void Load(byte[] secret)
    {
        using var authorityKey = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = secret });
        var root = new CertificateRequest("CN=Shipinator cluster", authorityKey, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(
            new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, 0, critical: true)
        );
        root.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        root.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(root.PublicKey, critical: false));
        using var authority = root.CreateSelfSigned(From, To);

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var silo = new CertificateRequest("CN=Shipinator silo", key, HashAlgorithmName.SHA256);
        silo.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        silo.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")], critical: false)
        );
        using var issued = silo.Create(authority, From, To, RandomNumberGenerator.GetBytes(16));
        _authority = [X509CertificateLoader.LoadCertificate(authority.Export(X509ContentType.Cert))];
        _certificate = issued.CopyWithPrivateKey(key);
    }
}
