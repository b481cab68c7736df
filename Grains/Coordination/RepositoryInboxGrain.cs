using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Grains.Coordination;

/// <summary>
/// Processes the webhook deliveries of one repository in order. The database is the queue, and an attempt is recorded before it begins, so
/// this grain may end at any moment and may, for a moment, exist twice: processing a delivery twice creates one run.
/// </summary>
[GrainType("shipinator.repository-inbox")]
public sealed partial class RepositoryInboxGrain(
    IWaitingDeliveries queue,
    IDeliveryProcessing processing,
    TimeProvider time,
    IOptions<EngineOptions> options,
    ILogger<RepositoryInboxGrain> logger
) : Grain, IRepositoryInboxGrain
{
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(1);
    private readonly EngineOptions _options = options.Value;
    private IGrainTimer? _timer;
    private bool _isWorking;
    private bool _isRequested;
    private bool _failing;

    private RepositoryId Id => new(this.GetPrimaryKey());

    /// <inheritdoc/>
    public Task Received()
    {
        if (_isWorking)
        {
            _isRequested = true;
        }
        else
        {
            Schedule(TimeSpan.Zero);
        }

        return Task.CompletedTask;
    }

    private async Task WorkAsync(CancellationToken cancellationToken)
    {
        if (_isWorking)
        {
            return;
        }

        _isWorking = true;
        TimeSpan? wait;
        try
        {
            do
            {
                _isRequested = false;
                wait = await DrainAsync(cancellationToken);
            } while (_isRequested);
            if (_failing)
            {
                _failing = false;
                QueueRecovered(Id);
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // Most likely the database is unavailable: log once, and retry until it is back.
            if (!_failing)
            {
                _failing = true;
                QueueFailed(e, Id);
            }

            wait = Jitter(_options.DeliveryRetrySlowest < TimeSpan.FromSeconds(5) ? _options.RetryDelay : TimeSpan.FromSeconds(5));
        }
        finally
        {
            _isWorking = false;
        }

        if (wait is { } due)
        {
            Schedule(due);
        }
    }

    /// <summary>Processes what is due. Returns the time until the next attempt; null: the queue is empty.</summary>
    private async Task<TimeSpan?> DrainAsync(CancellationToken cancellationToken)
    {
        while (await queue.Next(Id, cancellationToken) is { } delivery)
        {
            var wait = delivery.NextAttemptAt - time.GetUtcNow();
            if (wait > TimeSpan.Zero)
            {
                return wait;
            }

            var next = time.GetUtcNow() + Backoff(delivery.Attempts);
            if (!await queue.Begin(delivery, next, cancellationToken))
            {
                // Another activation has begun with it, or a person has changed it.
                return _options.RetryDelay;
            }

            await AttemptAsync(delivery, next, cancellationToken);
        }

        return null;
    }

    private async Task AttemptAsync(QueuedDelivery delivery, DateTimeOffset next, CancellationToken cancellationToken)
    {
        DeliveryAttempt attempt;
        using (var limit = new CancellationTokenSource(_options.DeliveryAttemptTimeout, time))
        using (var linked = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken))
        {
            try
            {
                attempt = await processing.Process(delivery, linked.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                attempt = new() { Failure = $"The attempt exceeded {_options.DeliveryAttemptTimeout}." };
            }
        }

        if (attempt.Result is null && time.GetUtcNow() - delivery.QueuedAt >= _options.DeliveryTimeout)
        {
            attempt = DeliveryAttempt.Of(
                new(
                    DeliveryOutcome.GaveUp,
                    $"Given up after {delivery.Attempts + 1} attempts in {_options.DeliveryTimeout.TotalHours:0} h; the last one failed: "
                        + attempt.Failure
                )
            );
        }

        if (attempt.Result is { } result)
        {
            await queue.Complete(delivery.Id, result, cancellationToken);
            Processed(delivery.Id, Id, result.Outcome.Word(), result.Detail ?? "");
            return;
        }

        if (attempt.RetryAfter is { } asked)
        {
            asked = asked < LongestRetryAfter ? asked : LongestRetryAfter;
            next = time.GetUtcNow() + asked is var later && later > next ? later : next;
        }

        await queue.Postpone(delivery.Id, attempt.Failure ?? "", next, cancellationToken);
        if (delivery.Attempts == 0)
        {
            Postponed(delivery.Id, Id, attempt.Failure ?? "");
        }
    }

    /// <summary>Doubled with each attempt, with jitter.</summary>
    private TimeSpan Backoff(int attempts) => Jitter(Doubling.Of(_options.RetryDelay, attempts, _options.DeliveryRetrySlowest));

    private static TimeSpan Jitter(TimeSpan wait) => wait * (0.8 + (0.4 * Random.Shared.NextDouble()));

    private void Schedule(TimeSpan due)
    {
        if (_timer is null)
        {
            _timer = this.RegisterGrainTimer(
                WorkAsync,
                new GrainTimerCreationOptions
                {
                    DueTime = due,
                    Period = Timeout.InfiniteTimeSpan,
                    Interleave = true,
                    KeepAlive = true,
                }
            );
        }
        else
        {
            _timer.Change(due, Timeout.InfiniteTimeSpan);
        }
    }

    [LoggerMessage(1501, LogLevel.Information, "Processed delivery {Delivery} of repository {Repository}: {Outcome} {Detail}")]
    private partial void Processed(DeliveryId delivery, RepositoryId repository, string outcome, string detail);

    [LoggerMessage(1502, LogLevel.Warning, "Delivery {Delivery} of repository {Repository} can't be processed yet; retrying: {Failure}")]
    private partial void Postponed(DeliveryId delivery, RepositoryId repository, string failure);

    [LoggerMessage(1503, LogLevel.Warning, "The deliveries of repository {Repository} can't be processed; retrying")]
    private partial void QueueFailed(Exception exception, RepositoryId repository);

    [LoggerMessage(1504, LogLevel.Information, "The deliveries of repository {Repository} can be processed again")]
    private partial void QueueRecovered(RepositoryId repository);
}
