using System.Globalization;
using System.Net;
using Microsoft.Extensions.Options;
using Shipinator.Triggers.Secrets;

namespace Shipinator.Silo.Configuration;

/// <summary>Validates the server's own settings. Reports all errors at once, each with the key, the rule and the value.</summary>
public sealed class ShipinatorOptionsValidator : IValidateOptions<ShipinatorOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, ShipinatorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = new Errors();
        CheckServer(options, errors);
        CheckCluster(options, errors);
        CheckTls(options, errors);
        CheckLimits(options, errors);
        return errors.All.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors.All);
    }

    private static void CheckServer(ShipinatorOptions options, Errors errors)
    {
        errors.Range(
            options.Port is >= 0 and <= 65535,
            SettingKey.Of(options.Port),
            "must be between 0 and 65535 (0 picks a free port)",
            options.Port
        );
        errors.Value(
            IPAddress.TryParse(options.Listen, out _),
            SettingKey.Of(options.Listen),
            "must be an IP address such as 127.0.0.1 or 0.0.0.0",
            options.Listen
        );
        errors.Value(
            IsHttp(options.PublicUrl),
            SettingKey.Of(options.PublicUrl),
            "must be an absolute http or https URL",
            options.PublicUrl
        );
        errors.Value(
            IsHttp(options.RunnerUrl),
            SettingKey.Of(options.RunnerUrl),
            "must be an absolute http or https URL that runners can reach",
            options.RunnerUrl
        );
        errors.Check(
            options.BootstrapToken is null
                || (options.BootstrapToken.StartsWith("shp_", StringComparison.Ordinal) && options.BootstrapToken.Length >= 36),
            $"{SettingKey.Of(options.BootstrapToken)} must be 'shp_' followed by at least 32 random characters."
        );
        for (var i = 0; i < options.SecretKeys.Count; i++)
        {
            // Without the value: it may be a key with one character too many.
            errors.Check(
                SecretKey.TryParse(options.SecretKeys[i]) is not null,
                $"{SettingKey.Of(options.SecretKeys)}:{i.ToString(CultureInfo.InvariantCulture)} must be the base64 of 32 random bytes "
                    + "('openssl rand -base64 32')."
            );
        }

        errors.Range(
            options.Process.MaxConcurrent >= 1,
            SettingKey.Of(options.Process.MaxConcurrent),
            "must be at least 1",
            options.Process.MaxConcurrent
        );
        errors.Value(
            options.Process.WorkFolder is null || Path.IsPathFullyQualified(options.Process.WorkFolder),
            SettingKey.Of(options.Process.WorkFolder),
            "must be an absolute path",
            options.Process.WorkFolder
        );
        foreach (var proxy in options.TrustedProxies.Where(p => WebFrontend.Security.TrustedProxies.TryParse(p) is null))
        {
            errors.Value(
                false,
                SettingKey.Of(options.TrustedProxies),
                "must contain only IP addresses and networks such as 10.0.0.0/8",
                proxy
            );
        }
    }

    private static void CheckCluster(ShipinatorOptions options, Errors errors)
    {
        errors.Check(
            options.Clustering == ClusteringKind.Localhost || options.ConnectionString is { Length: > 0 },
            $"{SettingKey.Of(options.ConnectionString)} is missing. "
                + $"{SettingKey.Of(options.Clustering)} {ClusteringKind.AdoNet} requires a PostgreSQL database that all silos share."
        );
        errors.Value(
            IPAddress.TryParse(options.Orleans.AdvertisedAddress, out _),
            SettingKey.Of(options.Orleans.AdvertisedAddress),
            "must be the IP address at which other silos reach this one",
            options.Orleans.AdvertisedAddress
        );
        errors.Range(
            options.Orleans.SiloPort is >= 0 and <= 65535,
            SettingKey.Of(options.Orleans.SiloPort),
            "must be between 0 and 65535 (0 picks a free port)",
            options.Orleans.SiloPort
        );
        errors.Range(
            options.Orleans.GatewayPort is >= 0 and <= 65535,
            SettingKey.Of(options.Orleans.GatewayPort),
            "must be between 0 and 65535 (0 opens no port)",
            options.Orleans.GatewayPort
        );
        errors.Range(
            options.Orleans.GatewayPort == 0 || options.Clustering == ClusteringKind.AdoNet,
            SettingKey.Of(options.Orleans.GatewayPort),
            $"must be 0 unless {SettingKey.Of(options.Clustering)} is {ClusteringKind.AdoNet}",
            options.Orleans.GatewayPort
        );
        errors.Value(
            options.Orleans.ProbeTimeout >= TimeSpan.FromMilliseconds(500),
            SettingKey.Of(options.Orleans.ProbeTimeout),
            "must be at least 00:00:00.5000000, so that healthy silos are not declared dead",
            options.Orleans.ProbeTimeout
        );
        errors.Value(
            options.Orleans.ClusterId.Length is > 0 and <= 150,
            SettingKey.Of(options.Orleans.ClusterId),
            "must have between 1 and 150 characters",
            options.Orleans.ClusterId
        );
        errors.Value(
            options.Orleans.ServiceId.Length is > 0 and <= 150,
            SettingKey.Of(options.Orleans.ServiceId),
            "must have between 1 and 150 characters",
            options.Orleans.ServiceId
        );
    }

    private static void CheckTls(ShipinatorOptions options, Errors errors)
    {
        var tls = options.Orleans.Tls;
        foreach (
            var (key, file) in new[]
            {
                (SettingKey.Of(options.Orleans.Tls.Certificate), tls.Certificate),
                (SettingKey.Of(options.Orleans.Tls.Key), tls.Key),
                (SettingKey.Of(options.Orleans.Tls.Authority), tls.Authority),
            }
        )
        {
            errors.Check(
                !tls.IsSet || file is { Length: > 0 },
                $"{key} is missing. Certificate, Key and Authority must be set together, each to the path of a PEM file."
            );
        }

        var setCertificates = $"set {SettingKey.Of(options.Orleans.Tls.Certificate)}, Key and Authority (see docs/operations.md)";
        var isSecured = tls.IsSet || options.Orleans.AllowUnauthenticatedPeers;
        errors.Check(
            options.Orleans.GatewayPort == 0 || isSecured,
            $"{SettingKey.Of(options.Orleans.GatewayPort)} is {options.Orleans.GatewayPort.ToString(CultureInfo.InvariantCulture)}, "
                + "but clients are not authenticated: anyone who can reach that port can run programs on this server. "
                + $"Set it to 0, or {setCertificates}."
        );
        errors.Check(
            isSecured || !Reach.HasReachableSiloPorts(options),
            $"{SettingKey.Of(options.Orleans.AdvertisedAddress)} is {options.Orleans.AdvertisedAddress}, which other machines can reach, "
                + "but silos are not authenticated: anyone who can reach their port can run programs on this server. "
                + $"Either {setCertificates}, or, if the network itself authenticates and encrypts, "
                + $"set {SettingKey.Of(options.Orleans.AllowUnauthenticatedPeers)} to true."
        );
    }

    private static void CheckLimits(ShipinatorOptions options, Errors errors)
    {
        foreach (
            var (key, value, minimum) in new[]
            {
                (SettingKey.Of(options.Storage.MaxLogBytes), options.Storage.MaxLogBytes, 1024),
                (SettingKey.Of(options.Storage.MaxArtifactBytes), options.Storage.MaxArtifactBytes, 1),
                (SettingKey.Of(options.Storage.MaxRunArtifactBytes), options.Storage.MaxRunArtifactBytes, 1),
            }
        )
        {
            errors.Range(value >= minimum, key, FormattableString.Invariant($"must be at least {minimum}"), value);
        }

        foreach (
            var (key, value) in new[]
            {
                (SettingKey.Of(options.Limits.FailedSignInsPerMinute), options.Limits.FailedSignInsPerMinute),
                (SettingKey.Of(options.Limits.WrongTokensPerMinute), options.Limits.WrongTokensPerMinute),
                (SettingKey.Of(options.Limits.RunsPerMinutePerToken), options.Limits.RunsPerMinutePerToken),
                (SettingKey.Of(options.Limits.RunsPerMinutePerRepository), options.Limits.RunsPerMinutePerRepository),
            }
        )
        {
            errors.Range(value >= 0, key, "must be at least 0 (0 means no limit)", value);
        }

        errors.Value(
            options.Limits.SignInLinkLifetime > TimeSpan.Zero,
            SettingKey.Of(options.Limits.SignInLinkLifetime),
            "must be greater than zero",
            options.Limits.SignInLinkLifetime
        );
    }

    private static bool IsHttp(Uri? url) => url is null || (url.IsAbsoluteUri && url.Scheme is "http" or "https");

    private sealed class Errors
    {
        public List<string> All { get; } = [];

        public void Check(bool isValid, string message)
        {
            if (!isValid)
            {
                All.Add(message);
            }
        }

        public void Range(bool isValid, string key, string rule, long value) =>
            Check(isValid, FormattableString.Invariant($"{key} {rule}, but was {value}."));

        public void Value(bool isValid, string key, string rule, object? value) => Check(isValid, $"{key} {rule}, but was '{value}'.");
    }
}
