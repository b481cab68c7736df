using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Npgsql;
using Orleans.Runtime.Hosting;
using Orleans.Storage;
using Shipinator.Schema.Live;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Storage;
using Shipinator.Schema.Stores;

namespace Shipinator.Schema;

/// <summary>Registers this project's services.</summary>
public static class SchemaServices
{
    private const string Invariant = "Npgsql";

    /// <summary>
    /// Registers the stores, the queries and the ports <see cref="IUnfinishedWork"/>, <see cref="IWaitingDeliveries"/>,
    /// <see cref="IArtifactIndex"/>, <see cref="IChangeFeed"/> and <see cref="ILogNotifier"/>.
    /// </summary>
    public static IServiceCollection AddShipinatorSchema(this IServiceCollection services, ShipinatorDatabase database)
    {
        ArgumentNullException.ThrowIfNull(database);
        services.TryAddSingleton(database);
        return services.AddShipinatorSchema(database.DataSource);
    }

    public static IServiceCollection AddShipinatorSchema(this IServiceCollection services, NpgsqlDataSource dataSource)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(dataSource);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<ProjectStore>();
        services.TryAddSingleton<RepositoryStore>();
        services.TryAddSingleton<PipelineStore>();
        services.TryAddSingleton<ScheduleStore>();
        services.TryAddSingleton<DueTimeStore>();
        services.TryAddSingleton<TokenStore>();
        services.TryAddSingleton<BrowserSessionStore>();
        services.TryAddSingleton<ServerKeyStore>();
        services.TryAddSingleton<SecretStore>();
        services.TryAddSingleton<ArtifactMetadataStore>();
        services.TryAddSingleton<CommitStatusStore>();
        services.TryAddSingleton<DataProtectionKeyStore>();
        services.TryAddSingleton<DeliveryStore>();
        services.TryAddSingleton<IWaitingDeliveries, WaitingDeliveries>();
        services.TryAddSingleton<RunQueries>();
        services.TryAddSingleton<EventRunQueries>();
        services.TryAddSingleton<TrendQueries>();
        services.TryAddSingleton<QueueQueries>();
        services.TryAddSingleton<BadgeQueries>();
        services.TryAddSingleton<GroupCommitWriter>();
        services.TryAddSingleton<IUnfinishedWork, UnfinishedWork>();
        services.TryAddSingleton<IArtifactIndex, ArtifactIndex>();
        services.TryAddSingleton<PostgresListener>();
        services.TryAddSingleton<IChangeFeed, PostgresChangeFeed>();
        services.TryAddSingleton<ILogNotifier, PostgresLogNotifier>();
        return services;
    }

    /// <summary>
    /// Registers the provider <see cref="StorageNames.Relational"/>: runs, jobs and executions as rows of the specification's tables.
    /// </summary>
    public static ISiloBuilder AddRelationalGrainStorage(this ISiloBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.TryAddSingleton<GroupCommitWriter>();
        builder.Services.AddGrainStorage(
            StorageNames.Relational,
            static (provider, _) => ActivatorUtilities.CreateInstance<RelationalGrainStorage>(provider)
        );
        return builder;
    }

    public static ISiloBuilder UseShipinatorAdoNet(this ISiloBuilder builder, ShipinatorDatabase database, bool clustering = false)
    {
        ArgumentNullException.ThrowIfNull(database);
        return builder.UseShipinatorAdoNet(database.DataSource, clustering);
    }

    /// <summary>
    /// Registers reminders and the provider <see cref="StorageNames.Coordinators"/> in the database; with <paramref name="clustering"/>
    /// also the membership.
    /// </summary>
    public static ISiloBuilder UseShipinatorAdoNet(this ISiloBuilder builder, NpgsqlDataSource dataSource, bool clustering = false)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(dataSource);
        if (clustering)
        {
            builder.UseAdoNetClustering(options =>
            {
                options.Invariant = Invariant;
                options.DataSource = dataSource;
            });
        }

        builder.UseAdoNetReminderService(options =>
        {
            options.Invariant = Invariant;
            options.DataSource = dataSource;
        });
        builder.AddAdoNetGrainStorage(
            CoordinatorStorage.Stock,
            options =>
            {
                options.Invariant = Invariant;
                options.DataSource = dataSource;
                options.GrainStorageSerializer = new CoordinatorSerializer();
            }
        );
        builder.Services.AddGrainStorage(
            StorageNames.Coordinators,
            static (provider, _) => new CoordinatorStorage(provider.GetRequiredKeyedService<IGrainStorage>(CoordinatorStorage.Stock))
        );
        return builder;
    }
}
