using System.Globalization;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Statuses;

/// <summary>What people read about statuses that a forge does not accept: the cause, and what to do.</summary>
public static class StatusProblemText
{
    /// <summary>One or more sentences.</summary>
    public static string Of(StatusProblems problems)
    {
        ArgumentNullException.ThrowIfNull(problems);
        var count = problems.Blocked + problems.Retrying;
        var what = string.Create(CultureInfo.InvariantCulture, $"{count} commit status{(count == 1 ? "" : "es")} can't be sent: ");
        var cause = (problems.Error ?? "the forge does not accept them").Trim();
        return what + cause + (cause.EndsWith('.') ? " " : ". ") + Fix(problems);
    }

    private static string Fix(StatusProblems problems) =>
        problems.ErrorCode switch
        {
            ForgeRequestException.Unauthorized => "The credential is missing, expired or revoked: set a valid one, then retry.",
            ForgeRequestException.Forbidden => "Give the credential the right to write commit statuses, then retry.",
            ForgeRequestException.NotFound => "Check the clone URL and that the credential can see the repository, then retry.",
            _ when problems.Blocked == 0 => "They are sent again by themselves.",
            _ => "Fix the cause, then retry.",
        };
}
