using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Events;

/// <summary>Stores webhook deliveries, and has them processed again.</summary>
public sealed partial class DeliveryInbox(DeliveryStore deliveries, IGrainFactory grains, ILogger<DeliveryInbox> logger)
{
    /// <summary>
    /// Stores a signed delivery: committed when this returns, whatever happens next. A delivery that the forge has sent before keeps its
    /// id. Errors: <see cref="NotFoundException"/> for an unknown repository, <see cref="StorageUnavailableException"/>,
    /// <see cref="InvalidInputException"/> <c>payload_malformed</c>.
    /// </summary>
    public async Task<StoredDelivery> AcceptAsync(RepositoryId repository, WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(delivery);
        RequireShort(delivery.DeliveryId, "delivery id");
        RequireShort(delivery.EventName, "event name");
        var (reported, result) = DeliveryContent.Of(delivery.Event);
        var (refKey, contentKey) = result is null ? DeliveryContent.Keys(reported) : (null, null);
        var stored = await deliveries.AddAsync(
            new()
            {
                Repository = repository,
                ForgeDeliveryId = string.IsNullOrEmpty(delivery.DeliveryId) ? null : delivery.DeliveryId,
                EventName = delivery.EventName,
                Event = reported,
                RefKey = refKey,
                ContentKey = contentKey,
                Result = result,
            },
            cancellationToken
        );
        if (stored.IsWaiting)
        {
            _ = NotifyAsync(repository);
        }

        if (!stored.IsRepeat)
        {
            Received(stored.Id, repository, delivery.EventName);
        }

        return stored;
    }

    /// <summary>
    /// Processes a delivery again; a run of it is a new one. Errors: <see cref="NotFoundException"/>; <see cref="ConflictException"/>
    /// <c>delivery_waiting</c> while it still waits; <see cref="StorageUnavailableException"/>.
    /// </summary>
    public async Task<DeliveryRow> ProcessAgainAsync(DeliveryId id, Actor actor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        if (!await deliveries.RequeueAsync(id, actor.ToString(), cancellationToken))
        {
            throw new ConflictException("delivery_waiting", $"Delivery {id} still waits for its processing; wait for its outcome.");
        }

        var row = await deliveries.GetAsync(id, cancellationToken) ?? throw new NotFoundException("delivery", id.ToString());
        Requeued(id, row.RepositoryId, actor);
        _ = NotifyAsync(row.RepositoryId);
        return row;
    }

    private static void RequireShort(string? text, string what)
    {
        if (text is { Length: > Fields.Ref } || (text is not null && Schema.StorableText.Flaw(text) is not null))
        {
            throw new InvalidInputException("payload_malformed", $"The {what} must have at most {Fields.Ref} valid characters.");
        }
    }

    /// <summary>A hint: a delivery whose hint is lost is found by the recovery.</summary>
    private async Task NotifyAsync(RepositoryId repository)
    {
        try
        {
            await grains.GetGrain<IRepositoryInboxGrain>(repository.Value).Received();
        }
        catch (Exception e) when (e is OrleansException or ShipinatorException or InvalidOperationException or TimeoutException)
        {
            NotifyFailed(repository, e.Message);
        }
    }

    [LoggerMessage(4591, LogLevel.Information, "Received delivery {Delivery} of repository {Repository} ({EventName})")]
    private partial void Received(DeliveryId delivery, RepositoryId repository, string eventName);

    [LoggerMessage(4592, LogLevel.Information, "Delivery {Delivery} of repository {Repository} is processed again for {Actor}")]
    private partial void Requeued(DeliveryId delivery, RepositoryId repository, Actor actor);

    [LoggerMessage(4543, LogLevel.Debug, "The hint about a delivery of repository {Repository} was not sent: {Message}")]
    private partial void NotifyFailed(RepositoryId repository, string message);
}
