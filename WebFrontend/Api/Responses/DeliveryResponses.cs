using Shipinator.Client;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Api.Responses;

/// <summary>Webhook deliveries as the API shows them.</summary>
internal static class DeliveryResponses
{
    public static DeliveryResponse Of(DeliveryRow d) =>
        new()
        {
            Id = d.Id.ToString(),
            RepositoryId = d.RepositoryId.ToString(),
            ForgeDeliveryId = d.ForgeDeliveryId,
            EventName = d.EventName,
            Summary = Summary(d.Event),
            Sender = d.Event.Sender,
            ReceivedAt = d.ReceivedAt,
            ProcessedAt = d.ProcessedAt,
            Outcome = d.Outcome?.Word(),
            Detail = d.Detail,
            DuplicateOf = d.DuplicateOf?.ToString(),
            Runs = [.. d.Runs.Select(r => r.ToString())],
            FileErrors = [.. d.FileErrors.Select(PipelineFileResponses.Of)],
            Attempts = d.Attempts,
            Failure = d.Failure,
            NextAttemptAt = d.ProcessedAt is null && d.Failure is not null ? d.NextAttemptAt : null,
            RequestedBy = d.RequestedBy,
        };

    /// <summary>What the delivery reports, in one line.</summary>
    public static string Summary(ForgeEvent reported) =>
        reported switch
        {
            ForgePush { After: null } push => $"{Short(push.Ref)} deleted",
            ForgePush push => $"{Short(push.Ref)} at {push.After[..Math.Min(8, push.After.Length)]}",
            ForgePullRequest pull => $"#{pull.Number} {pull.Action.ToString().ToLowerInvariant()}: {pull.Title}",
            ForgePing => "ping",
            _ => "",
        };

    private static string Short(string gitRef) =>
        gitRef.StartsWith("refs/heads/", StringComparison.Ordinal) ? gitRef["refs/heads/".Length..]
        : gitRef.StartsWith("refs/tags/", StringComparison.Ordinal) ? $"tag {gitRef["refs/tags/".Length..]}"
        : gitRef;
}
