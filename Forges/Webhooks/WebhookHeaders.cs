namespace Shipinator.Forges.Webhooks;

/// <summary>Reading the headers of a webhook.</summary>
internal static class WebhookHeaders
{
    private const int Longest = 100;

    /// <summary>The value of the first of these headers that the request has; null when it has none.</summary>
    public static string? First(WebhookRequest request, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (request.Headers.TryGetValue(name, out var value))
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>The name of the event. Errors: <see cref="InvalidInputException"/> when it is missing or not a plain word.</summary>
    public static string EventName(WebhookRequest request, params ReadOnlySpan<string> names) =>
        First(request, names) is { } name && IsPlain(name)
            ? name
            : throw PayloadPart.Malformed($"The header {names[0]} must name the event with letters, digits, '_' and '-'.");

    /// <summary>
    /// The id of the delivery; null when there is none. Errors: <see cref="InvalidInputException"/> when it is not a plain word.
    /// </summary>
    public static string? DeliveryId(WebhookRequest request, params ReadOnlySpan<string> names) =>
        First(request, names) is not { Length: > 0 } id ? null
        : IsPlain(id) ? id
        : throw PayloadPart.Malformed($"The header {names[0]} must be the delivery's id: letters, digits, '_' and '-'.");

    private static bool IsPlain(string text) =>
        text.Length is > 0 and <= Longest && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-');
}
