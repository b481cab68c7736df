using System.Collections.Concurrent;
using System.Security.Claims;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Security;

/// <summary>
/// Ends what is open for somebody who may no more: requests that last (followed logs, events, downloads) and circuits, within seconds of
/// the token's revocation or the session's end at any server. All that is open is looked up by two queries, every two seconds.
/// </summary>
public sealed partial class AccessWatch(TokenStore tokens, BrowserSessionStore sessions, TimeProvider time, ILogger<AccessWatch> logger)
    : IAsyncDisposable
{
    /// <summary>How often is looked.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<Grant, bool> _grants = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _starting = new();
    private Task? _looking;

    /// <summary>
    /// Calls <paramref name="ended"/> once, with the reason for a person, when <paramref name="user"/> may no more; not after it was
    /// disposed. Who is nobody, or an execution, is not watched.
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
                _looking ??= Task.Run(LookAsync);
            }
        }

        return grant;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_looking is { } looking)
        {
            await looking;
        }

        _stop.Dispose();
    }

    private async Task LookAsync()
    {
        while (true)
        {
            try
            {
                await Task.Delay(Period, time, _stop.Token);
                await LookOnceAsync(_stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is StorageUnavailableException or OperationCanceledException)
            {
                // Not known now: nobody can have been revoked meanwhile, either.
            }
            catch (Exception e)
            {
                Failed(e);
            }
        }
    }

    private async Task LookOnceAsync(CancellationToken cancellationToken)
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
                grant.End("You have signed out in another tab.");
            }
        }
    }

    [LoggerMessage(3101, LogLevel.Error, "Open requests could not be checked against revoked tokens; it is tried again in a moment")]
    private partial void Failed(Exception exception);

    private sealed class Grant(AccessWatch owner, Guid? token, string? session, Action<string> ended) : IDisposable
    {
        public Guid? Token => token;

        public string? Session => session;

        public void End(string why)
        {
            if (owner._grants.TryRemove(this, out _))
            {
                ended(why);
            }
        }

        public void Dispose() => owner._grants.TryRemove(this, out _);
    }
}

/// <summary>Puts every request under the <see cref="AccessWatch"/>.</summary>
internal static class AccessWatching
{
    /// <summary>An open page is told first, and says why; then its connection ends, whatever it does.</summary>
    private static readonly TimeSpan CircuitGrace = TimeSpan.FromSeconds(5);

    public static IApplicationBuilder UseAccessWatch(this IApplicationBuilder app)
    {
        var watch = app.ApplicationServices.GetRequiredService<AccessWatch>();
        var time = app.ApplicationServices.GetRequiredService<TimeProvider>();
        return app.Use(
            async (context, next) =>
            {
                using var over = new CancellationTokenSource();
                using var watching = watch.Watch(context.User, why => _ = EndAsync(context, time, over.Token));
                try
                {
                    await next(context);
                }
                finally
                {
                    await over.CancelAsync();
                }
            }
        );
    }

    private static async Task EndAsync(HttpContext context, TimeProvider time, CancellationToken over)
    {
        if (context.Request.Path.StartsWithSegments(PublicOrigin.CircuitPath))
        {
            await Task.Delay(CircuitGrace, time, over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (!over.IsCancellationRequested)
        {
            // Not ended in good order: a reader would take what it has for all there is.
            context.Abort();
        }
    }
}
