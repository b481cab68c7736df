using Shipinator.Pipelines;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Schedules;

namespace Shipinator.Triggers.Repositories;

/// <summary>Makes what belongs to a repository follow the pipeline file of its default branch, for people and for pushes.</summary>
public sealed class FileSync(PipelineStore pipelines, ScheduleSync schedules)
{
    /// <summary>
    /// Creates a pipeline for each trigger type of the file, and makes the schedules those of the file; null: there is no file. Returns all
    /// pipelines of the repository. Errors: <see cref="StorageUnavailableException"/>.
    /// </summary>
    internal async Task<IReadOnlyList<PipelineRow>> ApplyAsync(
        RepositoryRow repository,
        PipelineModel? model,
        CancellationToken cancellationToken
    )
    {
        var found = await pipelines.SyncAsync(repository.Id, repository.Name, model?.TriggerTypes ?? [], cancellationToken);
        await schedules.SyncAsync(repository.Id, model?.Schedules ?? [], cancellationToken);
        return found;
    }
}
