using System.Collections.Concurrent;
using System.Security.Claims;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Security;

/// <summary>
/// Ends open requests (followed logs, events, downloads) and circuits of users whose token was revoked or who signed out, on any server.
/// Reacts to change notifications of the database immediately and also polls every two seconds, in case a notification was lost. Each
/// check takes two queries for everything that is open.
/// </summary>
public sealed partial class AccessWatch(
    TokenStore tokens,
    BrowserSessionStore sessions,
    IChangeFeed feed,
    TimeProvider time,
    ILogger<AccessWatch> logger
) : IAsyncDisposable
{
    /// <summary>The polling interval: the maximum delay when a notification is lost.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<Grant, bool> _grants = new();
    private readonly SemaphoreSlim _notices = new(0, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _starting = new();
    private Task? _running;

    /// <summary>
    /// Calls <paramref name="ended"/> once, with a message for the user, when the access of <paramref name="user"/> ends; never after
    /// the result was disposed. Anonymous users and executions are not watched.
    /// </summary>
    public IDisposable Watch(ClaimsPrincipal user, Action<string> ended)
    {
        ArgumentNullException.ThrowIfNull(user);
        ArgumentNullException.ThrowIfNull(ended);
        var grant = new Grant(
            this,
            Guid.TryParse(user.FindFirst(DashboardAccess.TokenClaim)?.Value, out var id) ? id : null,
            user.FindFirst(DashboardAccess.SessionClaim)?.Value,
            ended
        );
        if (grant.Token is not null)
        {
            _grants[grant] = true;
            lock (_starting)
            {
                _running ??= Task.WhenAll(Task.Run(PollAsync), Task.Run(ListenAsync));
            }
        }

        return grant;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_running is { } running)
        {
            await running;
        }

        _notices.Dispose();
        _stop.Dispose();
    }

    private async Task ListenAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await foreach (var run in feed.Changes(null, _stop.Token))
                {
                    // Notifications of runs have an id; those of tokens and sessions have none.
                    if (run == default)
                    {
                        Notice();
                    }
                }

                return;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                ListenFailed(e);
                await Task.Delay(Period, time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Notice()
    {
        try
        {
            _notices.Release();
        }
        catch (SemaphoreFullException)
        {
            // A check is already pending.
        }
    }

    private async Task PollAsync()
    {
        while (true)
        {
            try
            {
                await WaitAsync();
                await CheckOnceAsync(_stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is StorageUnavailableException or OperationCanceledException)
            {
                // The database is unavailable, so nothing can have been revoked either.
            }
            catch (Exception e)
            {
                Failed(e);
            }
        }
    }

    private async Task WaitAsync()
    {
        using var timer = new CancellationTokenSource(Period, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, timer.Token);
        try
        {
            await _notices.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            // No notification: check anyway.
        }
    }

    private async Task CheckOnceAsync(CancellationToken cancellationToken)
    {
        var open = _grants.Keys.ToList();
        if (open.Count == 0)
        {
            return;
        }

        var revoked = (await tokens.RevokedAsync([.. open.Select(g => g.Token!.Value).Distinct()], cancellationToken)).ToHashSet();
        var named = open.Select(g => g.Session).OfType<string>().ToList();
        var ended = named.Count == 0 ? [] : (await sessions.EndedAsync(named, cancellationToken)).ToHashSet(StringComparer.Ordinal);
        foreach (var grant in open)
        {
            if (revoked.Contains(grant.Token!.Value))
            {
                grant.End("Your token was revoked.");
            }
            else if (grant.Session is { } session && ended.Contains(session))
            {
                grant.End("You signed out in another tab.");
            }
        }
    }

    [LoggerMessage(4101, LogLevel.Error, "Failed to check open requests for revoked tokens and ended sessions; retrying")]
    private partial void Failed(Exception exception);

    [LoggerMessage(4102, LogLevel.Warning, "Failed to listen for revoked tokens and ended sessions; retrying")]
    private partial void ListenFailed(Exception exception);

    private sealed class Grant(AccessWatch owner, Guid? token, string? session, Action<string> ended) : IDisposable
    {
        public Guid? Token => token;

        public string? Session => session;

        public void End(string reason)
        {
            if (owner._grants.TryRemove(this, out _))
            {
                ended(reason);
            }
        }

        public void Dispose() => owner._grants.TryRemove(this, out _);
    }
}
