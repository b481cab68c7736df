using System.Net;
using Orleans.Configuration;
using Orleans.Dashboard;
using Shipinator.Artifacts;
using Shipinator.Executors;
using Shipinator.Executors.Kubernetes;
using Shipinator.Executors.Process;
using Shipinator.Forges;
using Shipinator.Grains;
using Shipinator.Schema;
using Shipinator.Silo.Configuration;
using Shipinator.Silo.Standalone;
using Shipinator.WebFrontend;
using Shipinator.WebFrontend.Security;

namespace Shipinator.Silo.Hosting;

/// <summary>The composition root: the one place that knows every room, and in which mode the server runs.</summary>
public static class SiloApp
{
    /// <summary>Puts the rooms together; starts nothing. <paramref name="replace"/> may put something else in a room's place.</summary>
    public static WebApplication Build(
        string[] args, IConfiguration configuration, ShipinatorOptions options, ShipinatorDatabase database, DataFolder folder, int port,
        Action<IServiceCollection>? replace = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(folder);
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory, ApplicationName = "Shipinator.Silo" });
        // Where the pages' files lie, when the server runs as it was built rather than as it was published.
        builder.WebHost.UseStaticWebAssets();
        builder.Configuration.AddConfiguration(configuration);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Parse(options.Listen), port));
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(30));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<IServerAddress>(ServerAddress.From(options, port));
        builder.Services.AddShipinatorSchema(database);
        builder.Services.AddShipinatorGrains(engine =>
        {
            engine.AdmissionLimits["process"] = options.Process.MaxConcurrent;
            engine.AdmissionLimits["kubernetes"] = options.Kubernetes.MaxConcurrent;
            if (options.Kubernetes.Namespace.Length > 0)
            {
                // The executor knows why a step does not begin and says so at its own deadlines: they come first.
                var deadlines = options.Kubernetes.PendingTimeout + options.Kubernetes.ImagePullTimeout + TimeSpan.FromMinutes(5);
                engine.ClaimTimeout = deadlines > engine.ClaimTimeout ? deadlines : engine.ClaimTimeout;
            }
        });
        builder.Services.AddFileSystemStores(stores => stores.Root = folder.Path);
        builder.Services.AddGitForge(forge => forge.CacheRoot = Path.Combine(folder.Path, "git"));
        builder.Services.AddExecutorRegistry();
        if (UsesProcesses(options))
        {
            builder.Services.AddProcessExecutor(process =>
            {
                process.CacheFolder = Path.Combine(folder.Path, "cache");
                process.RunnerPath = options.Process.RunnerPath ?? process.RunnerPath;
                process.ListensBeyondLoopback = !IPAddress.IsLoopback(IPAddress.Parse(options.Listen));
                process.AllowBeyondLoopback = options.Process.AllowBeyondLoopback;
                process.HasSeveralServers = options.Clustering == ClusteringKind.AdoNet;
                process.OneMachine = options.Process.OneMachine;
                process.RunAsServerUser = options.Process.RunAsServerUser;
                process.FirstUserId = options.Process.FirstUserId;
                process.UserIds = options.Process.UserIds;
                process.Root = options.Process.WorkFolder ?? (process.IsIsolated ? process.OwnWorkFolder(folder.Path) : Path.Combine(folder.Path, "work"));
            });
        }

        if (options.Kubernetes.Namespace.Length > 0)
        {
            builder.Services.AddKubernetesExecutor(configuration.GetSection($"{ShipinatorOptions.Section}:{nameof(ShipinatorOptions.Kubernetes)}").Bind);
        }

        builder.Services.AddShipinatorWeb(web =>
        {
            web.DefaultExecutor = options.Executor;
            web.StaticRunnerPath = options.StaticRunnerPath ?? web.StaticRunnerPath;
        });
        builder.Host.UseOrleans(silo => ConfigureOrleans(silo, options, database));
        replace?.Invoke(builder.Services);

        var app = builder.Build();
        app.MapShipinator();
        app.MapOrleansDashboard(routePrefix: "/admin/orleans").RequireAuthorization(Policies.Admin).ExcludeFromDescription();
        return app;
    }

    /// <summary>In a cluster whose steps run elsewhere there is no process executor: each job of it would be known to one silo alone.</summary>
    private static bool UsesProcesses(ShipinatorOptions options) =>
        options.Clustering == ClusteringKind.Localhost || options.Executor == "process" || options.Process.OneMachine;

    /// <summary>Brings the database up to date and loads what the first request needs. Errors: <see cref="StartupException"/>.</summary>
    public static async Task PrepareAsync(WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        try
        {
            var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Shipinator.Schema");
            var database = app.Services.GetRequiredService<ShipinatorDatabase>();
            await database.PingAsync();
            await database.MigrateAsync(logger);
            await ShipinatorWeb.PrepareAsync(app.Services);
        }
        catch (ShipinatorException e)
        {
            throw new StartupException($"The database can't be used: {e.Message} Check Shipinator:ConnectionString.", e);
        }
    }

    private static void ConfigureOrleans(ISiloBuilder silo, ShipinatorOptions options, ShipinatorDatabase database)
    {
        var cluster = options.Clustering == ClusteringKind.AdoNet;
        var siloPort = options.Orleans.SiloPort == 0 ? DataFolder.FreePort() : options.Orleans.SiloPort;
        var gatewayPort = options.Orleans.GatewayPort == 0 ? DataFolder.FreePort() : options.Orleans.GatewayPort;
        if (cluster)
        {
            silo.ConfigureEndpoints(IPAddress.Parse(options.Orleans.AdvertisedAddress), siloPort, gatewayPort, listenOnAnyHostAddress: !IPAddress.IsLoopback(IPAddress.Parse(options.Orleans.AdvertisedAddress)));
        }
        else
        {
            silo.UseLocalhostClustering(siloPort, gatewayPort);
        }

        silo.Configure<ClusterOptions>(o =>
        {
            o.ClusterId = options.Orleans.ClusterId;
            o.ServiceId = options.Orleans.ServiceId;
        });
        silo.UseShipinatorAdoNet(database, clustering: cluster);
        silo.AddRelationalGrainStorage();
        // A crash is noticed within seconds. With Orleans' defaults a hung process would be missed for a minute.
        silo.Configure<ClusterMembershipOptions>(o =>
        {
            o.ProbeTimeout = options.Orleans.ProbeTimeout;
            o.MaxProbeTimeout = options.Orleans.ProbeTimeout * 2;
        });
        // Shown to admins only; its live stream of the log has no place on a page.
        silo.AddDashboard(dashboard => dashboard.HideTrace = true);
        // A call that nobody waits for any more is not worth finishing.
        silo.Configure<SiloMessagingOptions>(o => o.CancelRequestOnTimeout = true);
    }
}
