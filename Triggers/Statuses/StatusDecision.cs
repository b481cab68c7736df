using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Statuses;

/// <summary>What to do about a status now.</summary>
public enum StatusAction
{
    /// <summary>Nothing until its run changes.</summary>
    Wait,

    /// <summary>Send it.</summary>
    Send,

    /// <summary>Look again at <see cref="StatusDecision.At"/>.</summary>
    Later,

    /// <summary>The forge has the end: nothing remains.</summary>
    Settle,
}

/// <summary>
/// Compares a row of the outbox with its run. Changes of the state are sent at once; changes of the description only, which come with every
/// job, are sent rarely and a limited number of times, because GitHub accepts 1,000 statuses for a context of a commit.
/// </summary>
public sealed record StatusDecision(StatusAction Action, CommitState State = default, string Description = "", DateTimeOffset? At = null)
{
    /// <summary>How many pending statuses of one run are sent at most.</summary>
    public const int MaxPending = 10;

    /// <summary>From this many posts on, only ends are sent.</summary>
    public const int PostsForProgress = 900;

    /// <summary>The interval between two descriptions of one run.</summary>
    public static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(15);

    /// <summary>How long a run may take from its registration to its creation before the status says that it was not created.</summary>
    public static readonly TimeSpan CreationLimit = TimeSpan.FromHours(1);

    /// <summary>Whether the state to send is the last one.</summary>
    public bool IsEnd => State != CommitState.Pending;

    /// <summary>Decides for a row.</summary>
    public static StatusDecision Of(CommitStatusRow row, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(row);
        (CommitState State, string Description) wanted;
        if (row.RunId is null)
        {
            wanted = (row.FixedState!.Value, StatusText.Fit(row.FixedDescription!));
        }
        else if (row.Run is { } run)
        {
            wanted = StatusText.Of(run);
        }
        else if (now - row.RegisteredAt < CreationLimit)
        {
            return new(StatusAction.Later, At: row.RegisteredAt + CreationLimit);
        }
        else
        {
            wanted = (CommitState.Error, "The run was not created; trigger it again");
        }

        var isEnd = wanted.State != CommitState.Pending;
        // A rerun may end like the original; its page is another one.
        if (row.RunPosts > 0 && row.SentState == wanted.State && (isEnd || row.SentDescription == wanted.Description))
        {
            return new(isEnd ? StatusAction.Settle : StatusAction.Wait);
        }

        if (!isEnd)
        {
            if (row.RunPosts >= MaxPending || row.Posts >= PostsForProgress)
            {
                return new(StatusAction.Wait);
            }

            if (row is { RunPosts: > 0, SentState: CommitState.Pending, SentAt: { } sent } && sent + ProgressInterval > now)
            {
                return new(StatusAction.Later, At: sent + ProgressInterval);
            }
        }

        return new(StatusAction.Send, wanted.State, wanted.Description);
    }
}
