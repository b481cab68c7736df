using Microsoft.Extensions.Logging;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Statuses;

namespace Shipinator.Triggers.Events;

/// <summary>Turns a delivery into its outcome, and tells what may succeed later from what never will.</summary>
public sealed partial class DeliveryProcessing(
    RepositoryStore repositories,
    RunQueries runs,
    PushEvents pushes,
    PullRequestEvents pullRequests,
    CommitStatuses statuses,
    ILogger<DeliveryProcessing> logger
) : IDeliveryProcessing
{
    /// <summary>
    /// How often a commit is looked for that the host does not have: a forge may send the webhook before its other servers know the commit.
    /// </summary>
    private const int MissingCommitAttempts = 6;

    /// <inheritdoc/>
    public async Task<DeliveryAttempt> Process(QueuedDelivery delivery, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(delivery);
        try
        {
            return DeliveryAttempt.Of(await ResultAsync(delivery, cancellationToken));
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return Judge(delivery, e);
        }
    }

    private async Task<DeliveryResult> ResultAsync(QueuedDelivery delivery, CancellationToken cancellationToken)
    {
        if (delivery.Reserved is { } reserved && await runs.GetAsync(reserved.RunId, cancellationToken) is { } run)
        {
            // The process ended after the run was created and before the outcome was stored.
            var plan = await runs.PlanAsync(run.Id, cancellationToken);
            return new(DeliveryOutcome.RunCreated)
            {
                Run = run.Id,
                TriggerType = run.Event,
                Commit = run.GitSha,
                FileErrors = plan?.FileErrors ?? [],
            };
        }

        var repository =
            await repositories.GetAsync(delivery.Repository, cancellationToken)
            ?? throw new NotFoundException("repository", delivery.Repository.ToString());
        var (_, known) = DeliveryContent.Of(delivery.Event);
        var result =
            known
            ?? delivery.Event switch
            {
                ForgePush push => await pushes.ProcessAsync(delivery, push, repository, cancellationToken),
                ForgePullRequest pull => await pullRequests.ProcessAsync(delivery, pull, repository, cancellationToken),
                var other => new(DeliveryOutcome.Ignored, $"'{other.GetType().Name}' starts and cancels no run."),
            };
        await ReportAsync(repository, result, cancellationToken);
        return result;
    }

    /// <summary>A required status of a commit must not stay pending because no run reports it.</summary>
    private async Task ReportAsync(RepositoryRow repository, DeliveryResult result, CancellationToken cancellationToken)
    {
        if (
            result is
            {
                Outcome: DeliveryOutcome.Filtered or DeliveryOutcome.Skipped or DeliveryOutcome.NoPipelineFile,
                Commit: { } commit,
                TriggerType: { } type,
            }
        )
        {
            await statuses.RegisterOutcomeAsync(
                repository,
                commit,
                type,
                CommitState.Success,
                result.Detail ?? "Nothing to run.",
                cancellationToken
            );
        }
    }

    private DeliveryAttempt Judge(QueuedDelivery delivery, Exception error) =>
        error switch
        {
            ForgeRequestException { Code: ForgeRequestException.Refused } e => Final(e),
            // A credential that is missing or revoked can be repaired, so it is retried like a forge that is away.
            ForgeRequestException e => Later(e, e.RetryAfter),
            ForgeException { Code: ForgeException.RefNotFound or ForgeException.CommitNotInRef } e => delivery.Attempts + 1
            >= MissingCommitAttempts
                ? Final(e)
                : Later(e),
            ForgeException { Code: ForgeException.NotAllowed or ForgeException.RefAmbiguous } e => Final(e),
            ForgeException e => Later(e),
            RateLimitedException e => Later(e, e.RetryAfter),
            PlanningBusyException or StorageUnavailableException or OrleansException or TimeoutException => Later(error),
            NotFoundException or ConflictException or InvalidInputException or MalformedException => Final(error),
            _ => Unexpected(delivery, error),
        };

    private static DeliveryAttempt Final(Exception error) => DeliveryAttempt.Of(new(DeliveryOutcome.Error, error.Message));

    private static DeliveryAttempt Later(Exception error, TimeSpan? retryAfter = null) =>
        new() { Failure = error.Message, RetryAfter = retryAfter };

    private DeliveryAttempt Unexpected(QueuedDelivery delivery, Exception error)
    {
        FailedUnexpectedly(error, delivery.Id, delivery.Repository);
        return Later(error);
    }

    [LoggerMessage(4544, LogLevel.Error, "Processing delivery {Delivery} of repository {Repository} failed unexpectedly; retrying")]
    private partial void FailedUnexpectedly(Exception exception, DeliveryId delivery, RepositoryId repository);
}
