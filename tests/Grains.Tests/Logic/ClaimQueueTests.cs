using Microsoft.Extensions.Time.Testing;
using Shipinator.Grains.Executions;
using Shipinator.Grains.Tests.Engine;

namespace Shipinator.Grains.Tests.Logic;

public sealed class ClaimQueueTests
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(30);
    private readonly FakeTimeProvider _time = new();
    private readonly ClaimQueue _queue;

    public ClaimQueueTests() => _queue = new(_time);

    [Fact]
    public async Task Wait_WithoutResponse_EndsWithARetry()
    {
        var claim = Claim("r");
        _time.Advance(Wait - TimeSpan.FromMilliseconds(1));
        Assert.False(claim.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(ClaimKind.NotYet, (await claim).Kind);
        Assert.Empty(_queue.Waiting);
    }

    [Fact]
    public async Task Wait_WhileItsRowIsWritten_OutlastsItsTimeAndGetsTheWork()
    {
        var row = Given.Running("r");
        var (chosen, other) = (Claim("r"), Claim("other"));
        _queue.Choose("r", mayClone: true);
        _time.Advance(Wait);
        Assert.Equal(ClaimKind.NotYet, (await other).Kind);
        Assert.False(chosen.IsCompleted);
        Assert.Single(_queue.Waiting).Give(row, []);
        var result = await chosen;
        Assert.Equal((ClaimKind.Work, true, row.Spec), (result.Kind, result.MayClone, result.Spec));
    }

    [Fact]
    public async Task Wait_WhoseWriteFails_Fails()
    {
        var claim = Claim("r");
        _queue.Choose("r", mayClone: false);
        _time.Advance(Wait);
        _queue.Fail(Faults.Unavailable);
        Assert.Same(Faults.Unavailable, await Assert.ThrowsAsync<StorageUnavailableException>(() => claim));
    }

    [Fact]
    public async Task Wait_CallerLeaves_IsForgotten()
    {
        using var gone = new CancellationTokenSource();
        var claim = _queue.WaitAsync("r", Wait, () => Task.CompletedTask, gone.Token);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => claim);
        Assert.Empty(_queue.Waiting);
    }

    [Fact]
    public async Task Wait_WakesTheGrainOnlyOnceTheClaimIsThere()
    {
        var seen = 0;
        var claim = _queue.WaitAsync(
            "r",
            Wait,
            () =>
            {
                seen = _queue.Waiting.Count;
                return Task.CompletedTask;
            },
            TestContext.Current.CancellationToken
        );
        Assert.Equal(1, seen);
        _queue.Refuse();
        Assert.Equal(ClaimKind.NotNeeded, (await claim).Kind);
    }

    [Fact]
    public async Task Choose_RunnerThatClaimedTwice_LetsBothClone()
    {
        var claims = new[] { Claim("r"), Claim("other"), Claim("r") };
        _queue.Choose("r", mayClone: true);
        foreach (var waiter in _queue.Waiting)
        {
            waiter.Give(Given.Running("r"), []);
        }

        Assert.Equal([true, false, true], (await Task.WhenAll(claims)).Select(c => c.MayClone));
    }

    [Fact]
    public async Task Close_RefusesThoseThatWait_AndRemembersItForThoseThatCome()
    {
        var claim = Claim("r");
        Assert.False(_queue.NeverStarts);
        _queue.Close();
        Assert.True(_queue.NeverStarts);
        Assert.Equal(ClaimKind.NotNeeded, (await claim).Kind);
    }

    [Fact]
    public void Decide_ByTheRow()
    {
        var at = _time.GetUtcNow();
        var running = Given.Running("r");
        var log = new TransitionLog(running.Spec.Worker.RunId, at, "system");
        Assert.Equal(ClaimDecision.Wait, ClaimQueue.Decide(Given.Pending(), "r"));
        Assert.Equal(ClaimDecision.Give, ClaimQueue.Decide(Given.Submitted(), "r"));
        Assert.Equal(ClaimDecision.Give, ClaimQueue.Decide(running, "r"));
        Assert.Equal(ClaimDecision.Conflict, ClaimQueue.Decide(running, "other"));
        var canceled = running with { Cancel = new(at, Reason.CanceledByUser, "", "token:ada") };
        Assert.Equal(ClaimDecision.Refuse, ClaimQueue.Decide(canceled, "r"));
        var ended = ExecutionLogic.End(running, Status.Success, null, null, 0, log);
        Assert.Equal(ClaimDecision.Refuse, ClaimQueue.Decide(ended, "other"));
    }

    private Task<ClaimResult> Claim(string runner) =>
        _queue.WaitAsync(runner, Wait, () => Task.CompletedTask, TestContext.Current.CancellationToken);
}
