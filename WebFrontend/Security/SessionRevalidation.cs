using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Security;

/// <summary>
/// Signs an open page out when its token is revoked or its browser signs out in another tab, on any server. The
/// <see cref="AccessWatch"/> notifies it immediately.
/// </summary>
public sealed class SessionRevalidation : RevalidatingServerAuthenticationStateProvider
{
    private readonly BrowserSessionStore _store;
    private readonly AccessWatch _watch;
    private readonly Lock _lock = new();
    private IDisposable? _watching;
    private bool _isDisposed;

    /// <summary>For one circuit, or for one page that has none.</summary>
    public SessionRevalidation(ILoggerFactory loggers, BrowserSessionStore store, AccessWatch watch)
        : base(loggers)
    {
        (_store, _watch) = (store, watch);
        AuthenticationStateChanged += OnChanged;
    }

    /// <inheritdoc/>
    protected override TimeSpan RevalidationInterval => TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    protected override async Task<bool> ValidateAuthenticationStateAsync(
        AuthenticationState authenticationState,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(authenticationState);
        try
        {
            return authenticationState.User.FindFirst(DashboardAccess.SessionClaim)?.Value is { } session
                && await _store.FindAsync(session, cancellationToken) is { } row
                && authenticationState.User.IsInRole(row.Role);
        }
        catch (StorageUnavailableException)
        {
            // The database is unavailable. Every action checks the permission again.
            return true;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            _isDisposed = true;
            _watching?.Dispose();
        }

        AuthenticationStateChanged -= OnChanged;
        base.Dispose(disposing);
    }

    private async void OnChanged(Task<AuthenticationState> changed)
    {
        var user = (await changed).User;
        lock (_lock)
        {
            if (user.FindFirst(DashboardAccess.TokenClaim) is null)
            {
                _watching?.Dispose();
                _watching = null;
            }
            else if (!_isDisposed)
            {
                _watching ??= _watch.Watch(user, End);
            }
        }
    }

    private void End(string reason) => SetAuthenticationState(Task.FromResult(new AuthenticationState(DashboardAccess.Gone(reason))));
}
