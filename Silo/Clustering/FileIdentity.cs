using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Shipinator.Silo.Configuration;

namespace Shipinator.Silo.Clustering;

/// <summary>
/// The identity of a silo with configured certificates. The files are read at every handshake, which is rare, so that renewed
/// certificates need no restart. If the files are invalid, for example half written, the previous certificates stay in use.
/// </summary>
public sealed partial class FileIdentity : IPeerIdentity
{
    private readonly TlsSettings _settings;
    private readonly Lock _gate = new();
    private ILogger? _logger;
    private Loaded _loaded;

    private FileIdentity(TlsSettings settings, Loaded loaded)
    {
        _settings = settings;
        _loaded = loaded;
    }

    /// <inheritdoc/>
    public X509Certificate2 Certificate => Current().Certificate;

    /// <summary>Reads the files. Errors: <see cref="StartupException"/> with the setting and the problem of its file.</summary>
    public static FileIdentity Open(TlsSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return new(settings, Loaded.Read(settings));
    }

    /// <summary>Sets the logger for changes and failures after the start.</summary>
    public void LogTo(ILogger logger) => _logger = logger;

    /// <inheritdoc/>
    public bool Trusts(X509Certificate2 certificate, X509Chain? presented)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        var trusted = PeerTrust.Holds(certificate, Current().Authority, presented, _settings.PeerName);
        if (!trusted && _logger is { } logger)
        {
            PeerRejected(logger, certificate.Subject, certificate.Issuer);
        }

        return trusted;
    }

    private Loaded Current()
    {
        lock (_gate)
        {
            try
            {
                if (!_loaded.IsCurrent(_settings))
                {
                    _loaded = Loaded.Read(_settings);
                    if (_logger is { } logger)
                    {
                        CertificateReloaded(logger, _loaded.Certificate.Subject, _loaded.Certificate.NotAfter);
                    }
                }
            }
            catch (StartupException e)
            {
                if (_logger is { } logger)
                {
                    CertificateInvalid(logger, e.Message);
                }
            }

            return _loaded;
        }
    }

    [LoggerMessage(6001, LogLevel.Information, "Reloaded the silo certificate {Subject}, valid until {NotAfter}")]
    private static partial void CertificateReloaded(ILogger logger, string subject, DateTime notAfter);

    [LoggerMessage(6002, LogLevel.Error, "The changed silo certificate is invalid; the previous one stays in use: {Message}")]
    private static partial void CertificateInvalid(ILogger logger, string message);

    [LoggerMessage(
        6003,
        LogLevel.Warning,
        "Rejected a peer: its certificate {Subject}, issued by {Issuer}, does not belong to this cluster"
    )]
    private static partial void PeerRejected(ILogger logger, string subject, string issuer);

    /// <summary>The content of the files.</summary>
    private sealed record Loaded(string[] Texts, X509Certificate2 Certificate, X509Certificate2Collection Authority)
    {
        public bool IsCurrent(TlsSettings settings) => Texts.SequenceEqual(ReadAll(settings), StringComparer.Ordinal);

        public static Loaded Read(TlsSettings settings)
        {
            var texts = ReadAll(settings);
            X509Certificate2 certificate;
            try
            {
                certificate = X509Certificate2.CreateFromPem(texts[0], texts[1]);
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException)
            {
                throw Invalid(
                    nameof(settings.Certificate),
                    settings.Certificate!,
                    $"and {settings.Key} are not a PEM certificate and its private key: {e.Message}",
                    e
                );
            }

            var authority = new X509Certificate2Collection();
            try
            {
                authority.ImportFromPem(texts[2]);
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException)
            {
                throw Invalid(nameof(settings.Authority), settings.Authority!, $"does not contain PEM certificates: {e.Message}", e);
            }

            // Other silos would reject it: fail at the start rather than later without a response.
            if (!PeerTrust.Holds(certificate, authority, peerName: settings.PeerName))
            {
                throw Invalid(
                    nameof(settings.Certificate),
                    settings.Certificate!,
                    "would be rejected by other silos: it must be within its validity period "
                        + $"and issued by the authority in {settings.Authority}"
                        + (settings.PeerName is { } name ? $", and contain the name {name}." : ".")
                );
            }

            var uses = certificate
                .Extensions.OfType<X509EnhancedKeyUsageExtension>()
                .FirstOrDefault()
                ?.EnhancedKeyUsages.Cast<Oid>()
                .Select(o => o.Value)
                .ToList();
            return uses is null || (uses.Contains("1.3.6.1.5.5.7.3.1") && uses.Contains("1.3.6.1.5.5.7.3.2"))
                ? new(texts, certificate, authority)
                : throw Invalid(
                    nameof(settings.Certificate),
                    settings.Certificate!,
                    "must be valid for both server and client authentication (extendedKeyUsage serverAuth, clientAuth)."
                );
        }

        private static string[] ReadAll(TlsSettings settings) =>
            [
                Text(nameof(settings.Certificate), settings.Certificate!),
                Text(nameof(settings.Key), settings.Key!),
                Text(nameof(settings.Authority), settings.Authority!),
            ];

        private static string Text(string key, string file)
        {
            try
            {
                return File.ReadAllText(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Invalid(key, file, $"can't be read: {e.Message}", e);
            }
        }

        private static StartupException Invalid(string key, string file, string problem, Exception? inner = null) =>
            new($"{SettingKey.In(nameof(ShipinatorOptions.Orleans), nameof(OrleansSettings.Tls), key)}: {file} {problem}", inner);
    }
}
