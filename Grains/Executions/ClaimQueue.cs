namespace Shipinator.Grains.Executions;

/// <summary>The outcome of a claim for the current row.</summary>
internal enum ClaimDecision
{
    /// <summary>The claim waits: the execution has no slot yet.</summary>
    Wait,

    /// <summary>The runner is not needed: the execution has ended, or is about to.</summary>
    Refuse,

    /// <summary>Another runner has claimed the execution.</summary>
    Conflict,

    /// <summary>The runner gets the work.</summary>
    Give,
}

/// <summary>
/// The pending claims of an execution, in memory, in order of arrival. Claims interleave with the grain's turns and wait here until a turn
/// completes them.
/// </summary>
internal sealed class ClaimQueue(TimeProvider time)
{
    private readonly List<ClaimWaiter> _waiters = [];

    /// <summary>The runner is not needed.</summary>
    public static ClaimResult Refusal { get; } = new(ClaimKind.NotNeeded, null, []);

    private static ClaimResult NotYet { get; } = new(ClaimKind.NotYet, null, []);

    /// <summary>Whether the execution will never start, so that a claim that is still on its way is refused when it arrives.</summary>
    public bool NeverStarts { get; private set; }

    /// <summary>A snapshot of the pending claims, because claims are added and removed while a turn awaits.</summary>
    public IReadOnlyList<ClaimWaiter> Waiting => [.. _waiters];

    /// <summary>The outcome of a runner's claim for the current row.</summary>
    public static ClaimDecision Decide(ExecutionRecord row, string runner) =>
        row.Life.IsTerminal || row.Cancel is not null ? ClaimDecision.Refuse
        : row.ClaimedBy is not null && row.ClaimedBy != runner ? ClaimDecision.Conflict
        : row.Life.Status is Status.Submitted or Status.Running ? ClaimDecision.Give
        : ClaimDecision.Wait;

    /// <summary>
    /// Waits for a response up to <paramref name="wait"/>, then asks the runner to retry. <paramref name="joined"/> is called
    /// when the claim has joined the queue. Errors: those given to <see cref="Fail"/> and <see cref="ClaimWaiter.Conflict"/>.
    /// </summary>
    public async Task<ClaimResult> WaitAsync(string runner, TimeSpan wait, Func<Task> joined, CancellationToken cancellationToken)
    {
        var waiter = new ClaimWaiter(runner);
        _waiters.Add(waiter);
        try
        {
            await joined();
            return await waiter.Response.WaitAsync(wait, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // The row that assigns the work is being written, so a response follows. The runner must not get it by a second claim: that
            // response could no longer contain the clone credential.
            return waiter.IsChosen ? await waiter.Response.WaitAsync(cancellationToken) : NotYet;
        }
        finally
        {
            _waiters.Remove(waiter);
        }
    }

    /// <summary>
    /// The runner's claims are about to be written to the row: they wait for that write. The same runner may have claimed twice, because it
    /// gave up its first request.
    /// </summary>
    public void Choose(string runner, bool mayClone)
    {
        foreach (var waiter in _waiters.Where(w => w.Runner == runner))
        {
            waiter.IsChosen = true;
            waiter.MayClone |= mayClone;
        }
    }

    /// <summary>Refuses all pending and future claims.</summary>
    public void Close()
    {
        NeverStarts = true;
        Refuse();
    }

    /// <summary>Refuses all pending claims.</summary>
    public void Refuse() => _waiters.ForEach(w => w.Refuse());

    /// <summary>Fails all pending claims with an exception.</summary>
    public void Fail(Exception error) => _waiters.ForEach(w => w.Fail(error));
}

/// <summary>A pending claim.</summary>
internal sealed class ClaimWaiter(string runner)
{
    private readonly TaskCompletionSource<ClaimResult> _response = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The runner process that claims.</summary>
    public string Runner => runner;

    /// <summary>See <see cref="ClaimResult.MayClone"/>.</summary>
    public bool MayClone { get; set; }

    /// <summary>Whether the row that assigns the work to this runner is being written.</summary>
    public bool IsChosen { get; set; }

    /// <summary>Completes with the first response.</summary>
    public Task<ClaimResult> Response => _response.Task;

    /// <summary>Completes the claim with the work.</summary>
    public void Give(ExecutionRecord row, System.Collections.Immutable.ImmutableArray<ResolvedInput> inputs) =>
        _response.TrySetResult(new(ClaimKind.Work, row.Spec, inputs, MayClone, row.ExecutorType));

    /// <summary>The runner is not needed.</summary>
    public void Refuse() => _response.TrySetResult(ClaimQueue.Refusal);

    /// <summary>Another runner has the work.</summary>
    public void Conflict(ExecutionId execution) =>
        Fail(new ConflictException("claimed", $"Execution {execution} was claimed by another runner."));

    /// <summary>The claim fails.</summary>
    public void Fail(Exception error) => _response.TrySetException(error);
}
