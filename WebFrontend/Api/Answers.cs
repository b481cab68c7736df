using Shipinator.Client;
using Shipinator.Pipelines;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend;

/// <summary>Rows as the API shows them.</summary>
internal static class Answers
{
    public static ProjectAnswer Of(ProjectRow p) =>
        new()
        {
            Id = p.Id.ToString(),
            Name = p.Name,
            Description = p.Description,
            CreatedAt = p.CreatedAt,
            UpdatedAt = p.UpdatedAt,
        };

    public static RepositoryAnswer Of(RepositoryRow r) =>
        new()
        {
            Id = r.Id.ToString(),
            ProjectId = r.ProjectId.ToString(),
            ProjectName = r.ProjectName,
            Name = r.Name,
            VcsProvider = r.VcsProvider,
            CloneUrl = r.CloneUrl,
            DefaultBranch = r.DefaultBranch,
            Executor = r.Executor,
            PipelineFile = r.PipelineFile,
            LastSyncedAt = r.LastSyncedAt,
            CreatedAt = r.CreatedAt,
            UpdatedAt = r.UpdatedAt,
        };

    public static PipelineAnswer Of(PipelineRow p) =>
        new()
        {
            Id = p.Id.ToString(),
            RepositoryId = p.RepositoryId.ToString(),
            Name = p.Name,
            TriggerType = p.TriggerType,
            CreatedAt = p.CreatedAt,
            UpdatedAt = p.UpdatedAt,
        };

    public static RunAnswer Of(RunView r, IServerAddress address, IReadOnlyDictionary<Guid, WaitReason>? waiting = null) =>
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
            CommitMessage = r.CommitMessage,
            CommitAuthor = r.CommitAuthor,
            Executor = r.Executor,
            Actor = r.Actor,
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
        };

    public static JobAnswer Of(JobView j, IServerAddress address, IReadOnlyDictionary<Guid, WaitReason> waiting) =>
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

    public static ExecutionAnswer Of(ExecutionView e, IServerAddress address, WaitReason? waiting) =>
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
            Artifacts = [.. e.Artifacts.Select(Of)],
        };

    public static ArtifactAnswer Of(ArtifactRow a) =>
        new()
        {
            Id = a.Id.ToString(),
            JobId = a.JobId.ToString(),
            ExecutionId = a.ExecutionId.ToString(),
            ArtifactType = a.Type,
            FileName = a.FileName,
            Size = a.Size,
            Checksum = a.Checksum,
            Ref = a.Ref,
            StorageBackend = a.StorageBackend,
            CreatedAt = a.CreatedAt,
        };

    public static TransitionAnswer Of(HistoryEntry h) =>
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

    public static PipelineErrorAnswer Of(PipelineError e) =>
        new()
        {
            Code = e.Code,
            Message = e.Message,
            File = e.File,
            Line = e.Line,
            Column = e.Column,
            Path = e.Path,
            Snippet = e.Snippet,
        };

    public static TokenAnswer Of(TokenRow t, string? text = null) =>
        new()
        {
            Id = t.Id.ToString(),
            Name = t.Name,
            Role = t.Role,
            Prefix = t.Prefix,
            Token = text,
            CreatedAt = t.CreatedAt,
            LastUsedAt = t.LastUsedAt,
            RevokedAt = t.RevokedAt,
        };

    public static PageAnswer<TAnswer> Page<TRow, TAnswer>(Page<TRow> page, Func<TRow, TAnswer> map) =>
        new() { Items = [.. page.Items.Select(map)], NextCursor = page.NextCursor };

    public static PageAnswer<TAnswer> All<TRow, TAnswer>(IEnumerable<TRow> rows, Func<TRow, TAnswer> map) =>
        new() { Items = [.. rows.Select(map)] };

    private static StepAnswer Of(StepView s, IServerAddress address, IReadOnlyDictionary<Guid, WaitReason> waiting) =>
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
