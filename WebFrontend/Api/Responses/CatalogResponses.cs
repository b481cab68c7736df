using Shipinator.Client;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Statuses;

namespace Shipinator.WebFrontend.Api.Responses;

/// <summary>Projects, repositories, pipelines and tokens as the API shows them.</summary>
internal static class CatalogResponses
{
    public static ProjectResponse Of(ProjectRow p) =>
        new()
        {
            Id = p.Id.ToString(),
            Name = p.Name,
            Description = p.Description,
            CreatedAt = p.CreatedAt,
            UpdatedAt = p.UpdatedAt,
        };

    public static RepositoryResponse Of(RepositoryRow r) => Of(r, null);

    public static RepositoryResponse Of(RepositoryRow r, StatusProblems? problems) =>
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
            PublicBadge = r.PublicBadge,
            StatusProblem = problems is null
                ? null
                : new()
                {
                    Code = problems.ErrorCode ?? "",
                    Message = StatusProblemText.Of(problems),
                    Blocked = problems.Blocked,
                    Retrying = problems.Retrying,
                    Since = problems.Since,
                    NextAttemptAt = problems.NextAttemptAt,
                },
            CreatedAt = r.CreatedAt,
            UpdatedAt = r.UpdatedAt,
        };

    public static PipelineResponse Of(PipelineRow p) =>
        new()
        {
            Id = p.Id.ToString(),
            RepositoryId = p.RepositoryId.ToString(),
            Name = p.Name,
            TriggerType = p.TriggerType,
            CreatedAt = p.CreatedAt,
            UpdatedAt = p.UpdatedAt,
        };

    public static TokenResponse Of(TokenRow t, string? text = null) =>
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
}
