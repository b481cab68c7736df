using System.Security.Cryptography;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Events;
using Shipinator.WebFrontend.Api.Problems;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary>
/// Receives webhooks. Nothing of a request is parsed, stored or logged before its signature is verified; an unknown repository and a wrong
/// signature are the same response after the same work.
/// </summary>
public sealed partial class WebhookReceiver(
    IWebhookForges forges,
    IWebhookSecrets secrets,
    DeliveryInbox inbox,
    WebhookBodies bodies,
    AttemptLimits limits,
    TimeProvider time,
    ILogger<WebhookReceiver> logger
)
{
    private static readonly TimeSpan LogPeriod = TimeSpan.FromMinutes(1);

    /// <summary>Verified against when a repository has no secret, so that the response takes as long as for one that has.</summary>
    private readonly string[] _nobodys = [Convert.ToHexString(RandomNumberGenerator.GetBytes(32))];
    private readonly Lock _lock = new();
    private long _lastLogged;
    private int _refused;

    /// <summary>The stored delivery; or the response that refuses the request.</summary>
    public async Task<(StoredDelivery? Stored, IResult? Refusal)> ReceiveAsync(HttpContext context, string repositoryId)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (limits.MustWaitForWebhook(context, repositoryId) is { } wait)
        {
            return (
                null,
                Problem.TooMany(
                    context,
                    "too_many_attempts",
                    "Too many webhooks without a valid signature were sent from this address; wait for the time given in Retry-After.",
                    wait
                )
            );
        }

        var headers = context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        var type = context.Request.ContentType?.Split(';')[0].Trim().ToLowerInvariant();
        if (forges.Recognize(new(headers, type, default)) is not { } forge)
        {
            return (null, Refuse(context, repositoryId));
        }

        using var body = await bodies.ReadAsync(context);
        if (body is null)
        {
            context.Response.Headers.RetryAfter = "5";
            return (
                null,
                Problem.Of(503, "webhooks_busy", "The server is receiving as many webhooks as it can hold; send the delivery again.")
            );
        }

        var request = new WebhookRequest(headers, type, body.Bytes);
        var isId = EntityId.TryParse<RepositoryId>(repositoryId, out var repository);
        var live = await secrets.Of(isId ? repository : RepositoryId.New(time), context.RequestAborted);
        var isSigned = forge.IsSigned(request, live.Count == 0 ? _nobodys : live);
        if (!isSigned || live.Count == 0 || !isId)
        {
            return (null, Refuse(context, repositoryId));
        }

        limits.WebhookSucceeded(context, repository);
        try
        {
            return (await inbox.AcceptAsync(repository, forge.Parse(request), context.RequestAborted), null);
        }
        catch (NotFoundException)
        {
            return (null, Refuse(context, repositoryId));
        }
    }

    private Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult Refuse(HttpContext context, string repositoryId)
    {
        limits.WebhookFailed(context, repositoryId);
        Log(repositoryId, context);
        return Problem.Of(
            StatusCodes.Status401Unauthorized,
            "signature_invalid",
            "The request has no valid signature of this repository's webhook; set the secret of the webhook on the forge to the one that "
                + "Shipinator knows."
        );
    }

    /// <summary>One line a minute, however many requests there are.</summary>
    private void Log(string repositoryId, HttpContext context)
    {
        int count;
        lock (_lock)
        {
            _refused++;
            if (_lastLogged != 0 && time.GetElapsedTime(_lastLogged) < LogPeriod)
            {
                return;
            }

            _lastLogged = time.GetTimestamp();
            (count, _refused) = (_refused, 0);
        }

        var shown = EntityId.TryParse<RepositoryId>(repositoryId, out var id) ? id.ToString() : "(no id)";
        Refused(count, shown, context.Connection.RemoteIpAddress?.ToString() ?? "");
    }

    [LoggerMessage(
        4491,
        LogLevel.Warning,
        "Refused {Count} webhooks without a valid signature since the last message; the latest for {Repository} from {Address}"
    )]
    private partial void Refused(int count, string repository, string address);
}
