using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Repositories;

namespace Shipinator.Triggers.Statuses;

/// <summary>Sends the statuses of the outbox to the forge of their repository.</summary>
public sealed partial class CommitStatusSender(
    CommitStatusStore store,
    RepositoryStore repositories,
    IForgeRegistry forges,
    IServerAddress address,
    TimeProvider time,
    ILogger<CommitStatusSender> logger
) : ICommitStatusSender
{
    private static readonly TimeSpan PostTimeout = TimeSpan.FromSeconds(30);

    /// <summary>The errors that a working credential ends.</summary>
    private static readonly string[] CredentialErrors = [ForgeRequestException.Unauthorized, ForgeRequestException.Forbidden];

    /// <inheritdoc/>
    public Task<IReadOnlyList<RepositoryId>> Due(CancellationToken cancellationToken) => store.DueAsync(cancellationToken);

    /// <inheritdoc/>
    public async Task<StatusRound> Send(RepositoryId repository, CancellationToken cancellationToken)
    {
        var outlook = await store.OutlookAsync(repository, cancellationToken);
        if (
            !outlook.HasOpen
            && outlook.NextAttemptAt is null
            && (await store.ReadyAsync(repository, null, 1, cancellationToken)).Count == 0
        )
        {
            return StatusRound.Idle;
        }

        if (outlook.PausedUntil is { } until)
        {
            return new(HasOpen: true, until);
        }

        if (await repositories.GetAsync(repository, cancellationToken) is not { } row || ForgeOf(row) is not { } forge)
        {
            return StatusRound.Idle;
        }

        var later = await SendReadyAsync(row, forge, outlook.Attempts, cancellationToken);
        outlook = await store.OutlookAsync(repository, cancellationToken);
        return new(outlook.HasOpen, outlook.PausedUntil ?? Earlier(later, outlook.NextAttemptAt));
    }

    private static DateTimeOffset? Earlier(DateTimeOffset? a, DateTimeOffset? b) => a is null || b < a ? b : a;

    private IStatusForge? ForgeOf(RepositoryRow repository)
    {
        try
        {
            return forges.Get(repository.VcsProvider) as IStatusForge;
        }
        catch (InvalidInputException)
        {
            return null;
        }
    }

    /// <summary>Sends what is ready; returns when a description that changed a moment ago is due.</summary>
    private async Task<DateTimeOffset?> SendReadyAsync(
        RepositoryRow repository,
        IStatusForge forge,
        int attempts,
        CancellationToken cancellationToken
    )
    {
        DateTimeOffset? later = null;
        CommitStatusRow? last = null;
        var isAccepted = false;
        IReadOnlyList<CommitStatusRow> page;
        do
        {
            page = await store.ReadyAsync(repository.Id, last, CommitStatusStore.PageSize, cancellationToken);
            foreach (var row in page)
            {
                var decision = StatusDecision.Of(row, time.GetUtcNow());
                if (row.Progress == StatusProgress.Blocked && decision.Action is (StatusAction.Wait or StatusAction.Later))
                {
                    var again = time.GetUtcNow() + StatusRetry.ProbeInterval;
                    await store.FailedAsync(row, StatusProgress.Blocked, row.ErrorCode!, row.Error!, again, 0, cancellationToken);
                    continue;
                }

                last = row.Progress == StatusProgress.Open ? row : last;
                switch (decision.Action)
                {
                    case StatusAction.Later:
                        later = Earlier(later, decision.At);
                        break;
                    case StatusAction.Settle:
                        await store.SettleAsync(row, cancellationToken);
                        break;
                    case StatusAction.Send:
                        if (await TrySendAsync(repository, forge, row, decision, attempts, cancellationToken) is { } failure)
                        {
                            if (failure.EndsRound)
                            {
                                return later;
                            }
                        }
                        else if (!isAccepted)
                        {
                            // The credential works: those that it blocked are sent in the next round.
                            isAccepted = true;
                            if (await store.RetryAsync(repository.Id, CredentialErrors, cancellationToken) > 0)
                            {
                                later = time.GetUtcNow();
                            }
                        }

                        break;
                }
            }
        } while (page.Count(r => r.Progress == StatusProgress.Open) == CommitStatusStore.PageSize);

        return later;
    }

    /// <summary>Sends one status and records the result; null: it was accepted.</summary>
    private async Task<StatusRetry?> TrySendAsync(
        RepositoryRow repository,
        IStatusForge forge,
        CommitStatusRow row,
        StatusDecision decision,
        int attempts,
        CancellationToken cancellationToken
    )
    {
        try
        {
            await PostAsync(repository, forge, row, decision, cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            return await FailAsync(repository, row, AsForgeError(e), attempts, cancellationToken);
        }

        if (await store.SentAsync(row, decision.State, decision.Description, decision.IsEnd, cancellationToken))
        {
            Sent(row.Key.Context, row.Key.Commit, repository.Id, decision.State, decision.Description);
        }

        return null;
    }

    private async Task PostAsync(
        RepositoryRow repository,
        IStatusForge forge,
        CommitStatusRow row,
        StatusDecision decision,
        CancellationToken cancellationToken
    )
    {
        using var timeout = new CancellationTokenSource(PostTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        await forge.PostStatus(
            repository.ForForge(),
            row.Key.Commit,
            new(
                decision.State,
                row.Key.Context,
                decision.Description,
                row.RunId is { } run ? PageOf(address.PublicUrl, repository.CloneUrl, run) : null
            ),
            both.Token
        );
    }

    /// <summary>
    /// The page of a run. An address of this machine is meaningless to others, and names another program on theirs: it is sent only to a
    /// forge of this machine.
    /// </summary>
    internal static Uri? PageOf(Uri publicUrl, string cloneUrl, RunId run) =>
        !publicUrl.IsLoopback || (Uri.TryCreate(cloneUrl, UriKind.Absolute, out var clone) && clone.IsLoopback)
            ? new(publicUrl, $"/runs/{run}")
            : null;

    private static ForgeRequestException AsForgeError(Exception error) =>
        error switch
        {
            ForgeRequestException forge => forge,
            OperationCanceledException => new(
                ForgeRequestException.Unavailable,
                $"The forge did not respond within {PostTimeout.TotalSeconds:0} s.",
                isTransient: true
            ),
            ShipinatorException other => new(ForgeRequestException.Unavailable, other.Message, isTransient: true, status: 500),
            _ => new(
                ForgeRequestException.Unavailable,
                "The request to the forge failed unexpectedly.",
                isTransient: true,
                status: 500,
                inner: error
            ),
        };

    private async Task<StatusRetry> FailAsync(
        RepositoryRow repository,
        CommitStatusRow row,
        ForgeRequestException error,
        int attempts,
        CancellationToken cancellationToken
    )
    {
        var now = time.GetUtcNow();
        var retry = StatusRetry.Of(row, error, attempts, now, Random.Shared.NextDouble());
        var before = retry.EndsRound ? attempts : 0;
        await store.FailedAsync(row, retry.Progress, retry.Code, error.Message, now + retry.Delay, before, cancellationToken);
        if (retry.BlocksAll)
        {
            await store.BlockAsync(repository.Id, retry.Code, error.Message, now + StatusRetry.ProbeInterval, cancellationToken);
        }

        if (retry.Progress == StatusProgress.Blocked)
        {
            Blocked(row.Key.Context, row.Key.Commit, repository.Id, error.Message);
        }
        else if (row.Attempts == 0)
        {
            Delayed(error.InnerException, row.Key.Context, row.Key.Commit, repository.Id, error.Message);
        }

        return retry;
    }

    [LoggerMessage(
        4901,
        LogLevel.Information,
        "Sent status {Context} of commit {Commit} of repository {Repository}: {State}, {Description}"
    )]
    private partial void Sent(string context, string commit, RepositoryId repository, CommitState state, string description);

    [LoggerMessage(
        4902,
        LogLevel.Warning,
        "The forge does not accept status {Context} of commit {Commit} of repository {Repository}; fix the cause and retry: {Message}"
    )]
    private partial void Blocked(string context, string commit, RepositoryId repository, string message);

    [LoggerMessage(
        4903,
        LogLevel.Warning,
        "Status {Context} of commit {Commit} of repository {Repository} could not be sent; retrying for days: {Message}"
    )]
    private partial void Delayed(Exception? exception, string context, string commit, RepositoryId repository, string message);
}
