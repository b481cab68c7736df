using System.Globalization;
using Shipinator.Pipelines;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Repositories;
using Shipinator.Triggers.Runs;

namespace Shipinator.Triggers.Schedules;

/// <summary>The schedule that a run is created for.</summary>
public sealed record ScheduledRun
{
    /// <summary>What the entry of the pipeline file is recognized by (<see cref="ScheduleEntry.Key"/>).</summary>
    public required string EntryKey { get; init; }

    /// <summary>What people call the schedule.</summary>
    public required string Label { get; init; }

    /// <summary>The due time; null for a run that somebody started by hand.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>
    /// The idempotency key of a due time: the same whoever takes it, and whenever. It alone tells whether a request is a repetition,
    /// because between two attempts the file may give the schedule another branch or other inputs.
    /// </summary>
    internal static string Key(ScheduleId schedule, DateTimeOffset due) =>
        string.Create(CultureInfo.InvariantCulture, $"schedule:{schedule}:{due.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}");

    /// <summary>The request for a run of a schedule; the caller adds the idempotency key and the note.</summary>
    internal static RunRequest Request(ScheduleRow row, RepositoryRow repository, Actor actor, DateTimeOffset? dueAt) =>
        new()
        {
            GitRef = row.RefOf(repository),
            Inputs = row.Inputs,
            Actor = actor,
            Schedule = new()
            {
                EntryKey = row.EntryKey,
                Label = row.Label,
                DueAt = dueAt,
            },
        };

    /// <summary>
    /// The file of the run's commit must have the entry: a schedule that was removed, or that its branch does not have yet, starts nothing.
    /// Errors: <see cref="InvalidInputException"/> <c>schedule_not_defined</c>.
    /// </summary>
    internal void Require(RepositoryRow repository, CommitFile file, PipelineModel model)
    {
        if (model.Schedules.All(s => s.Key != EntryKey))
        {
            throw new InvalidInputException(
                "schedule_not_defined",
                $"{repository.PipelinePath()} at commit {file.Head.Commit[..8]} of {file.Head.FullRef} does not define the schedule "
                    + $"'{Fields.Excerpt(Label)}'; add it to 'on.schedule' there, or sync the repository if the schedule was removed."
            );
        }
    }
}
