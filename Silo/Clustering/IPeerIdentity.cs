using System.Security.Cryptography.X509Certificates;

namespace Shipinator.Silo.Clustering;

/// <summary>Who this silo is to other silos, and whom it takes for one.</summary>
public interface IPeerIdentity
{
    /// <summary>This silo's certificate with its key; asked for at every handshake.</summary>
    X509Certificate2 Certificate { get; }

    /// <summary>Whether a peer's certificate makes it a silo of this cluster; <paramref name="presented"/> holds what it sent along.</summary>
    bool Trusts(X509Certificate2 certificate, X509Chain? presented);
}

/// <summary>Checks certificates against an authority of our own, never those of the machine.</summary>
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
