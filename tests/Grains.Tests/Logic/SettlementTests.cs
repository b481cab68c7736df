using Microsoft.Extensions.Logging.Abstractions;

namespace Shipinator.Grains.Tests.Logic;

public sealed class SettlementTests
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);
    private readonly Settlement _settlement = new("Test", Guid.Empty, RetryDelay, NullLogger.Instance);
    private readonly List<string> _done = [];
    private bool _fails = true;

    [Fact]
    public async Task Run_OnePartFails_OthersAreDoneOnceAndTheTraceStaysUntilAllAre()
    {
        SettlePart[] parts = [Part("good"), Part("bad", () => _fails)];
        Assert.Equal(RetryDelay, await RunAsync(parts));
        Assert.Equal(RetryDelay * 2, await RunAsync(parts));
        Assert.Equal(["good"], _done);
        _fails = false;
        Assert.Null(await RunAsync(parts));
        Assert.Null(await RunAsync(parts));
        Assert.Equal(["good", "bad", "trace"], _done);
    }

    [Fact]
    public async Task Run_NeverDone_IsRetriedOnceAMinuteAtTheLatest()
    {
        TimeSpan? wait = null;
        for (var i = 0; i < 40; i++)
        {
            wait = await RunAsync([Part("bad", () => true)]);
        }

        Assert.Equal(TimeSpan.FromMinutes(1), wait);
    }

    [Fact]
    public async Task Run_PartWantsToGoOnLater_SaysTheShortestWait()
    {
        SettlePart later = new("later", _ => Task.FromResult<TimeSpan?>(TimeSpan.FromSeconds(7)));
        SettlePart soon = new("soon", _ => Task.FromResult<TimeSpan?>(TimeSpan.FromSeconds(3)));
        Assert.Equal(TimeSpan.FromSeconds(3), await RunAsync([later, soon, Part("good")]));
        Assert.Equal(["good"], _done);
    }

    [Fact]
    public async Task Run_TraceCantBeRemoved_OnlyThatIsRetried()
    {
        var trace = Part("trace", () => _fails);
        Assert.Equal(RetryDelay, await _settlement.RunAsync([Part("good")], trace, TestContext.Current.CancellationToken));
        _fails = false;
        Assert.Null(await _settlement.RunAsync([Part("good")], trace, TestContext.Current.CancellationToken));
        Assert.Equal(["good", "trace"], _done);
    }

    private Task<TimeSpan?> RunAsync(SettlePart[] parts) =>
        _settlement.RunAsync(parts, Part("trace"), TestContext.Current.CancellationToken);

    private SettlePart Part(string name, Func<bool>? fails = null) =>
        SettlePart.Of(
            name,
            _ =>
            {
                if (fails?.Invoke() == true)
                {
                    throw new InvalidOperationException(name);
                }

                _done.Add(name);
                return Task.CompletedTask;
            }
        );
}
