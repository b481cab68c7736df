using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Dashboard.Live;

namespace Shipinator.WebFrontend.Security;

/// <summary>Who sits before a screen, and what they may do; asked of the database at the moment of doing.</summary>
public sealed class Session(AuthenticationStateProvider authentication, BrowserSessionStore sessions)
{
    /// <summary>Whether to show what changes things.</summary>
    public async Task<bool> MayAsync(string policy) =>
        Allows((await authentication.GetAuthenticationStateAsync()).User.FindFirst(ClaimTypes.Role)?.Value, policy);

    /// <summary>
    /// The actor for the history, if the token behind this session still may. Errors: <see cref="InvalidInputException"/>
    /// <c>forbidden</c>.
    /// </summary>
    public async Task<string> RequireAsync(string policy, CancellationToken cancellationToken = default)
    {
        var session = (await authentication.GetAuthenticationStateAsync()).User.FindFirst(DashboardAccess.SessionClaim)?.Value;
        var row = session is null ? null : await sessions.FindAsync(session, cancellationToken);
        return row is not null && Allows(row.Role, policy)
            ? $"token:{row.Name}"
            : throw new InvalidInputException(
                "forbidden",
                row is null
                    ? "You are signed out: your token was revoked, or you signed out in another tab. Sign in again."
                    : $"Your token's role is '{row.Role}': it may not do that."
            );
    }

    private static bool Allows(string? role, string policy) =>
        policy switch
        {
            Policies.Admin => role is Policies.Admin,
            Policies.Write => role is Policies.Admin or Policies.Write,
            Policies.Read => role is Policies.Admin or Policies.Write or Policies.Read,
            _ => false,
        };
}

/// <summary>
/// Ends what an open screen may see when its token is revoked, or when its browser signs out in another tab: told at once by
/// the news of tokens, which all screens share, and within seconds by the <see cref="AccessWatch"/> in case these are not heard.
/// </summary>
public sealed class SessionRevalidation : RevalidatingServerAuthenticationStateProvider
{
    private readonly BrowserSessionStore _store;
    private readonly AccessWatch _watch;
    private readonly SharedViews<bool, TokensSnapshot> _news;
    private readonly Sessions _sessions;
    private readonly Lock _lock = new();
    private IDisposable? _subscription;
    private IDisposable? _watching;
    private string? _session;
    private string? _token;
    private bool _isDisposed;

    /// <summary>For one circuit, or one page that is no circuit's.</summary>
    public SessionRevalidation(
        ILoggerFactory loggers,
        BrowserSessionStore store,
        AccessWatch watch,
        SharedViews<bool, TokensSnapshot> news,
        Sessions sessions
    )
        : base(loggers)
    {
        ArgumentNullException.ThrowIfNull(sessions);
        (_store, _watch, _news, _sessions) = (store, watch, news, sessions);
        sessions.Ended += OnEnded;
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
            // Not known now. What is done is asked about again when it is done.
            return true;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            _isDisposed = true;
            _subscription?.Dispose();
            _watching?.Dispose();
        }

        _sessions.Ended -= OnEnded;
        AuthenticationStateChanged -= OnChanged;
        base.Dispose(disposing);
    }

    private async void OnChanged(Task<AuthenticationState> changed)
    {
        var user = (await changed).User;
        lock (_lock)
        {
            (_session, _token) = (user.FindFirst(DashboardAccess.SessionClaim)?.Value, user.FindFirst(DashboardAccess.TokenClaim)?.Value);
            if (_token is null)
            {
                _subscription?.Dispose();
                _subscription = null;
                _watching?.Dispose();
                _watching = null;
            }
            else if (!_isDisposed)
            {
                _subscription ??= _news.Subscribe(true, LookAsync);
                _watching ??= _watch.Watch(user, End);
            }
        }
    }

    private Task LookAsync(ViewState<TokensSnapshot> state)
    {
        // What is known may be older than the token: only that it was revoked is certain.
        if (state.Value?.Tokens.Any(t => t.RevokedAt is not null && t.Id.ToString() == _token) == true)
        {
            End("Your token was revoked.");
        }

        return Task.CompletedTask;
    }

    private void OnEnded(string session)
    {
        if (session.Length > 0 && session == _session)
        {
            End("You have signed out in another tab.");
        }
    }

    private void End(string why) => SetAuthenticationState(Task.FromResult(new AuthenticationState(DashboardAccess.Gone(why))));
}
