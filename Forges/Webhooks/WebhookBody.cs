using System.Globalization;

namespace Shipinator.Forges.Webhooks;

/// <summary>The JSON text of a webhook, in either content type that forges send.</summary>
internal static class WebhookBody
{
    private const string FormType = "application/x-www-form-urlencoded";

    /// <summary>Whether the JSON is the form field <c>payload</c>.</summary>
    public static bool IsForm(WebhookRequest request) => request.ContentType == FormType;

    /// <summary>
    /// The bytes of the JSON. Errors: <see cref="InvalidInputException"/> for another content type, and for a form without exactly one
    /// well-formed field <c>payload</c>.
    /// </summary>
    public static ReadOnlyMemory<byte> Json(WebhookRequest request) =>
        request.ContentType switch
        {
            "application/json" => request.Body,
            FormType => FormPayload(request.Body)
                ?? throw PayloadPart.Malformed("The form must have exactly one field 'payload', percent-encoded."),
            _ => throw PayloadPart.Malformed(
                $"The content type must be application/json or {FormType}; set it in the webhook's settings on the forge."
            ),
        };

    /// <summary>The decoded field <c>payload</c> of a form; null when there is none, or several, or it is not well-formed.</summary>
    public static ReadOnlyMemory<byte>? FormPayload(ReadOnlyMemory<byte> body)
    {
        ReadOnlyMemory<byte>? found = null;
        for (var rest = body; ; )
        {
            var end = rest.Span.IndexOf((byte)'&');
            var field = end < 0 ? rest : rest[..end];
            if (field.Span.StartsWith("payload="u8))
            {
                if (found is not null)
                {
                    return null;
                }

                found = field["payload=".Length..];
            }

            if (end < 0)
            {
                return found is { } value ? Decoded(value.Span) : null;
            }

            rest = rest[(end + 1)..];
        }
    }

    private static ReadOnlyMemory<byte>? Decoded(ReadOnlySpan<byte> text)
    {
        var bytes = new byte[text.Length];
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                bytes[length++] = text[i] == '+' ? (byte)' ' : text[i];
            }
            else if (
                i + 2 < text.Length
                && byte.TryParse(text.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var one)
            )
            {
                bytes[length++] = one;
                i += 2;
            }
            else
            {
                return null;
            }
        }

        return bytes.AsMemory(0, length);
    }
}
