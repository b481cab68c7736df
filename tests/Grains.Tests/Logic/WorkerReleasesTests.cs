using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Shipinator.Grains.Jobs;

namespace Shipinator.Grains.Tests.Logic;

public sealed class WorkerReleasesTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly WorkerReleases _releases;
    private readonly List<int> _asked = [];
    private readonly HashSet<int> _refused = [];
    private TimeSpan? _retryAfter;

    public WorkerReleasesTests() => _releases = new(_time, TimeSpan.FromSeconds(1), NullLogger.Instance);

    [Fact]
    public async Task Run_OneIsRefused_OthersAreReleasedOnce_AndItIsRetriedWhenItIsDue()
    {
        _refused.Add(1);
        var wait = await RunAsync(1, 2);
        Assert.InRange(wait!.Value, TimeSpan.FromSeconds(0.75), TimeSpan.FromSeconds(1.25));
        Assert.Equal(wait, await RunAsync(1, 2));
        Assert.Equal([1, 2], _asked);
        _time.Advance(wait.Value);
        _refused.Clear();
        Assert.Null(await RunAsync(1, 2));
        Assert.Null(await RunAsync(1, 2));
        Assert.Equal([1, 2, 1], _asked);
    }

    [Fact]
    public async Task Run_ExecutorSaysWhen_IsLeftAlone_ButNotForLongerThanTwoMinutes()
    {
        _refused.Add(1);
        _retryAfter = TimeSpan.FromSeconds(50);
        Assert.InRange((await RunAsync(1))!.Value, TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(75));
        _time.Advance(TimeSpan.FromSeconds(75));
        _retryAfter = TimeSpan.FromHours(5);
        Assert.InRange((await RunAsync(1))!.Value, TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(3));
    }

    private Task<TimeSpan?> RunAsync(params int[] attempts) =>
        _releases.RunAsync(
            JobId.New(TimeProvider.System),
            attempts,
            (attempt, _) =>
            {
                _asked.Add(attempt);
                return _refused.Contains(attempt)
                    ? Task.FromException(ExecutorException.Transient("full", retryAfter: _retryAfter))
                    : Task.CompletedTask;
            },
            TestContext.Current.CancellationToken
        );
}
