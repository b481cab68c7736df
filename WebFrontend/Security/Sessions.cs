namespace Shipinator.WebFrontend.Security;

/// <summary>
/// Tells the open pages of this server at once that their browser has signed out in another tab. It remembers nothing: whether a session
/// counts is in the database, and pages at other servers learn it from the <see cref="AccessWatch"/>.
/// </summary>
public sealed class Sessions
{
    /// <summary>A session ended: its id, as <see cref="DashboardAccess.SessionClaim"/> names it.</summary>
    public event Action<string>? Ended;

    /// <summary>Ends one.</summary>
    public void End(string session) => Ended?.Invoke(session);
}
