namespace Shipinator.WebFrontend.Security;

/// <summary>
/// Tells the open pages of this server that their browser has signed out in another tab. It remembers nothing: what the next
/// request may is decided by its cookie, which is gone.
/// </summary>
public sealed class Sessions
{
    /// <summary>A session ended: its id, as <see cref="DashboardAccess.SessionClaim"/> names it.</summary>
    public event Action<string>? Ended;

    /// <summary>Ends one.</summary>
    public void End(string session) => Ended?.Invoke(session);
}
