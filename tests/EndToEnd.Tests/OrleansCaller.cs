using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Connections.Security;

namespace Shipinator.EndToEnd.Tests;

/// <summary>Orleans clients and silos as anyone could write them with the assembly of grain interfaces.</summary>
public static class OrleansCaller
{
    /// <summary>Builds a client, optionally with a certificate.</summary>
    public static IHost Build(Action<IClientBuilder> cluster, X509Certificate2? certificate = null) =>
        Host.CreateDefaultBuilder()
            .ConfigureLogging(l => l.ClearProviders())
            .UseOrleansClient(client =>
            {
                cluster(client);
                client.Configure<ClusterOptions>(o => o.ClusterId = o.ServiceId = "shipinator");
                if (certificate is not null)
                {
                    client.UseTls(certificate, tls => Present(tls));
                }
            })
            .Build();

    /// <summary>Connects to a port and calls a grain; returns the number of silos.</summary>
    public static async Task<int> CallAsync(int port, X509Certificate2? certificate = null, double seconds = 30)
    {
        using var host = Build(client => client.UseStaticClustering(new IPEndPoint(IPAddress.Loopback, port)), certificate);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        await host.StartAsync(limit.Token);
        try
        {
            var hosts = await host
                .Services.GetRequiredService<IGrainFactory>()
                .GetGrain<IManagementGrain>(0)
                .GetHosts(onlyActive: true)
                .WaitAsync(limit.Token);
            return hosts.Count;
        }
        finally
        {
            await host.StopAsync(CancellationToken.None);
        }
    }

    /// <summary>Builds a silo that joins through the membership table.</summary>
    public static IHost BuildSilo(string connectionString, int port, X509Certificate2? certificate = null) =>
        Host.CreateDefaultBuilder()
            .ConfigureLogging(l => l.ClearProviders())
            .UseOrleans(silo =>
            {
                silo.UseAdoNetClustering(o => (o.Invariant, o.ConnectionString) = ("Npgsql", connectionString));
                silo.ConfigureEndpoints(IPAddress.Loopback, port, gatewayPort: 0);
                silo.Configure<ClusterOptions>(o => o.ClusterId = o.ServiceId = "shipinator");
                silo.Configure<ClusterMembershipOptions>(o => o.MaxJoinAttemptTime = TimeSpan.FromSeconds(6));
                // Otherwise it would end this process when the cluster declares it dead.
                silo.Services.AddSingleton<IFatalErrorHandler, IgnoreFatalErrors>();
                if (certificate is not null)
                {
                    silo.UseTls(certificate, tls => Present(tls));
                }
            })
            .Build();

    /// <summary>Accepts any remote certificate: only the other side is tested.</summary>
    private static void Present(TlsOptions tls)
    {
        tls.AllowAnyRemoteCertificate();
        tls.OnAuthenticateAsClient = (_, client) => client.TargetHost = "silo";
    }

    private sealed class IgnoreFatalErrors : IFatalErrorHandler
    {
        public bool IsUnexpected(Exception exception) => false;

        public void OnFatalException(object? sender, string? context, Exception? exception) { }
    }
}
