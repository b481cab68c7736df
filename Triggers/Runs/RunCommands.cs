using Shipinator.Forges;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Runs;

/// <summary>Creates the commands that create runs.</summary>
internal static class RunCommands
{
    /// <summary>The run of a plan; the caller adds the actor and the idempotency key.</summary>
    public static CreateRun Of(
        RepositoryRow repository,
        PipelineRow pipeline,
        RunReservation reservation,
        ResolvedRef head,
        string executor,
        RunPlan plan
    ) =>
        new()
        {
            PipelineId = pipeline.Id,
            RepositoryId = repository.Id,
            ProjectId = repository.ProjectId,
            ProjectName = repository.ProjectName,
            RepositoryName = repository.Name,
            RunNumber = reservation.RunNumber,
            Source = new()
            {
                CloneUrl = head.MovedTo ?? CloneAddress.TryParse(repository.CloneUrl, out _)?.Url ?? repository.CloneUrl,
                Ref = head.FullRef,
                Commit = head.Commit,
            },
            Executor = executor,
            Plan = plan,
            Actor = Actor.System.ToString(),
        };
}
