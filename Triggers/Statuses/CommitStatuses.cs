using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Statuses;

/// <summary>
/// Registers what commits report, before or with the run's creation, so that no crash loses a status. Nothing is registered for a forge
/// without statuses. Errors of every method: <see cref="StorageUnavailableException"/>.
/// </summary>
public sealed class CommitStatuses(
    CommitStatusStore store,
    RepositoryStore repositories,
    IForgeRegistry forges,
    IRepositoryCredentials credentials,
    StatusSignal signal
)
{
    private const string Prefix = "shipinator/";

    /// <summary>The stable context of a trigger type: <c>shipinator/push</c>.</summary>
    public static string ContextOf(string triggerType) => Prefix + triggerType;

    /// <summary>
    /// The contexts of these trigger types report the run, which need not exist yet; call it before the run is created. A newer run of the
    /// same commit and context keeps it. Idempotent.
    /// </summary>
    public async Task RegisterAsync(
        RepositoryRow repository,
        string commit,
        RunId run,
        IReadOnlyCollection<string> triggerTypes,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(repository);
        ArgumentNullException.ThrowIfNull(triggerTypes);
        if (await IsReportedAsync(repository, triggerTypes, cancellationToken))
        {
            await store.RegisterAsync(repository.Id, commit, [.. triggerTypes.Select(ContextOf)], run, null, cancellationToken);
            await signal.NotifyAsync(repository.Id);
        }
    }

    /// <summary>
    /// A rerun takes over the context of its trigger type, and every context that reports the original or another rerun of it.
    /// </summary>
    public async Task RegisterRerunAsync(RunRecord earlier, RunId rerun, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        var type = earlier.Plan.Trigger.Event;
        var (origin, contexts) = await store.OfRerunAsync(earlier.Id, cancellationToken);
        if (
            await repositories.GetAsync(earlier.RepositoryId, cancellationToken) is { } repository
            && (contexts.Count > 0 || await IsReportedAsync(repository, [type], cancellationToken))
        )
        {
            await store.RegisterAsync(
                repository.Id,
                earlier.Source.Commit,
                [.. contexts, ContextOf(type)],
                rerun,
                origin,
                cancellationToken
            );
            await signal.NotifyAsync(repository.Id);
        }
    }

    /// <summary>
    /// Reports a commit for which no run is created: filtered, skipped, no pipeline file, a file with errors. A run of the same commit and
    /// context is never hidden by it. Idempotent.
    /// </summary>
    /// <param name="repository">The repository.</param>
    /// <param name="commit">The full commit id.</param>
    /// <param name="triggerType"><c>push</c> or <c>pr</c>.</param>
    /// <param name="state">The state, usually <see cref="CommitState.Success"/>.</param>
    /// <param name="description">One sentence; longer ones are cut.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    public async Task RegisterOutcomeAsync(
        RepositoryRow repository,
        string commit,
        string triggerType,
        CommitState state,
        string description,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(repository);
        if (
            await IsReportedAsync(repository, [triggerType], cancellationToken)
            && await store.RegisterFixedAsync(
                new(repository.Id, commit, ContextOf(triggerType)),
                state,
                StatusText.Fit(description),
                cancellationToken
            )
        )
        {
            await signal.NotifyAsync(repository.Id);
        }
    }

    /// <summary>
    /// Whether the repository's forge shows statuses. Runs that people or schedules start are reported only with a credential: without one
    /// nobody expects their statuses, whereas a webhook's run without one is an error that is shown.
    /// </summary>
    private async Task<bool> IsReportedAsync(
        RepositoryRow repository,
        IReadOnlyCollection<string> triggerTypes,
        CancellationToken cancellationToken
    )
    {
        if (!HasStatuses(repository.VcsProvider))
        {
            return false;
        }

        try
        {
            return triggerTypes.Any(t => t is "push" or "pr")
                || await credentials.Find(repository.Id, repository.CloneUrl, cancellationToken) is not null;
        }
        catch (ShipinatorException e) when (e is not StorageUnavailableException)
        {
            // There is one, which can't be decrypted: the attempt to send the status shows that, and the run is created all the same.
            return true;
        }
    }

    private bool HasStatuses(string provider)
    {
        try
        {
            return forges.Get(provider) is IStatusForge;
        }
        catch (InvalidInputException)
        {
            // The provider is no longer registered.
            return false;
        }
    }
}
