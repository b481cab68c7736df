using Shipinator.Pipelines;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Api.Problems;

namespace Shipinator.WebFrontend.Triggers;

/// <summary>Reads a repository's pipeline file at its default branch and makes its pipelines: one per trigger type.</summary>
public sealed class RepositorySync(PipelineStore pipelines, IForgeRegistry forges)
{
    /// <summary>Errors: <see cref="ForgeException"/>, <see cref="PipelineFileException"/>; then nothing was changed.</summary>
    public async Task<IReadOnlyList<PipelineRow>> SyncAsync(RepositoryRow repository, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(repository);
        var forge = forges.Get(repository.VcsProvider);
        var head = await forge.Resolve(RunTrigger.Of(repository), RunTrigger.DefaultRef(repository), cancellationToken);
        var path = repository.PipelineFile ?? PipelineFile.DefaultName;
        var file = PipelineFile.Parse(
            await forge.ReadFile(RunTrigger.Of(repository), head.Commit, path, cancellationToken),
            path,
            cancellationToken
        );
        return file.Model is null
            ? throw new PipelineFileException(file.Errors)
            : await pipelines.SyncAsync(repository.Id, repository.Name, file.Model.TriggerTypes, cancellationToken);
    }
}
