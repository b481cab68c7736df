using Shipinator.Client;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Api.Responses;

/// <summary>Schedules as the API shows them.</summary>
internal static class ScheduleResponses
{
    public static ScheduleResponse Of(ScheduleRow s) =>
        new()
        {
            Id = s.Id.ToString(),
            RepositoryId = s.RepositoryId.ToString(),
            RepositoryName = s.RepositoryName,
            ProjectName = s.ProjectName,
            Name = s.Name,
            Cron = s.Cron,
            Timezone = s.TimeZone,
            Branch = s.Branch ?? s.DefaultBranch,
            Inputs = s.Inputs,
            Enabled = s.Enabled,
            Status = StatusOf(s),
            NextAt = s.NextAt,
            RetryAt = s.RetryAt,
            LastAt = s.LastAt,
            LastRunId = s.LastRunId?.ToString(),
            LastRunNumber = s.LastRunNumber,
            LastRunStatus = s.LastRunStatus?.Word(),
            Note = s.Note,
            Failure = s.Failure,
            Failures = s.Failures,
            FailedAt = s.FailedAt,
            CreatedAt = s.CreatedAt,
            UpdatedAt = s.UpdatedAt,
        };

    /// <summary><c>ok</c>, <c>retrying</c>, <c>failing</c> or <c>disabled</c>.</summary>
    public static string StatusOf(ScheduleRow s) =>
        !s.Enabled ? "disabled"
        : s.Failures > 0 ? "failing"
        : s.Attempts > 0 ? "retrying"
        : "ok";
}
