namespace Shipinator.Forges.Api;

/// <summary>The words of GitHub's API, which Gitea's shares.</summary>
internal static class StatusWords
{
    public static string Of(CommitState state) =>
        state switch
        {
            CommitState.Pending => "pending",
            CommitState.Success => "success",
            CommitState.Failure => "failure",
            CommitState.Error => "error",
            _ => throw new ArgumentOutOfRangeException(nameof(state), state, "Unknown state."),
        };
}
