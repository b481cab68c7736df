using System.Net;
using Orleans.Configuration;
using Orleans.Connections.Security;
using Orleans.Dashboard;
using Shipinator.Schema;
using Shipinator.Silo.Configuration;
using Shipinator.Silo.Standalone;

namespace Shipinator.Silo.Clustering;

/// <summary>Orleans as this server runs it: alone without any port of its own, in a cluster with silos that prove who they are.</summary>
public static class OrleansSetup
{
    /// <summary>Only a name where nothing listens.</summary>
    private const int PortOfNobody = 11111;

    /// <summary>Errors: <see cref="StartupException"/> when the operator's certificates can't be used.</summary>
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
            silo.UseLocalhostClustering(PortOfNobody, gatewayPort: 0);
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
        // Shown to admins only; its live stream of the log has no place on a page.
        silo.AddDashboard(dashboard => dashboard.HideTrace = true);
        // A call that nobody waits for any more is not worth finishing.
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
            // With any address to listen on it would be one with port 0, which is a port that the system chooses.
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

        // Beyond this machine the validator has seen to it that the operator said so.
        if (Reach.OfSilos(options) || options.Orleans.AllowUnauthenticatedPeers)
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
        // Of both sides. ClientCertificateMode would ask for a fixed certificate instead of one that can be renewed.
        tls.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        tls.RemoteCertificateValidation = (certificate, chain, _) => identity.Trusts(certificate, chain);
        // The authority says who is a silo, not the name: silos know each other by addresses that change.
        tls.OnAuthenticateAsClient = (_, client) => client.TargetHost = "silo";
    }

    /// <summary>Gives the identity, which is needed before there is a log, the log.</summary>
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
