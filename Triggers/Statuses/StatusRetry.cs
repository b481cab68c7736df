using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Statuses;

/// <summary>What a failed post means for its status and for the repository's other statuses.</summary>
/// <param name="Code">The code that is stored.</param>
/// <param name="Progress">Whether the status is sent again by itself.</param>
/// <param name="Delay">The delay before the next attempt; null: none.</param>
/// <param name="EndsRound">The others would fail, too: the forge is away, limits the rate, or does not accept the credential.</param>
/// <param name="BlocksAll">The credential is not accepted: no status of the repository is sent until that changes.</param>
public sealed record StatusRetry(string Code, StatusProgress Progress, TimeSpan? Delay, bool EndsRound, bool BlocksAll)
{
    /// <summary>The delay before the second attempt, doubled each time.</summary>
    public static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(5);

    /// <summary>The longest delay between two attempts, unless the forge asks for a longer one.</summary>
    public static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(15);

    /// <summary>The longest delay that a forge can ask for.</summary>
    public static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(24);

    /// <summary>How long a status is attempted before it is blocked.</summary>
    public static readonly TimeSpan GiveUpAfter = TimeSpan.FromDays(3);

    /// <summary>The interval at which a blocked status is sent to learn whether the credential was fixed.</summary>
    public static readonly TimeSpan ProbeInterval = TimeSpan.FromHours(6);

    /// <summary>
    /// Decides after an error. <paramref name="attempts"/> is how many attempts have failed since the forge is away, of any status of the
    /// repository; <paramref name="jitter"/> is between 0 and 1.
    /// </summary>
    public static StatusRetry Of(CommitStatusRow row, ForgeRequestException error, int attempts, DateTimeOffset now, double jitter)
    {
        ArgumentNullException.ThrowIfNull(row);
        ArgumentNullException.ThrowIfNull(error);
        var isExhausted = now - (row.FailingSince ?? now) >= GiveUpAfter;
        if (error.Code is ForgeRequestException.Unauthorized or ForgeRequestException.Forbidden)
        {
            return new(error.Code, StatusProgress.Blocked, ProbeInterval, EndsRound: true, BlocksAll: true);
        }

        if (!error.IsTransient || isExhausted)
        {
            // Access to a repository may be granted later; a refused commit stays refused.
            var probe = error.Code == ForgeRequestException.NotFound && !isExhausted ? ProbeInterval : (TimeSpan?)null;
            return new(error.Code, StatusProgress.Blocked, probe, EndsRound: false, BlocksAll: false);
        }

        // An error 500 may belong to this commit alone: Gitea responds so for a commit that it does not have.
        var isAway = error.Code == ForgeRequestException.Unavailable && error.Status is null or 502 or 503 or 504;
        var isForAll = isAway || error.Code == ForgeRequestException.RateLimited;
        var delay =
            Doubling.Of(FirstDelay, isForAll ? Math.Max(row.Attempts, attempts) : row.Attempts, LongestDelay) * (0.8 + (0.4 * jitter));
        if (error.RetryAfter is { } asked && asked > delay)
        {
            // Never earlier than asked, and not all repositories at the same moment.
            delay = (asked < LongestRetryAfter ? asked : LongestRetryAfter) + TimeSpan.FromSeconds(10 * jitter);
        }

        return new(isAway ? ForgeException.Unreachable : error.Code, StatusProgress.Open, delay, isForAll, BlocksAll: false);
    }
}
