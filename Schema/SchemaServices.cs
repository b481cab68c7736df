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

/// <summary>How a silo, or a test, is given what this room offers.</summary>
public static class SchemaServices
{
    private const string Invariant = "Npgsql";

    /// <summary>The stores, the queries and the ports <see cref="IUnfinishedWork"/>, <see cref="IArtifactIndex"/>, <see cref="IChangeFeed"/>, <see cref="ILogNews"/>.</summary>
    public static IServiceCollection AddShipinatorSchema(this IServiceCollection services, ShipinatorDatabase database)
    {
        ArgumentNullException.ThrowIfNull(database);
        services.TryAddSingleton(database);
        return services.AddShipinatorSchema(database.DataSource);
    }

    /// <summary>As the other.</summary>
    public static IServiceCollection AddShipinatorSchema(this IServiceCollection services, NpgsqlDataSource dataSource)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(dataSource);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<ProjectStore>();
        services.TryAddSingleton<RepositoryStore>();
        services.TryAddSingleton<PipelineStore>();
        services.TryAddSingleton<TokenStore>();
        services.TryAddSingleton<BrowserSessionStore>();
        services.TryAddSingleton<ServerKeyStore>();
        services.TryAddSingleton<ArtifactMetadataStore>();
        services.TryAddSingleton<DataProtectionKeyStore>();
        services.TryAddSingleton<RunQueries>();
        services.TryAddSingleton<TrendQueries>();
        services.TryAddSingleton<QueueQueries>();
        services.TryAddSingleton<GroupCommitWriter>();
        services.TryAddSingleton<IUnfinishedWork, UnfinishedWork>();
        services.TryAddSingleton<IArtifactIndex, ArtifactIndex>();
        services.TryAddSingleton<PostgresNotices>();
        services.TryAddSingleton<IChangeFeed, PostgresChangeFeed>();
        services.TryAddSingleton<ILogNews, PostgresLogNews>();
        return services;
    }

    /// <summary>The provider <see cref="StorageNames.Relational"/>: runs, jobs and executions as rows of the specification's tables.</summary>
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

    /// <summary>As the other.</summary>
    public static ISiloBuilder UseShipinatorAdoNet(this ISiloBuilder builder, ShipinatorDatabase database, bool clustering = false)
    {
        ArgumentNullException.ThrowIfNull(database);
        return builder.UseShipinatorAdoNet(database.DataSource, clustering);
    }

    /// <summary>
    /// Reminders and the provider <see cref="StorageNames.Coordinators"/> in the database; with
    /// <paramref name="clustering"/> the membership too.
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
