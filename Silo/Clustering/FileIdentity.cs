using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Shipinator.Silo.Configuration;

namespace Shipinator.Silo.Clustering;

/// <summary>
/// Certificates from the operator's files. They are read at every handshake, which is rare, so that renewed ones need no
/// restart; files that can't be used (half written, perhaps) leave those before in use.
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

    /// <summary>Reads the files. Errors: <see cref="StartupException"/> names the setting and what is wrong with its file.</summary>
    public static FileIdentity Open(TlsSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return new(settings, Loaded.Read(settings));
    }

    /// <summary>Where later failures are told.</summary>
    public void LogTo(ILogger logger) => _logger = logger;

    /// <inheritdoc/>
    public bool Trusts(X509Certificate2 certificate, X509Chain? presented)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        var trusted = PeerTrust.Holds(certificate, Current().Authority, presented, _settings.PeerName);
        if (!trusted && _logger is { } logger)
        {
            Refused(logger, certificate.Subject, certificate.Issuer);
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
                        Renewed(logger, _loaded.Certificate.Subject, _loaded.Certificate.NotAfter);
                    }
                }
            }
            catch (StartupException e)
            {
                if (_logger is { } logger)
                {
                    Unusable(logger, e.Message);
                }
            }

            return _loaded;
        }
    }

    [LoggerMessage(1501, LogLevel.Information, "The certificate for other silos was read anew: {Subject}, good until {NotAfter}")]
    private static partial void Renewed(ILogger logger, string subject, DateTime notAfter);

    [LoggerMessage(1502, LogLevel.Error, "The changed certificate for other silos can't be used, the one before stays in use: {Message}")]
    private static partial void Unusable(ILogger logger, string message);

    [LoggerMessage(1503, LogLevel.Warning, "A peer was refused: its certificate {Subject} of {Issuer} is none of this cluster")]
    private static partial void Refused(ILogger logger, string subject, string issuer);

    /// <summary>What the files held.</summary>
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
                throw Wrong(
                    nameof(settings.Certificate),
                    settings.Certificate!,
                    $"and {settings.Key} are no PEM certificate and its private key: {e.Message}",
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
                throw Wrong(nameof(settings.Authority), settings.Authority!, $"holds no PEM certificates: {e.Message}", e);
            }

            // Others would refuse it: better to say so at the start than when nobody answers.
            if (!PeerTrust.Holds(certificate, authority, peerName: settings.PeerName))
            {
                throw Wrong(
                    nameof(settings.Certificate),
                    settings.Certificate!,
                    $"is not one that other silos would accept: it must be in its time of validity, issued by the authority in {settings.Authority}{(settings.PeerName is { } name ? $", and bear the name {name}" : "")}."
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
                : throw Wrong(
                    nameof(settings.Certificate),
                    settings.Certificate!,
                    "must be good for both server and client authentication (extendedKeyUsage serverAuth, clientAuth)."
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
                throw Wrong(key, file, $"can't be read: {e.Message}", e);
            }
        }

        private static StartupException Wrong(string key, string file, string what, Exception? inner = null) =>
            new($"{ShipinatorOptions.Section}:Orleans:Tls:{key}: {file} {what}", inner);
    }
}
