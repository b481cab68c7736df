using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Connections.Security;

namespace Shipinator.EndToEnd.Tests;

/// <summary>What anybody with the interfaces' assembly can write: a client, or a silo, that calls our grains.</summary>
public static class OrleansCaller
{
    /// <summary>A client; with a certificate if it has one.</summary>
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

    /// <summary>Connects to a port and calls a grain; the number of silos that it is told.</summary>
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

    /// <summary>A silo that joins through the membership table.</summary>
    public static IHost BuildSilo(string connectionString, int port, X509Certificate2? certificate = null) =>
        Host.CreateDefaultBuilder()
            .ConfigureLogging(l => l.ClearProviders())
            .UseOrleans(silo =>
            {
                silo.UseAdoNetClustering(o => (o.Invariant, o.ConnectionString) = ("Npgsql", connectionString));
                silo.ConfigureEndpoints(IPAddress.Loopback, port, gatewayPort: 0);
                silo.Configure<ClusterOptions>(o => o.ClusterId = o.ServiceId = "shipinator");
                silo.Configure<ClusterMembershipOptions>(o => o.MaxJoinAttemptTime = TimeSpan.FromSeconds(6));
                // Declared dead by those that it names itself a member of, it would end this process.
                silo.Services.AddSingleton<IFatalErrorHandler, Survivor>();
                if (certificate is not null)
                {
                    silo.UseTls(certificate, tls => Present(tls));
                }
            })
            .Build();

    /// <summary>It takes whom it finds: whether it is taken is what is asked.</summary>
    private static void Present(TlsOptions tls)
    {
        tls.AllowAnyRemoteCertificate();
        tls.OnAuthenticateAsClient = (_, client) => client.TargetHost = "silo";
    }

    private sealed class Survivor : IFatalErrorHandler
    {
        public bool IsUnexpected(Exception exception) => false;

        public void OnFatalException(object? sender, string? context, Exception? exception) { }
    }
}
