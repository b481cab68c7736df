using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Repositories;

namespace Shipinator.Triggers.Events;

/// <summary>What a push leads to. Errors: those of <see cref="IForge"/>, of the stores and of planning; the caller retries.</summary>
public sealed partial class PushEvents(
    EventFiles files,
    EventRuns runs,
    EventCancellation cancellation,
    PipelineStore pipelines,
    FileSync sync,
    ILogger<PushEvents> logger
)
{
    private const string TriggerType = "push";
    private const string Tags = "refs/tags/";

    internal async Task<DeliveryResult> ProcessAsync(
        QueuedDelivery delivery,
        ForgePush push,
        RepositoryRow repository,
        CancellationToken cancellationToken
    )
    {
        if (push.After is not { } commit)
        {
            var canceled = await cancellation.CancelAsync(
                repository.Id,
                TriggerType,
                push.Ref,
                $"{(IsTag(push) ? "Tag" : "Branch")} '{push.Ref.Split('/', 3)[2]}' was deleted.",
                except: null,
                cancellationToken
            );
            return new(DeliveryOutcome.RefDeleted, EventCancellation.Describe(canceled)) { TriggerType = TriggerType };
        }

        var file = await files.ReadAsync(repository, push.Ref, commit, cancellationToken);
        if (push.Ref == repository.DefaultRef())
        {
            await SyncAsync(repository, file, commit, cancellationToken);
        }

        if (file is null)
        {
            return new(DeliveryOutcome.NoPipelineFile, $"There is no {repository.PipelinePath()} at commit {commit[..8]}.")
            {
                TriggerType = TriggerType,
                Commit = commit,
            };
        }

        commit = file.Head?.Commit ?? commit;
        return await runs.CreateAsync(
            new()
            {
                Delivery = delivery,
                Repository = repository,
                File = file,
                Facts = Facts(push, file, commit),
                ChangedFiles = stop =>
                    push.ChangedFiles is { } known ? Task.FromResult<System.Collections.Immutable.ImmutableArray<string>?>(known)
                    : IsTag(push) || (push.Before is null && push.Ref == repository.DefaultRef())
                        ? Task.FromResult<System.Collections.Immutable.ImmutableArray<string>?>(null)
                    : files.ChangedAsync(repository, push.Before, commit, stop),
                SharesWith = IsTag(push) ? null : "pr",
                HeadBranch = IsTag(push) ? null : push.Ref[RepositoryRows.Heads.Length..],
            },
            cancellationToken
        );
    }

    private static bool IsTag(ForgePush push) => push.Ref.StartsWith(Tags, StringComparison.Ordinal);

    private static TriggerFacts Facts(ForgePush push, EventFile file, string commit) =>
        new()
        {
            Event = TriggerType,
            Ref = push.Ref,
            Commit = commit,
            Branch = IsTag(push) ? null : push.Ref[RepositoryRows.Heads.Length..],
            Tag = IsTag(push) ? push.Ref[Tags.Length..] : null,
            Message = file.Head?.Message ?? push.Message,
            Author = file.Head?.Author ?? push.Author,
            Before = push.Before,
            CompareUrl = push.CompareUrl,
            Sender = push.Sender,
        };

    /// <summary>
    /// The pipelines and schedules follow the file of the default branch. A file with errors changes none: the failed run shows what is
    /// wrong.
    /// </summary>
    private async Task SyncAsync(RepositoryRow repository, EventFile? file, string commit, CancellationToken cancellationToken)
    {
        if (file is { Parsed.Model: null })
        {
            return;
        }

        var model = file?.Parsed.Model;
        var found = await sync.ApplyAsync(repository, model, cancellationToken);
        await pipelines.RemoveUnusedAsync(repository.Id, model?.TriggerTypes ?? [], cancellationToken);
        Synced(repository.Id, commit, found.Count);
    }

    [LoggerMessage(4545, LogLevel.Information, "Synced repository {Repository} at commit {Commit} after a push: {Count} pipelines")]
    private partial void Synced(RepositoryId repository, string commit, int count);
}
