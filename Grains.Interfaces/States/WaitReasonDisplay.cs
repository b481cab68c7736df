using System.Globalization;

namespace Shipinator;

/// <summary>Formats a <see cref="WaitReason"/> as text, for the API, the dashboard and older silos. Nothing else does.</summary>
public static class WaitReasonDisplay
{
    private const string TokenPrefix = "token:";

    /// <summary>The word of a kind: <c>slot</c>, <c>repository_turn</c>, … It is <c>waiting_for_kind</c> of the API.</summary>
    public static string Word(this WaitKind kind) => Words.Snake(kind.ToString());

    /// <summary>One line, without a period at its end unless the platform's own text has one.</summary>
    public static string Describe(this WaitReason reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        return reason.Kind switch
        {
            WaitKind.Unknown =>
                "Unknown: the server that runs it does not respond. If it stays unreachable, another server takes over within seconds.",
            WaitKind.Start => reason.Subject is null ? "Waiting to start" : $"Waiting for its {reason.Subject} to start",
            WaitKind.RepositoryTurn => Turn(reason),
            WaitKind.Dependencies => $"Waiting for {Names(reason)}",
            WaitKind.Children => $"Running {Names(reason)}",
            WaitKind.Retry => $"Waiting to start attempt {reason.Attempt} at {Clock(reason.At)}",
            WaitKind.PreviousAttempt => With("Waiting for its previous attempt to end", reason.Detail),
            WaitKind.CancelConfirmation => Cancel(reason),
            WaitKind.Slot => Slot(reason),
            WaitKind.Executor => $"Waiting for executor \"{reason.Subject}\"{Failures(reason.Attempt)}: {reason.Detail}",
            WaitKind.Runner => "Waiting for its runner to claim it",
            WaitKind.RunnerSilent => $"No heartbeat from its runner since {Clock(reason.At)}",
            WaitKind.Scheduling => With("Waiting for a node", reason.Detail),
            WaitKind.Image => With($"Waiting for image {reason.Subject}", reason.Detail),
            WaitKind.Container => With(Container(reason.Subject), reason.Detail),
            WaitKind.Service => With($"Waiting for service {reason.Subject} to become ready", reason.Detail),
            WaitKind.Checkout => "Waiting for the checkout of its source",
            WaitKind.Disruption => With("About to be stopped by the platform", reason.Detail),
            WaitKind.Worker => With("Waiting for its worker to be created", reason.Detail),
            // Also a kind that only a newer silo knows.
            _ => reason.Detail ?? "Waiting",
        };
    }

    private static string Turn(WaitReason reason) =>
        reason.Ahead switch
        {
            null => $"Superseded by run #{reason.RunNumber} of group \"{reason.Subject}\"",
            0 => $"Waiting for its turn in group \"{reason.Subject}\" (run #{reason.RunNumber} is active)",
            _ => $"Waiting for its turn in group \"{reason.Subject}\" (run #{reason.RunNumber} is active, {reason.Ahead} ahead)",
        };

    private static string Names(WaitReason reason) => $"{(reason.IsOfSteps ? "steps" : "jobs")}: {reason.Subject}";

    private static string Cancel(WaitReason reason)
    {
        var what = reason.Subject is null
            ? "Waiting for the executor to confirm that it is no longer running"
            : $"Waiting for its {reason.Subject} to stop";
        // Requested by a limit or another run, so there is no name to show.
        return reason.Actor is null or "system" ? $"{what} ({reason.Detail})" : $"{what} (cancel requested by {Actor(reason.Actor)})";
    }

    private static string Slot(WaitReason reason) =>
        reason is { Ahead: { } ahead, Limit: { } limit }
            ? $"Waiting for a slot on executor \"{reason.Subject}\" ({ahead} ahead, limit {limit})"
            : $"Waiting for a slot on executor \"{reason.Subject}\"";

    private static string Container(string? name) =>
        name is null ? "Waiting for its containers to start" : $"Waiting for container {name} to start";

    private static string Failures(int? attempt) => attempt is null ? "" : $" (attempt {attempt})";

    private static string Actor(string actor) =>
        actor.StartsWith(TokenPrefix, StringComparison.Ordinal) ? actor[TokenPrefix.Length..] : actor;

    private static string With(string words, string? detail) => string.IsNullOrEmpty(detail) ? words : $"{words}: {detail}";

    private static string Clock(DateTimeOffset? at) => string.Create(CultureInfo.InvariantCulture, $"{at?.UtcDateTime:HH:mm:ss} UTC");
}
