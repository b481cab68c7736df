namespace Shipinator.Grains.Executions;

/// <summary>What a claim gets as the row stands.</summary>
internal enum ClaimDecision
{
    /// <summary>It waits: the execution has no slot yet.</summary>
    Wait,

    /// <summary>The runner is not needed: the execution has ended, or is about to.</summary>
    Refuse,

    /// <summary>Another runner has claimed the execution.</summary>
    Conflict,

    /// <summary>The runner gets the work.</summary>
    Give,
}

/// <summary>
/// The claims that wait in an execution's memory, in the order in which they came. Claims interleave with the grain's turns: they wait
/// here until a turn responds to them.
/// </summary>
internal sealed class ClaimQueue(TimeProvider time)
{
    private readonly List<ClaimWaiter> _waiters = [];

    /// <summary>The runner is not needed.</summary>
    public static ClaimResult Refusal { get; } = new(ClaimKind.NotNeeded, null, []);

    private static ClaimResult NotYet { get; } = new(ClaimKind.NotYet, null, []);

    /// <summary>Whether the execution will never start, so that a claim that is still on its way is refused when it arrives.</summary>
    public bool NeverStarts { get; private set; }

    /// <summary>The claims that wait now; a copy, since claims come and go while a turn awaits.</summary>
    public IReadOnlyList<ClaimWaiter> Waiting => [.. _waiters];

    /// <summary>What a runner's claim gets as the row stands.</summary>
    public static ClaimDecision Decide(ExecutionRecord row, string runner) =>
        row.Life.IsTerminal || row.Cancel is not null ? ClaimDecision.Refuse
        : row.ClaimedBy is not null && row.ClaimedBy != runner ? ClaimDecision.Conflict
        : row.Life.Status is Status.Submitted or Status.Running ? ClaimDecision.Give
        : ClaimDecision.Wait;

    /// <summary>
    /// Waits for a response up to <paramref name="wait"/>, then says that the runner should ask again. <paramref name="joined"/> is called
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
            // The row that gives it the work is being written, so a response follows. The runner must not get it by a second claim: that
            // one could not hold the clone credential any more.
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

    /// <summary>No claim will ever get work, neither those that wait nor those that come.</summary>
    public void Close()
    {
        NeverStarts = true;
        Refuse();
    }

    /// <summary>Refuses all claims that wait.</summary>
    public void Refuse() => _waiters.ForEach(w => w.Refuse());

    /// <summary>Fails all claims that wait.</summary>
    public void Fail(Exception error) => _waiters.ForEach(w => w.Fail(error));
}

/// <summary>A claim that waits.</summary>
internal sealed class ClaimWaiter(string runner)
{
    private readonly TaskCompletionSource<ClaimResult> _response = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Which runner process claims.</summary>
    public string Runner => runner;

    /// <summary>See <see cref="ClaimResult.MayClone"/>.</summary>
    public bool MayClone { get; set; }

    /// <summary>Whether the row that gives it the work is being written.</summary>
    public bool IsChosen { get; set; }

    /// <summary>Ends when the claim has a response; the first one counts.</summary>
    public Task<ClaimResult> Response => _response.Task;

    /// <summary>Gives it the work.</summary>
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
