using System.Net;
using Microsoft.Extensions.Options;
using Orleans.Dashboard;
using Shipinator.Artifacts;
using Shipinator.Executors;
using Shipinator.Executors.Kubernetes;
using Shipinator.Executors.Process;
using Shipinator.Forges;
using Shipinator.Grains;
using Shipinator.Schema;
using Shipinator.Silo.Clustering;
using Shipinator.Silo.Configuration;
using Shipinator.Silo.Standalone;
using Shipinator.WebFrontend;
using Shipinator.WebFrontend.Security;

namespace Shipinator.Silo.Hosting;

/// <summary>The composition root, which connects all rooms depending on the mode of the server.</summary>
public static class SiloApp
{
    /// <summary>Builds the application without starting it. <paramref name="replace"/> can replace services.</summary>
    public static WebApplication Build(
        string[] args,
        IConfiguration configuration,
        ShipinatorOptions options,
        ShipinatorDatabase database,
        DataFolder folder,
        int port,
        Action<IServiceCollection>? replace = null
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(folder);
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions
            {
                Args = args,
                ContentRootPath = AppContext.BaseDirectory,
                ApplicationName = "Shipinator.Silo",
            }
        );
        UseStaticWebAssetsOfTheBuild(builder);
        builder.Configuration.AddConfiguration(configuration);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Parse(options.Listen), port));
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(30));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<IServerAddress>(ServerAddress.From(options, port));
        builder.Services.AddShipinatorSchema(database);
        builder.Services.AddSingleton(new SecretKeySource(options, folder));
        builder.Services.AddShipinatorGrains(engine =>
        {
            engine.AdmissionLimits["process"] = options.Process.MaxConcurrent;
            engine.AdmissionLimits["kubernetes"] = options.Kubernetes.MaxConcurrent;
            Settings.Bind(configuration, Settings.Engine, engine);
            if (options.Kubernetes.Namespace.Length > 0)
            {
                // The executor's own deadlines come first, because it knows why a step does not start.
                var deadlines = options.Kubernetes.PendingTimeout + options.Kubernetes.ImagePullTimeout + TimeSpan.FromMinutes(5);
                engine.ClaimTimeout = deadlines > engine.ClaimTimeout ? deadlines : engine.ClaimTimeout;
            }
        });
        builder.Services.AddFileSystemStores(stores =>
        {
            stores.Root = folder.Path;
            Settings.Bind(configuration, Settings.Artifacts, stores);
        });
        builder.Services.AddGitForge(forge => GitDefaults.Apply(forge, options, folder));
        builder.Services.AddExecutorRegistry();
        if (UsesProcesses(options))
        {
            builder.Services.AddProcessExecutor(process =>
            {
                process.CacheFolder = Path.Combine(folder.Path, "cache");
                Settings.Bind(configuration, Settings.Process, process);
                process.RunnerPath = options.Process.RunnerPath ?? process.RunnerPath;
                process.RunAsServerUser = options.Process.RunAsServerUser;
                process.ListensAt = string.Join(", ", Reach.BeyondLoopback(options));
                process.ListensBeyondLoopback = process.ListensAt.Length > 0;
                process.HasSeveralServers = options.Clustering == ClusteringKind.AdoNet;
                process.Root =
                    options.Process.WorkFolder
                    ?? (process.IsIsolated ? process.OwnWorkFolder(folder.Path) : Path.Combine(folder.Path, "work"));
            });
        }

        if (options.Kubernetes.Namespace.Length > 0)
        {
            builder.Services.AddKubernetesExecutor(kubernetes =>
                Settings.Bind(configuration, nameof(ShipinatorOptions.Kubernetes), kubernetes)
            );
        }

        builder.Services.AddShipinatorWeb(web =>
        {
            Settings.Bind(configuration, Settings.Web, web);
            web.DefaultExecutor = options.Executor;
            web.MaxLogBytes = options.Storage.MaxLogBytes;
            web.MaxArtifactBytes = options.Storage.MaxArtifactBytes;
            web.MaxRunArtifactBytes = options.Storage.MaxRunArtifactBytes;
            web.StaticRunnerPath = options.StaticRunnerPath ?? web.StaticRunnerPath;
            web.TrustedProxies = [.. options.TrustedProxies];
            web.FailedSignInsPerMinute = options.Limits.FailedSignInsPerMinute;
            web.WrongTokensPerMinute = options.Limits.WrongTokensPerMinute;
            web.RunsPerMinutePerToken = options.Limits.RunsPerMinutePerToken;
            web.RunsPerMinutePerRepository = options.Limits.RunsPerMinutePerRepository;
            web.SignInLinkLifetime = options.Limits.SignInLinkLifetime;
        });
        builder.Host.UseOrleans(silo => OrleansSetup.Configure(silo, options, database, folder));
        replace?.Invoke(builder.Services);

        var app = builder.Build();
        app.MapShipinator();
        app.MapOrleansDashboard(routePrefix: "/admin/orleans").RequireAuthorization(Policies.Admin).ExcludeFromDescription();
        return app;
    }

    /// <summary>Serves the dashboard's files from the build output if the server was not published.</summary>
    private static void UseStaticWebAssetsOfTheBuild(WebApplicationBuilder builder)
    {
        try
        {
            builder.WebHost.UseStaticWebAssets();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException(
                $"Can't read the files of the dashboard: {e.Message} A build output runs only in its checkout, and only for users who can "
                    + "read the checkout and the NuGet package folder. To run elsewhere, publish it: "
                    + "dotnet publish Silo -c Release -o FOLDER.",
                e
            );
        }
    }

    /// <summary>Whether to enable the process executor, whose jobs are visible to one machine only.</summary>
    private static bool UsesProcesses(ShipinatorOptions options) =>
        options.Clustering == ClusteringKind.Localhost || options.Executor == "process" || options.Process.OneMachine;

    /// <summary>
    /// Migrates the database and loads what the first request needs. Errors: <see cref="StartupException"/>, and
    /// <see cref="OptionsValidationException"/> before the database is accessed.
    /// </summary>
    public static async Task PrepareAsync(WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        Validate(app.Services);
        try
        {
            var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Shipinator.Schema");
            var database = app.Services.GetRequiredService<ShipinatorDatabase>();
            await database.PingAsync();
            await database.MigrateAsync(logger);
            await app.Services.GetRequiredService<SecretKeySource>().LoadAsync(app.Services);
            await ShipinatorWeb.PrepareAsync(app.Services);
            if (app.Services.GetService<DatabaseIdentity>() is { } identity)
            {
                await identity.LoadAsync(app.Services.GetRequiredService<Schema.Stores.ServerKeyStore>());
            }
        }
        catch (ShipinatorException e)
        {
            throw new StartupException(
                $"The database is not usable: {e.Message} Check {SettingKey.In(nameof(ShipinatorOptions.ConnectionString))}.",
                e
            );
        }
    }

    /// <summary>Validates all options before the host starts, so that errors are reported without stack traces.</summary>
    private static void Validate(IServiceProvider services)
    {
        try
        {
            services.GetService<IStartupValidator>()?.Validate();
        }
        catch (AggregateException e)
        {
            throw new OptionsValidationException(
                ShipinatorOptions.Section,
                typeof(ShipinatorOptions),
                e.InnerExceptions.SelectMany(i => i is OptionsValidationException o ? o.Failures : [i.Message])
            );
        }
    }
}
