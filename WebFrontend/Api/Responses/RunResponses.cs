using Shipinator.Client;
using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Api.Responses;

/// <summary>Runs, jobs, steps, executions and their history as the API shows them.</summary>
internal static class RunResponses
{
    public static RunResponse Of(RunView r, IServerAddress address, IReadOnlyDictionary<Guid, WaitReason>? waiting = null) =>
        new()
        {
            Id = r.Id.ToString(),
            PipelineId = r.PipelineId.ToString(),
            PipelineName = r.PipelineName,
            RepositoryId = r.RepositoryId.ToString(),
            RepositoryName = r.RepositoryName,
            ProjectId = r.ProjectId.ToString(),
            ProjectName = r.ProjectName,
            RunNumber = r.RunNumber,
            GitRef = r.GitRef,
            GitSha = r.GitSha,
            Event = r.Event,
            Branch = r.Branch,
            Tag = r.Tag,
            CommitMessage = r.CommitMessage,
            CommitAuthor = r.CommitAuthor,
            Executor = r.Executor,
            Actor = r.Actor,
            Note = r.Note,
            RerunOf = r.RerunOf?.ToString(),
            Status = r.Status.Word(),
            Reason = r.Reason?.Word(),
            Detail = r.Detail,
            WaitingFor = waiting?.GetValueOrDefault(r.Id.Value)?.Describe(),
            WaitingForKind = waiting?.GetValueOrDefault(r.Id.Value)?.Kind.Word(),
            CancelRequestedAt = r.Cancel?.RequestedAt,
            CreatedAt = r.CreatedAt,
            StartedAt = r.StartedAt,
            FinishedAt = r.FinishedAt,
            Url = new Uri(address.PublicUrl, $"/runs/{r.Id}").ToString(),
            PrNumber = r.PrNumber,
            PrTitle = r.Origin?.PrTitle,
            PrUrl = r.Origin?.PrUrl,
            HeadBranch = r.Origin?.HeadBranch,
            HeadRepository = r.Origin?.HeadRepository,
            BaseCommit = r.Origin?.BaseCommit,
            Before = r.Origin?.Before,
            CompareUrl = r.Origin?.CompareUrl,
            Sender = r.Origin?.Sender,
            IsFork = r.Origin?.IsFork == true ? true : null,
        };

    public static JobResponse Of(JobView j, IServerAddress address, IReadOnlyDictionary<Guid, WaitReason> waiting) =>
        new()
        {
            Id = j.Id.ToString(),
            Name = j.Name,
            JobType = j.Type,
            Attempt = j.Attempt,
            Status = j.Status.Word(),
            Reason = j.Reason?.Word(),
            Detail = j.Detail,
            WaitingFor = waiting.GetValueOrDefault(j.Id.Value)?.Describe(),
            WaitingForKind = waiting.GetValueOrDefault(j.Id.Value)?.Kind.Word(),
            ReusedFrom = j.ReusedFrom?.ToString(),
            CreatedAt = j.CreatedAt,
            StartedAt = j.StartedAt,
            FinishedAt = j.FinishedAt,
            Steps = [.. j.Steps.Select(s => Of(s, address, waiting))],
        };

    public static ExecutionResponse Of(ExecutionView e, IServerAddress address, WaitReason? waiting) =>
        new()
        {
            Id = e.Id.ToString(),
            StepId = e.StepId.ToString(),
            JobId = e.JobId.ToString(),
            RunId = e.RunId.ToString(),
            Attempt = e.Attempt,
            ExecutorType = e.ExecutorType,
            ExternalId = e.ExternalId,
            Status = e.Status.Word(),
            Reason = e.Reason?.Word(),
            Detail = e.Detail,
            WaitingFor = waiting?.Describe(),
            WaitingForKind = waiting?.Kind.Word(),
            ExitCode = e.ExitCode,
            LogsUri = e.LogsUri ?? new Uri(address.PublicUrl, $"/v1/executions/{e.Id}/logs").ToString(),
            SubmittedAt = e.SubmittedAt,
            StartedAt = e.StartedAt,
            CompletedAt = e.CompletedAt,
            Artifacts = [.. e.Artifacts.Select(ArtifactResponses.Of)],
        };

    public static TransitionResponse Of(HistoryEntry h) =>
        new()
        {
            Cursor = h.Cursor,
            Machine = h.Transition.Machine.Word(),
            EntityId = h.Transition.EntityId.ToString(),
            Sequence = h.Transition.Sequence,
            At = h.Transition.At,
            From = h.Transition.From?.Word(),
            To = h.Transition.To.Word(),
            Reason = h.Transition.Reason?.Word(),
            Detail = h.Transition.Detail,
            Actor = h.Transition.Actor,
        };

    private static StepResponse Of(StepView s, IServerAddress address, IReadOnlyDictionary<Guid, WaitReason> waiting) =>
        new()
        {
            Id = s.Id.ToString(),
            Name = s.Name,
            JobAttempt = s.JobAttempt,
            ExecutionOrder = s.ExecutionOrder,
            ParallelGroup = s.ParallelGroup,
            Status = s.Status.Word(),
            Reason = s.Reason?.Word(),
            Detail = s.Detail,
            WaitingFor = waiting.GetValueOrDefault(s.Id.Value)?.Describe(),
            WaitingForKind = waiting.GetValueOrDefault(s.Id.Value)?.Kind.Word(),
            ExitCode = s.ExitCode,
            CreatedAt = s.CreatedAt,
            StartedAt = s.StartedAt,
            FinishedAt = s.FinishedAt,
            Executions = [.. s.Executions.Select(e => Of(e, address, waiting.GetValueOrDefault(e.Id.Value)))],
        };
}
