using Shipinator.Schema.Stores;
using Shipinator.Triggers.Repositories;

namespace Shipinator.Triggers.Events;

/// <summary>
/// What a change of a pull request leads to. Errors: those of <see cref="IForge"/>, of the stores and of planning; the caller retries.
/// </summary>
public sealed class PullRequestEvents(EventFiles files, EventRuns runs, EventCancellation cancellation)
{
    private const string TriggerType = "pr";

    internal async Task<DeliveryResult> ProcessAsync(
        QueuedDelivery delivery,
        ForgePullRequest pull,
        RepositoryRow repository,
        CancellationToken cancellationToken
    )
    {
        if (pull.Action == PullRequestAction.Closed)
        {
            var canceled = await cancellation.CancelAsync(
                repository.Id,
                TriggerType,
                pull.HeadRef,
                $"Pull request #{pull.Number} was {(pull.IsMerged ? "merged" : "closed")}.",
                except: null,
                cancellationToken
            );
            return new(DeliveryOutcome.PullRequestClosed, EventCancellation.Describe(canceled))
            {
                TriggerType = TriggerType,
                Commit = pull.HeadCommit,
            };
        }

        // Whoever can open a pull request from a fork writes its files, but not those of the base branch: the base decides what runs.
        var file = pull.IsFork
            ? await files.ReadAsync(repository, RepositoryRows.FullBranch(pull.BaseBranch), null, cancellationToken)
            : await files.ReadAsync(repository, pull.HeadRef, pull.HeadCommit, cancellationToken);
        if (file is null)
        {
            return new(
                DeliveryOutcome.NoPipelineFile,
                pull.IsFork
                    ? $"There is no {repository.PipelinePath()} on branch '{pull.BaseBranch}', whose file runs for forks."
                    : $"There is no {repository.PipelinePath()} at commit {pull.HeadCommit[..8]}."
            )
            {
                TriggerType = TriggerType,
                Commit = pull.HeadCommit,
            };
        }

        var head = pull.IsFork ? await files.DescribeAsync(repository, pull.HeadCommit, cancellationToken) : file.Head;
        return await runs.CreateAsync(
            new()
            {
                Delivery = delivery,
                Repository = repository,
                File = file,
                Facts = Facts(pull, head),
                ChangedFiles = stop => files.ChangedAsync(repository, pull, stop),
                SharesWith = pull.IsFork ? null : "push",
                HeadBranch = pull.IsFork ? null : pull.HeadBranch,
            },
            cancellationToken
        );
    }

    private static TriggerFacts Facts(ForgePullRequest pull, ResolvedRef? head) =>
        new()
        {
            Event = TriggerType,
            Ref = pull.HeadRef,
            Commit = pull.HeadCommit,
            Branch = pull.BaseBranch,
            PrNumber = pull.Number,
            Message = head?.Message,
            Author = head?.Author ?? pull.Author,
            IsFork = pull.IsFork,
            PrTitle = pull.Title,
            PrUrl = pull.Url.Length == 0 ? null : pull.Url,
            HeadBranch = pull.HeadBranch,
            HeadRepository = pull.HeadRepository,
            BaseCommit = pull.BaseCommit,
            Sender = pull.Sender,
        };
}
