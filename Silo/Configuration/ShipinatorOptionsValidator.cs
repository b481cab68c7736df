using System.Net;
using Microsoft.Extensions.Options;

namespace Shipinator.Silo.Configuration;

/// <summary>Finds everything that is wrong with the settings at once; each message names the key and what it should be.</summary>
public sealed class ShipinatorOptionsValidator : IValidateOptions<ShipinatorOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, ShipinatorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = new List<string>();
        void Require(bool holds, string key, string message)
        {
            if (!holds)
            {
                errors.Add($"{ShipinatorOptions.Section}:{key} {message}");
            }
        }

        Require(options.Port is >= 0 and <= 65535, nameof(options.Port), $"is {options.Port}; it must be 0 (any free port) to 65535.");
        Require(
            IPAddress.TryParse(options.Listen, out _),
            nameof(options.Listen),
            $"is '{options.Listen}'; it must be an IP address such as 127.0.0.1 or 0.0.0.0."
        );
        Require(
            IPAddress.TryParse(options.Orleans.AdvertisedAddress, out _),
            "Orleans:AdvertisedAddress",
            $"is '{options.Orleans.AdvertisedAddress}'; it must be the IP address by which other silos reach this one."
        );
        Require(
            IsHttp(options.PublicUrl),
            nameof(options.PublicUrl),
            $"is '{options.PublicUrl}'; it must be an absolute http or https URL."
        );
        Require(
            IsHttp(options.RunnerUrl),
            nameof(options.RunnerUrl),
            $"is '{options.RunnerUrl}'; it must be an absolute http or https URL that runners can reach."
        );
        Require(
            options.Clustering == ClusteringKind.Localhost || options.ConnectionString is { Length: > 0 },
            nameof(options.ConnectionString),
            "is missing; Clustering AdoNet needs a PostgreSQL that all silos share."
        );
        Require(
            options.BootstrapToken is null
                || (options.BootstrapToken.StartsWith("shp_", StringComparison.Ordinal) && options.BootstrapToken.Length >= 36),
            nameof(options.BootstrapToken),
            "must be 'shp_' and at least 32 random characters."
        );
        Require(
            options.Orleans.SiloPort is >= 0 and <= 65535,
            "Orleans:SiloPort",
            $"is {options.Orleans.SiloPort}; it must be 0 (any free port) to 65535."
        );
        Require(
            options.Orleans.GatewayPort is >= 0 and <= 65535,
            "Orleans:GatewayPort",
            $"is {options.Orleans.GatewayPort}; it must be 0 (no port) to 65535."
        );
        Require(
            options.Orleans.GatewayPort == 0 || options.Clustering == ClusteringKind.AdoNet,
            "Orleans:GatewayPort",
            $"is {options.Orleans.GatewayPort}, but a server without a cluster has no port for Orleans clients: leave it 0."
        );
        var tls = options.Orleans.Tls;
        foreach (
            var (key, file) in new[]
            {
                (nameof(tls.Certificate), tls.Certificate),
                (nameof(tls.Key), tls.Key),
                (nameof(tls.Authority), tls.Authority),
            }
        )
        {
            Require(
                !tls.IsSet || file is { Length: > 0 },
                $"Orleans:Tls:{key}",
                "is missing; Certificate, Key and Authority are needed together, each the path of a PEM file."
            );
        }

        Require(
            options.Orleans.GatewayPort == 0 || tls.IsSet || options.Orleans.AllowUnauthenticatedPeers,
            "Orleans:GatewayPort",
            $"is {options.Orleans.GatewayPort}: whoever reaches that port may run anything on this server. Leave it 0, or set Shipinator:Orleans:Tls:Certificate, Key and Authority so that clients need a certificate."
        );
        Require(
            tls.IsSet || options.Orleans.AllowUnauthenticatedPeers || !Reach.OfSilos(options),
            "Orleans:AdvertisedAddress",
            $"is {options.Orleans.AdvertisedAddress}, beyond this machine, and silos have no certificates: whoever reaches their port may run anything on this server. "
                + "Set Shipinator:Orleans:Tls:Certificate, Key and Authority (docs/operations.md says how to make them), or, if the network itself authenticates and encrypts, "
                + "Shipinator:Orleans:AllowUnauthenticatedPeers to true."
        );
        Require(
            options.Orleans.ProbeTimeout >= TimeSpan.FromMilliseconds(500),
            "Orleans:ProbeTimeout",
            $"is {options.Orleans.ProbeTimeout}; below 00:00:00.5 healthy silos are declared dead."
        );
        Require(options.Process.MaxConcurrent >= 1, "Process:MaxConcurrent", $"is {options.Process.MaxConcurrent}; it must be at least 1.");
        Require(options.Storage.MaxLogBytes >= 1024, "Storage:MaxLogBytes", $"is {options.Storage.MaxLogBytes}; it must be at least 1024.");
        Require(
            options.Storage.MaxArtifactBytes >= 1,
            "Storage:MaxArtifactBytes",
            $"is {options.Storage.MaxArtifactBytes}; it must be at least 1."
        );
        Require(
            options.Storage.MaxRunArtifactBytes >= 1,
            "Storage:MaxRunArtifactBytes",
            $"is {options.Storage.MaxRunArtifactBytes}; it must be at least 1."
        );
        Require(
            options.Process.WorkFolder is null || Path.IsPathFullyQualified(options.Process.WorkFolder),
            "Process:WorkFolder",
            $"is '{options.Process.WorkFolder}'; it must be an absolute path."
        );
        Require(options.Orleans.ClusterId.Length is > 0 and <= 150, "Orleans:ClusterId", "must have 1 to 150 characters.");
        Require(options.Orleans.ServiceId.Length is > 0 and <= 150, "Orleans:ServiceId", "must have 1 to 150 characters.");

        foreach (var proxy in options.TrustedProxies.Where(p => WebFrontend.Security.TrustedProxies.TryParse(p) is null))
        {
            errors.Add(
                $"{ShipinatorOptions.Section}:{nameof(options.TrustedProxies)} holds '{proxy}'; each must be an IP address or a network such as 10.0.0.0/8."
            );
        }

        Require(
            options.Limits.FailedSignInsPerMinute >= 0,
            "Limits:FailedSignInsPerMinute",
            $"is {options.Limits.FailedSignInsPerMinute}; it must be 0 (any number) or more."
        );
        Require(
            options.Limits.WrongTokensPerMinute >= 0,
            "Limits:WrongTokensPerMinute",
            $"is {options.Limits.WrongTokensPerMinute}; it must be 0 (any number) or more."
        );
        Require(
            options.Limits.RunsPerMinutePerToken >= 0,
            "Limits:RunsPerMinutePerToken",
            $"is {options.Limits.RunsPerMinutePerToken}; it must be 0 (any number) or more."
        );
        Require(
            options.Limits.RunsPerMinutePerRepository >= 0,
            "Limits:RunsPerMinutePerRepository",
            $"is {options.Limits.RunsPerMinutePerRepository}; it must be 0 (any number) or more."
        );
        Require(
            options.Limits.SignInLinkLifetime > TimeSpan.Zero,
            "Limits:SignInLinkLifetime",
            $"is {options.Limits.SignInLinkLifetime}; it must be longer than 0, such as 00:15:00."
        );

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }

    private static bool IsHttp(Uri? url) => url is null || (url.IsAbsoluteUri && url.Scheme is "http" or "https");
}
