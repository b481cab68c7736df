namespace Shipinator.Triggers.Schedules;

/// <summary>What an error means for a due time.</summary>
internal static class FiringErrors
{
    /// <summary>After so many failed attempts, spread over more than an hour, a due time is given up.</summary>
    public const int MostAttempts = 12;

    private const int LongestMessage = 1000;
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);

    /// <summary>The longest pause that a forge can ask for.</summary>
    private static readonly TimeSpan LongestRequestedPause = TimeSpan.FromHours(1);

    /// <summary>
    /// Whether a later attempt may succeed without anybody changing something. Unexpected errors count as such: a silo may be stopping.
    /// </summary>
    public static bool IsTransient(Exception error) =>
        error switch
        {
            ForgeException e => e.Code == ForgeException.Unreachable,
            ForgeRequestException e => e.IsTransient,
            ExecutorException e => e.IsTransient,
            StorageUnavailableException or RateLimitedException or PlanningBusyException => true,
            ShipinatorException or MalformedException or PipelineFileException => false,
            _ => true,
        };

    /// <summary>How long to wait after the failed attempt number <paramref name="attempt"/>, from 1.</summary>
    public static TimeSpan Pause(Exception error, int attempt)
    {
        var pause = Doubling.Of(FirstPause, Math.Max(attempt - 1, 0), LongestPause);
        var requested = error switch
        {
            ForgeRequestException e => e.RetryAfter,
            RateLimitedException e => e.RetryAfter,
            ExecutorException e => e.RetryAfter,
            _ => null,
        };
        var longest = requested > LongestRequestedPause ? LongestRequestedPause : requested ?? TimeSpan.Zero;
        return longest > pause ? longest : pause;
    }

    /// <summary>The error for people; an unexpected one may contain anything and is only in the server's log.</summary>
    public static string Message(Exception error) =>
        error switch
        {
            ShipinatorException or MalformedException or RateLimitedException or PlanningBusyException or PipelineFileException =>
                Schema.StorableText.Cut(error.Message.Replace('\0', '?'), LongestMessage),
            OrleansException or TimeoutException => "The cluster did not respond.",
            _ => "An unexpected error occurred; the server's log has the details.",
        };
}
