using System.Security.Cryptography.X509Certificates;

namespace Shipinator.Silo.Clustering;

/// <summary>This silo's certificate, and the trust in those of others.</summary>
public interface IPeerIdentity
{
    /// <summary>The silo's certificate with its private key; read at every handshake.</summary>
    X509Certificate2 Certificate { get; }

    /// <summary>
    /// Whether a certificate belongs to a silo of this cluster; <paramref name="presented"/> contains the chain that the peer sent.
    /// </summary>
    bool Trusts(X509Certificate2 certificate, X509Chain? presented);
}

/// <summary>Validates certificates against the cluster's authority, never against those of the machine.</summary>
internal static class PeerTrust
{
    public static bool Holds(
        X509Certificate2 certificate,
        X509Certificate2Collection authority,
        X509Chain? presented = null,
        string? peerName = null
    )
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        if (presented is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(presented.ChainPolicy.ExtraStore);
        }

        return chain.Build(certificate) && (peerName is null || certificate.MatchesHostname(peerName));
    }
}
