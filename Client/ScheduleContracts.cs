namespace Shipinator.Client;

/// <summary>A schedule: an entry of <c>on.schedule</c> of the pipeline file at a repository's default branch.</summary>
public sealed record ScheduleResponse
{
    public required string Id { get; init; }

    public required string RepositoryId { get; init; }

    public required string RepositoryName { get; init; }

    public required string ProjectName { get; init; }

    /// <summary>Absent: the entry has none.</summary>
    public string? Name { get; init; }

    public required string Cron { get; init; }

    /// <summary>The IANA name of the time zone of <see cref="Cron"/>.</summary>
    public required string Timezone { get; init; }

    /// <summary>The branch whose newest commit it runs.</summary>
    public required string Branch { get; init; }

    public required IReadOnlyDictionary<string, string> Inputs { get; init; }

    /// <summary>Whether it starts runs.</summary>
    public required bool Enabled { get; init; }

    /// <summary>
    /// <c>ok</c>; <c>retrying</c>: an attempt failed and is repeated; <c>failing</c>: the last due time has no run; <c>disabled</c>.
    /// </summary>
    public required string Status { get; init; }

    /// <summary>The next due time; absent: there is none.</summary>
    public DateTimeOffset? NextAt { get; init; }

    /// <summary>When <see cref="NextAt"/> is attempted again after a failed attempt.</summary>
    public DateTimeOffset? RetryAt { get; init; }

    /// <summary>The last due time that was taken.</summary>
    public DateTimeOffset? LastAt { get; init; }

    public string? LastRunId { get; init; }

    public long? LastRunNumber { get; init; }

    public string? LastRunStatus { get; init; }

    /// <summary>Why the last run was late, as a sentence.</summary>
    public string? Note { get; init; }

    /// <summary>The last error; absent when a run was created since.</summary>
    public string? Failure { get; init; }

    /// <summary>How many due times in a row had no run.</summary>
    public required int Failures { get; init; }

    public DateTimeOffset? FailedAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>Body of <c>PATCH /v1/schedules/{id}</c>.</summary>
public sealed record UpdateScheduleRequest
{
    /// <summary>Whether the schedule starts runs.</summary>
    public required bool Enabled { get; init; }
}
