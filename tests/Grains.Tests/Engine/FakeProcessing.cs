using System.Collections.Concurrent;

namespace Shipinator.Grains.Tests.Engine;

/// <summary>What the test wants deliveries to lead to.</summary>
internal sealed class FakeProcessing : IDeliveryProcessing
{
    /// <summary>Every attempt, by its delivery.</summary>
    public ConcurrentQueue<DeliveryId> Attempts { get; } = new();

    /// <summary>The outcome of an attempt, by the ref of the push.</summary>
    public ConcurrentDictionary<string, Func<QueuedDelivery, CancellationToken, Task<DeliveryAttempt>>> By { get; } = new();

    public static DeliveryAttempt Done { get; } = DeliveryAttempt.Of(new(DeliveryOutcome.Filtered, "Says the test."));

    public Task<DeliveryAttempt> Process(QueuedDelivery delivery, CancellationToken cancellationToken)
    {
        Attempts.Enqueue(delivery.Id);
        return By.TryGetValue(((ForgePush)delivery.Event).Ref, out var act) ? act(delivery, cancellationToken) : Task.FromResult(Done);
    }
}
