using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime.Hosting;
using Orleans.Storage;
using Shipinator.Schema.Storage;

namespace Shipinator.Grains.Tests.Engine;

/// <summary>Faults of storage and of calls between grains, in every silo of a cluster.</summary>
internal sealed class Faults
{
    /// <summary>Called before each write of a row, or of a coordinator's state: the error with which the write fails.</summary>
    public Func<object, Exception?> BeforeWrite { get; set; } = _ => null;

    /// <summary>Called after each write: the error that the caller gets although the row was written.</summary>
    public Func<object, Exception?> AfterWrite { get; set; } = _ => null;

    /// <summary>Called before each read of a grain's state: the error with which it fails.</summary>
    public Func<GrainId, Exception?> BeforeRead { get; set; } = _ => null;

    /// <summary>Called before each call that a grain makes, with interface and method: the error with which it fails.</summary>
    public Func<string, string, Exception?> Call { get; set; } = (_, _) => null;

    /// <summary>Called before each search for the artifacts of an input: the error with which it fails.</summary>
    public Func<InputSpec, Exception?> BeforeFind { get; set; } = _ => null;

    public static StorageUnavailableException Unavailable { get; } = new("The database is unavailable, says the test.");

    /// <summary>The run that a row belongs to.</summary>
    public static RunId? RunOf(object row) =>
        row switch
        {
            RunRecord r => r.Id,
            JobRecord j => j.Spec.RunId,
            ExecutionRecord e => e.Spec.Worker.RunId,
            _ => null,
        };

    public void Install(ISiloBuilder silo)
    {
        silo.Services.AddGrainStorage(
            StorageNames.Relational,
            (provider, _) => new Storage(ActivatorUtilities.CreateInstance<RelationalGrainStorage>(provider), this)
        );
        const string inner = "coordinators.inner";
        var stock = silo.Services.Last(d => d.ServiceType == typeof(IGrainStorage) && Equals(d.ServiceKey, StorageNames.Coordinators));
        silo.Services.AddKeyedSingleton(
            inner,
            (provider, _) => (IGrainStorage)stock.KeyedImplementationFactory!(provider, StorageNames.Coordinators)
        );
        silo.Services.AddGrainStorage(
            StorageNames.Coordinators,
            (provider, _) => new Storage(provider.GetRequiredKeyedService<IGrainStorage>(inner), this)
        );
        silo.AddOutgoingGrainCallFilter(async context =>
        {
            if (Call(context.InterfaceName, context.MethodName) is { } error)
            {
                throw error;
            }

            await context.Invoke();
        });
    }

    /// <summary>The artifact index, which fails as <see cref="BeforeFind"/> says.</summary>
    public IArtifactIndex Wrap(IArtifactIndex real) => new Index(real, this);

    private sealed class Index(IArtifactIndex real, Faults faults) : IArtifactIndex
    {
        public Task<IReadOnlyList<ArtifactEntry>> Find(
            RunId run,
            ProjectId project,
            InputSpec input,
            CancellationToken cancellationToken
        ) =>
            faults.BeforeFind(input) is { } error
                ? Task.FromException<IReadOnlyList<ArtifactEntry>>(error)
                : real.Find(run, project, input, cancellationToken);

        public Task<IReadOnlyList<ArtifactEntry>> OfExecution(ExecutionId execution, CancellationToken cancellationToken) =>
            real.OfExecution(execution, cancellationToken);
    }

    private sealed class Storage(IGrainStorage real, Faults faults) : IGrainStorage
    {
        public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            Throw(faults.BeforeRead(grainId));
            await real.ReadStateAsync(stateName, grainId, grainState);
        }

        public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            object row = grainState.State switch
            {
                Stored<RunRecord> { Row: { } r } => r,
                Stored<JobRecord> { Row: { } j } => j,
                Stored<ExecutionRecord> { Row: { } e } => e,
                var other => other!,
            };
            Throw(faults.BeforeWrite(row));
            await real.WriteStateAsync(stateName, grainId, grainState);
            Throw(faults.AfterWrite(row));
        }

        public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
            real.ClearStateAsync(stateName, grainId, grainState);

        private static void Throw(Exception? error)
        {
            if (error is not null)
            {
                throw error;
            }
        }
    }
}
