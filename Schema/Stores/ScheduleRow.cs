namespace Shipinator.Schema.Stores;

/// <summary>A row of <c>schedules</c>, with its repository and its last run.</summary>
public sealed record ScheduleRow
{
    public required ScheduleId Id { get; init; }

    public required RepositoryId RepositoryId { get; init; }

    public required string RepositoryName { get; init; }

    public required string ProjectName { get; init; }

    /// <summary>The repository's default branch, which the schedule uses when <see cref="Branch"/> is null.</summary>
    public required string DefaultBranch { get; init; }

    /// <summary>What the entry of the pipeline file is recognized by.</summary>
    public required string EntryKey { get; init; }

    public string? Name { get; init; }

    public required string Cron { get; init; }

    public string? Branch { get; init; }

    /// <summary>The IANA name of the time zone of <see cref="Cron"/>.</summary>
    public required string TimeZone { get; init; }

    public required IReadOnlyDictionary<string, string> Inputs { get; init; }

    /// <summary>Whether it starts runs; people switch it.</summary>
    public required bool Enabled { get; init; }

    /// <summary>The next due time; null when there is none: disabled, or there is no such time.</summary>
    public DateTimeOffset? NextAt { get; init; }

    /// <summary>How many attempts to take <see cref="NextAt"/> have failed.</summary>
    public required int Attempts { get; init; }

    /// <summary>When <see cref="NextAt"/> is attempted again; null: when it is due.</summary>
    public DateTimeOffset? RetryAt { get; init; }

    /// <summary>The last due time that was taken.</summary>
    public DateTimeOffset? LastAt { get; init; }

    public RunId? LastRunId { get; init; }

    public long? LastRunNumber { get; init; }

    public Status? LastRunStatus { get; init; }

    /// <summary>Why the last run was late.</summary>
    public string? Note { get; init; }

    /// <summary>The last error; null when a run was created since.</summary>
    public string? Failure { get; init; }

    /// <summary>How many due times in a row had no run.</summary>
    public required int Failures { get; init; }

    /// <summary>When <see cref="Failure"/> occurred.</summary>
    public DateTimeOffset? FailedAt { get; init; }

    /// <summary>When the default branch's file was found not to have the entry any more.</summary>
    public DateTimeOffset? RemovedAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>What people call it: its name, else its cron expression.</summary>
    public string Label => Name ?? Cron;
}

/// <summary>An entry of a pipeline file.</summary>
public sealed record ScheduleChange
{
    /// <summary>What the entry is recognized by, unique in the repository.</summary>
    public required string EntryKey { get; init; }

    public string? Name { get; init; }

    public required string Cron { get; init; }

    public string? Branch { get; init; }

    public required string Timezone { get; init; }

    public required IReadOnlyDictionary<string, string> Inputs { get; init; }

    /// <summary>The due time of an entry that is new, has another cron expression or zone, or has returned; others keep theirs.</summary>
    public DateTimeOffset? NextAt { get; init; }
}
