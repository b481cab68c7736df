using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using Shipinator.Triggers;
using Shipinator.Triggers.Runs;

namespace Shipinator.WebFrontend.Security;

/// <summary>
/// Limits per minute: invalid tokens, unsigned webhooks and failed sign-ins of one address, runs of one token and of one repository.
/// Each server counts for itself.
/// </summary>
public sealed class AttemptLimits : IRunLimits, IDisposable
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private readonly PartitionedRateLimiter<string>? _signIns;
    private readonly PartitionedRateLimiter<string>? _tokens;
    private readonly PartitionedRateLimiter<string>? _signatures;
    private readonly PartitionedRateLimiter<string>? _runsByActor;
    private readonly PartitionedRateLimiter<string>? _runsByRepository;

    /// <summary>SHA-256 of valid tokens, so that clients that share an address with an attacker are not locked out.</summary>
    private readonly ConcurrentDictionary<string, bool> _known = new(StringComparer.Ordinal);

    /// <summary>Reads the limits from the settings; 0 turns a limit off.</summary>
    public AttemptLimits(IOptions<WebOptions> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _signIns = Limiter(options.Value.FailedSignInsPerMinute);
        _tokens = Limiter(options.Value.WrongTokensPerMinute);
        _signatures = Limiter(options.Value.WrongTokensPerMinute);
        _runsByActor = Limiter(options.Value.RunsPerMinutePerToken);
        _runsByRepository = Limiter(options.Value.RunsPerMinutePerRepository);
    }

    /// <summary>
    /// How long an address that sent too many invalid tokens must wait before it may send <paramref name="token"/>; null: it may now.
    /// </summary>
    public TimeSpan? MustWait(HttpContext context, string token, bool isSignIn)
    {
        if ((isSignIn ? _signIns : _tokens) is not { } failures || _known.ContainsKey(Hash(token)))
        {
            return null;
        }

        // Acquires no permit; only checks whether one is available.
        using var lease = failures.AttemptAcquire(Address(context), 0);
        return lease.IsAcquired ? null : RetryAfter(lease);
    }

    /// <summary>Counts an invalid token.</summary>
    public void Failed(HttpContext context, string token, bool isSignIn)
    {
        _known.TryRemove(Hash(token), out _);
        (isSignIn ? _signIns : _tokens)?.AttemptAcquire(Address(context)).Dispose();
    }

    /// <summary>
    /// How long an address that sent too many webhooks without a valid signature must wait; null: it may send now. A forge that has sent
    /// a valid one to this repository before is not locked out by a wrong secret of another repository.
    /// </summary>
    public TimeSpan? MustWaitForWebhook(HttpContext context, string repository)
    {
        if (_signatures is null || _known.ContainsKey(Sender(context, repository)))
        {
            return null;
        }

        using var lease = _signatures.AttemptAcquire(Address(context), 0);
        return lease.IsAcquired ? null : RetryAfter(lease);
    }

    /// <summary>Counts a webhook without a valid signature.</summary>
    public void WebhookFailed(HttpContext context, string repository)
    {
        _known.TryRemove(Sender(context, repository), out _);
        _signatures?.AttemptAcquire(Address(context)).Dispose();
    }

    /// <summary>Records that an address has sent a valid webhook to a repository.</summary>
    public void WebhookSucceeded(HttpContext context, RepositoryId repository) => _known[Sender(context, repository.ToString())] = true;

    /// <summary>Records that a token is valid.</summary>
    public void Succeeded(string token) => _known[Hash(token)] = true;

    /// <inheritdoc/>
    public void TakeRun(Actor actor, RepositoryId repository)
    {
        ArgumentNullException.ThrowIfNull(actor);
        // Schedules of many repositories have the same name; the limit of their repository applies.
        if (actor.Kind is not ActorKind.Schedule)
        {
            Take(
                _runsByActor,
                actor.ToString(),
                $"Token '{actor.Name}' has exceeded its limit of runs per minute (Shipinator:Limits:RunsPerMinutePerToken)."
            );
        }

        Take(
            _runsByRepository,
            repository.ToString(),
            "This repository has exceeded its limit of runs per minute (Shipinator:Limits:RunsPerMinutePerRepository)."
        );
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _signIns?.Dispose();
        _tokens?.Dispose();
        _signatures?.Dispose();
        _runsByActor?.Dispose();
        _runsByRepository?.Dispose();
    }

    private static void Take(PartitionedRateLimiter<string>? limiter, string key, string message)
    {
        using var lease = limiter?.AttemptAcquire(key);
        if (lease is { IsAcquired: false })
        {
            var wait = RetryAfter(lease);
            throw new RateLimitedException("too_many_runs", $"{message} Try again in {Math.Ceiling(wait.TotalSeconds):0} s.", wait);
        }
    }

    private static TimeSpan RetryAfter(RateLimitLease lease) =>
        lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) && wait > TimeSpan.Zero ? wait : TimeSpan.FromSeconds(1);

    private static PartitionedRateLimiter<string>? Limiter(int perMinute) =>
        perMinute <= 0
            ? null
            : PartitionedRateLimiter.Create<string, string>(
                key =>
                    RateLimitPartition.GetFixedWindowLimiter(
                        key,
                        _ =>
                            new()
                            {
                                PermitLimit = perMinute,
                                Window = Window,
                                QueueLimit = 0,
                            }
                    ),
                StringComparer.Ordinal
            );

    /// <summary>The key of a client: its IPv4 address, or the /64 network of its IPv6 address, since one client has all of it.</summary>
    private static string Address(HttpContext context) =>
        context.Connection.RemoteIpAddress switch
        {
            null => "",
            { IsIPv4MappedToIPv6: true } mapped => mapped.MapToIPv4().ToString(),
            { AddressFamily: AddressFamily.InterNetworkV6 } wide when !IPAddress.IsLoopback(wide) => Convert.ToHexString(
                wide.GetAddressBytes().AsSpan(0, 8)
            ),
            var address => address.ToString(),
        };

    private static string Sender(HttpContext context, string repository) => $"webhook:{Address(context)}:{repository}";

    private static string Hash(string token) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
}
