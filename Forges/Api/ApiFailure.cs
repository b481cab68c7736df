using System.Text.Json;

namespace Shipinator.Forges.Api;

/// <summary>Converts a response that is no success into an error that names the forge, what was tried, the cause and the fix.</summary>
internal static class ApiFailure
{
    /// <summary>The error. Text that the forge sent is never part of it; it is logged.</summary>
    public static ForgeRequestException Of(ApiAddress api, ApiResponse response, string what, string rights, TimeSpan? retryAfter)
    {
        var (code, isTransient, why) = response.Status switch
        {
            401 => (ForgeRequestException.Unauthorized, false, "it does not accept the credential. Replace the repository's credential."),
            403 => (ForgeRequestException.Forbidden, false, $"the credential lacks a right. It needs {rights}."),
            404 or 410 => (
                ForgeRequestException.NotFound,
                false,
                "it has no such repository or object, or the credential may not see it. Check the clone URL; the credential needs "
                    + $"{rights}."
            ),
            408 or 425 or 429 or >= 500 => (
                ForgeRequestException.Unavailable,
                true,
                FormattableString.Invariant($"it responds with HTTP status {response.Status}.")
            ),
            _ => (
                ForgeRequestException.Refused,
                false,
                FormattableString.Invariant($"it refuses the request with HTTP status {response.Status}.")
            ),
        };
        return new(code, $"{api.Base.Host} could not {what}: {why}", isTransient, response.Status, isTransient ? retryAfter : null);
    }

    /// <summary>The error for a success whose body can't be used, such as the page of a proxy.</summary>
    public static ForgeRequestException Unreadable(ApiAddress api, string what, Exception? inner = null) =>
        new(
            ForgeRequestException.Unavailable,
            $"{api.Base.Host} could not {what}: its response is not the expected JSON. Check that the clone URL is that of the forge, and "
                + "that no proxy responds in its place.",
            isTransient: true,
            status: null,
            retryAfter: null,
            inner
        );

    /// <summary>The member <c>message</c> of an error's JSON on one line, for the log; empty when there is none.</summary>
    public static string MessageOf(ApiResponse response)
    {
        try
        {
            using var document = JsonDocument.Parse(response.Body);
            var text =
                document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("message", out var message)
                && message.ValueKind == JsonValueKind.String
                    ? message.GetString()!
                    : "";
            return string.Concat((text.Length > 300 ? text[..300] : text).Select(c => char.IsControl(c) ? ' ' : c)).Trim();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return "";
        }
    }
}
