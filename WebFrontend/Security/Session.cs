using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Live;

namespace Shipinator.WebFrontend.Security;

/// <summary>Who sits before a screen, and what they may do; asked of the database at the moment of doing.</summary>
public sealed class Session(AuthenticationStateProvider authentication, TokenStore tokens)
{
    /// <summary>Whether to show what changes things.</summary>
    public async Task<bool> MayAsync(string policy) => Allows((await authentication.GetAuthenticationStateAsync()).User.FindFirst(ClaimTypes.Role)?.Value, policy);

    /// <summary>
    /// The actor for the history, if the token behind this session still may. Errors: <see cref="InvalidInputException"/>
    /// <c>forbidden</c>.
    /// </summary>
    public async Task<string> RequireAsync(string policy, CancellationToken cancellationToken = default)
    {
        var row = await TokenAsync(authentication, tokens, cancellationToken);
        return row is not null && Allows(row.Role, policy)
            ? $"token:{row.Name}"
            : throw new InvalidInputException("forbidden", row is null ? "You are signed out: your token was revoked, or you signed out in another tab. Sign in again." : $"Your token's role is '{row.Role}': it may not do that.");
    }

    internal static async Task<TokenRow?> TokenAsync(AuthenticationStateProvider authentication, TokenStore tokens, CancellationToken cancellationToken) =>
        Guid.TryParse((await authentication.GetAuthenticationStateAsync()).User.FindFirst(DashboardAccess.TokenClaim)?.Value, out var id)
            ? await tokens.GetAsync(id, cancellationToken)
            : null;

    private static bool Allows(string? role, string policy) => policy switch
    {
        Policies.Admin => role is Policies.Admin,
        Policies.Write => role is Policies.Admin or Policies.Write,
        Policies.Read => role is Policies.Admin or Policies.Write or Policies.Read,
        _ => false,
    };
}

/// <summary>
/// Ends what an open screen may see when its token is revoked, or when its browser signs out in another tab: told by
/// the news of tokens, which all screens share, and looked up now and then in case these are not heard.
/// </summary>
public sealed class SessionRevalidation : RevalidatingServerAuthenticationStateProvider
{
    private readonly TokenStore _tokens;
    private readonly SharedViews<bool, TokensSnapshot> _news;
    private readonly Sessions _sessions;
    private readonly Lock _lock = new();
    private IDisposable? _subscription;
    private string? _session;
    private string? _token;
    private bool _isDisposed;

    /// <summary>For one circuit, or one page that is no circuit's.</summary>
    public SessionRevalidation(ILoggerFactory loggers, TokenStore tokens, SharedViews<bool, TokensSnapshot> news, Sessions sessions)
        : base(loggers)
    {
        ArgumentNullException.ThrowIfNull(sessions);
        (_tokens, _news, _sessions) = (tokens, news, sessions);
        sessions.Ended += OnEnded;
        AuthenticationStateChanged += OnChanged;
    }

    /// <inheritdoc/>
    protected override TimeSpan RevalidationInterval => TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    protected override async Task<bool> ValidateAuthenticationStateAsync(AuthenticationState authenticationState, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(authenticationState);
        try
        {
            return Guid.TryParse(authenticationState.User.FindFirst(DashboardAccess.TokenClaim)?.Value, out var id)
                && await _tokens.GetAsync(id, cancellationToken) is { } row
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
            }
            else if (!_isDisposed)
            {
                _subscription ??= _news.Subscribe(true, LookAsync);
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
