using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace Shipinator.Grains.Coordination;

/// <summary>
/// Sends the commit statuses of one repository: one round at a time, so that statuses keep their order and an unreachable forge delays
/// this repository alone. What is due, and since when it fails, is in the outbox: an activation may end at any moment.
/// </summary>
[GrainType("shipinator.status-sender"), Reentrant]
public sealed partial class StatusSenderGrain(ICommitStatusSender sender, TimeProvider time, ILogger<StatusSenderGrain> logger)
    : Grain,
        IStatusSenderGrain
{
    private static readonly TimeSpan RoundRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);

    /// <summary>A silo of an older version sends no hints.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);
    private IGrainTimer? _timer;
    private bool _isSending;
    private bool _isRequested;
    private bool _isFailing;

    /// <summary>False: changes of runs are ignored, because no status waits for one. Unknown at first.</summary>
    private bool _hasOpen = true;

    /// <inheritdoc/>
    public Task Registered() => Wake();

    /// <inheritdoc/>
    public Task RunChanged()
    {
        if (_hasOpen)
        {
            Request();
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task Wake(CancellationToken cancellationToken = default)
    {
        _hasOpen = true;
        Request();
        return Task.CompletedTask;
    }

    /// <summary>A request during a round starts another one after it.</summary>
    private void Request()
    {
        _isRequested = true;
        if (!_isSending)
        {
            _isSending = true;
            Schedule(TimeSpan.Zero);
        }
    }

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        _isSending = true;
        StatusRound round;
        try
        {
            do
            {
                _isRequested = false;
                round = await sender.Send(new(this.GetPrimaryKey()), cancellationToken);
            } while (_isRequested);
            if (_isFailing)
            {
                _isFailing = false;
                RoundRecovered(this.GetPrimaryKey());
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // Most likely the database is unavailable: retry soon, but log only once.
            if (!_isFailing)
            {
                _isFailing = true;
                RoundFailed(e, this.GetPrimaryKey());
            }

            Schedule(RoundRetry);
            return;
        }

        _isSending = false;
        _hasOpen = round.HasOpen;
        if (round.NextAt is { } next)
        {
            var delay = next - time.GetUtcNow();
            Schedule(delay > Shortest ? delay : Shortest);
        }
        else if (round.HasOpen)
        {
            Schedule(Longest);
        }
    }

    private void Schedule(TimeSpan due)
    {
        _timer?.Dispose();
        _timer = this.RegisterGrainTimer(
            SendAsync,
            new GrainTimerCreationOptions
            {
                DueTime = due,
                Period = Timeout.InfiniteTimeSpan,
                Interleave = true,
                KeepAlive = true,
            }
        );
    }

    [LoggerMessage(1511, LogLevel.Warning, "Commit statuses of repository {Repository} could not be sent; retrying every few seconds")]
    private partial void RoundFailed(Exception exception, Guid repository);

    [LoggerMessage(1512, LogLevel.Information, "Commit statuses of repository {Repository} can be sent again")]
    private partial void RoundRecovered(Guid repository);
}
