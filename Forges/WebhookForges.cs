namespace Shipinator.Forges;

/// <summary>The registered webhook forges, asked in the order of <see cref="IWebhookForge.RecognitionOrder"/>.</summary>
public sealed class WebhookForges(IEnumerable<IForge> forges) : IWebhookForges
{
    private readonly IReadOnlyList<IWebhookForge> _inOrder = [.. forges.OfType<IWebhookForge>().OrderBy(f => f.RecognitionOrder)];

    /// <inheritdoc/>
    public IWebhookForge? Recognize(WebhookRequest request) => _inOrder.FirstOrDefault(f => f.Recognizes(request));
}
