using System.Net;
using Orleans.Configuration;
using Orleans.Connections.Security;
using Orleans.Dashboard;
using Shipinator.Schema;
using Shipinator.Silo.Configuration;
using Shipinator.Silo.Standalone;

namespace Shipinator.Silo.Clustering;

/// <summary>Configures Orleans: without any port in standalone mode, with mutually authenticated silos in a cluster.</summary>
public static class OrleansSetup
{
    /// <summary>A placeholder: nothing listens on this port.</summary>
    private const int PlaceholderPort = 11111;

    /// <summary>Configures the silo. Errors: <see cref="StartupException"/> if the configured certificates are invalid.</summary>
    public static void Configure(ISiloBuilder silo, ShipinatorOptions options, ShipinatorDatabase database, DataFolder folder)
    {
        ArgumentNullException.ThrowIfNull(silo);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(folder);
        var cluster = options.Clustering == ClusteringKind.AdoNet;
        if (cluster)
        {
            Join(silo, options, folder);
        }
        else
        {
            silo.UseLocalhostClustering(PlaceholderPort, gatewayPort: 0);
            NoListener.Replace(silo.Services);
        }

        silo.Configure<ClusterOptions>(o =>
        {
            o.ClusterId = options.Orleans.ClusterId;
            o.ServiceId = options.Orleans.ServiceId;
        });
        silo.UseShipinatorAdoNet(database, clustering: cluster);
        silo.AddRelationalGrainStorage();
        silo.Configure<ClusterMembershipOptions>(o => Liveness.Apply(o, options.Orleans.ProbeTimeout));
        // For admins only; without the live log stream.
        silo.AddDashboard(dashboard => dashboard.HideTrace = true);
        // Nobody waits for the result of a call that timed out.
        silo.Configure<SiloMessagingOptions>(o => o.CancelRequestOnTimeout = true);
    }

    private static void Join(ISiloBuilder silo, ShipinatorOptions options, DataFolder folder)
    {
        var address = IPAddress.Parse(options.Orleans.AdvertisedAddress);
        var siloPort =
            options.Orleans.SiloPort == 0
                ? folder.ClaimSiloPort(IPAddress.IsLoopback(address) ? address : IPAddress.Any)
                : options.Orleans.SiloPort;
        silo.ConfigureEndpoints(address, siloPort, options.Orleans.GatewayPort, listenOnAnyHostAddress: !IPAddress.IsLoopback(address));
        if (options.Orleans.GatewayPort == 0)
        {
            // Otherwise port 0 would mean a port that the system chooses.
            silo.Configure<EndpointOptions>(o => o.GatewayListeningEndpoint = null);
        }

        silo.Services.AddSingleton<WebFrontend.IReadinessCheck, MembershipCheck>();
        silo.Services.AddHostedService<FreezeWatch>();
        if (Identity(silo.Services, options) is { } identity)
        {
            silo.UseTls(tls => Secure(tls, identity));
        }
    }

    private static IPeerIdentity? Identity(IServiceCollection services, ShipinatorOptions options)
    {
        if (options.Orleans.Tls.IsSet)
        {
            var identity = FileIdentity.Open(options.Orleans.Tls);
            services.AddSingleton<IPeerIdentity>(identity);
            services.AddHostedService(s => new IdentityLog(identity, s.GetRequiredService<ILogger<FileIdentity>>()));
            return identity;
        }

        // Beyond loopback the validator requires AllowUnauthenticatedPeers.
        if (Reach.HasReachableSiloPorts(options) || options.Orleans.AllowUnauthenticatedPeers)
        {
            return null;
        }

        var shared = new DatabaseIdentity();
        services.AddSingleton(shared);
        return shared;
    }

    private static void Secure(TlsOptions tls, IPeerIdentity identity)
    {
        tls.LocalServerCertificateSelector = (_, _) => identity.Certificate;
        tls.LocalClientCertificateSelector = (_, _, _, _, _) => identity.Certificate;
        // For both sides. ClientCertificateMode would require a fixed certificate instead of a renewable one.
        tls.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        tls.RemoteCertificateValidation = (certificate, chain, _) => identity.Trusts(certificate, chain);
        // Trust depends on the authority, not on the name: silos know each other by changing addresses.
        tls.OnAuthenticateAsClient = (_, client) => client.TargetHost = "silo";
    }

    /// <summary>Sets the logger of the identity, which is created before logging is available.</summary>
    private sealed class IdentityLog(FileIdentity identity, ILogger<FileIdentity> logger) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            identity.LogTo(logger);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
