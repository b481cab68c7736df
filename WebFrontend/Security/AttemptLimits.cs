using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;

namespace Shipinator.WebFrontend.Security;

/// <summary>More was asked for than one may ask in this time: 429, with the time after which to try again.</summary>
public sealed class TooManyException(string code, string message, TimeSpan retryAfter) : Exception(message)
{
    /// <summary>A stable word.</summary>
    public string Code { get; } = code;

    /// <summary>When to try again.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;
}

/// <summary>
/// How often something may be tried in a minute: wrong tokens and sign-ins by one address, runs by one token and for one repository.
/// Counted by each server for itself.
/// </summary>
public sealed class AttemptLimits : IDisposable
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private readonly PartitionedRateLimiter<string>? _signIns;
    private readonly PartitionedRateLimiter<string>? _tokens;
    private readonly PartitionedRateLimiter<string>? _runsByActor;
    private readonly PartitionedRateLimiter<string>? _runsByRepository;

    /// <summary>Tokens that were found good: whoever shares an address with a guesser is not locked out with them. By their SHA-256.</summary>
    private readonly ConcurrentDictionary<string, bool> _known = new(StringComparer.Ordinal);

    /// <summary>By the settings.</summary>
    public AttemptLimits(IOptions<WebOptions> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _signIns = Limiter(options.Value.FailedSignInsPerMinute);
        _tokens = Limiter(options.Value.WrongTokensPerMinute);
        _runsByActor = Limiter(options.Value.RunsPerMinutePerToken);
        _runsByRepository = Limiter(options.Value.RunsPerMinutePerRepository);
    }

    /// <summary>
    /// How long an address that has tried too many wrong tokens must wait before it may try <paramref name="token"/>; null: it may now.
    /// </summary>
    public TimeSpan? MustWait(HttpContext context, string token, bool isSignIn)
    {
        if ((isSignIn ? _signIns : _tokens) is not { } failures || _known.ContainsKey(Hash(token)))
        {
            return null;
        }

        // Asks for nothing: whether there would be something.
        using var lease = failures.AttemptAcquire(Address(context), 0);
        return lease.IsAcquired ? null : RetryAfter(lease);
    }

    /// <summary>A token turned out to be wrong.</summary>
    public void Failed(HttpContext context, string token, bool isSignIn)
    {
        _known.TryRemove(Hash(token), out _);
        (isSignIn ? _signIns : _tokens)?.AttemptAcquire(Address(context)).Dispose();
    }

    /// <summary>A token turned out to be good.</summary>
    public void Succeeded(string token) => _known[Hash(token)] = true;

    /// <summary>Takes the place of one run. Errors: <see cref="TooManyException"/>.</summary>
    public void TakeRun(string actor, RepositoryId repository)
    {
        Take(
            _runsByActor,
            actor,
            $"More runs were asked for with the token '{(actor.StartsWith("token:", StringComparison.Ordinal) ? actor[6..] : actor)}' than may be made in a minute (Shipinator:Limits:RunsPerMinutePerToken)."
        );
        Take(
            _runsByRepository,
            repository.ToString(),
            "More runs of this repository were asked for than may be made in a minute (Shipinator:Limits:RunsPerMinutePerRepository)."
        );
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _signIns?.Dispose();
        _tokens?.Dispose();
        _runsByActor?.Dispose();
        _runsByRepository?.Dispose();
    }

    private static void Take(PartitionedRateLimiter<string>? limiter, string key, string message)
    {
        using var lease = limiter?.AttemptAcquire(key);
        if (lease is { IsAcquired: false })
        {
            var wait = RetryAfter(lease);
            throw new TooManyException("too_many_runs", $"{message} Try again in {Math.Ceiling(wait.TotalSeconds):0} s.", wait);
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

    /// <summary>Whoever has one address of the sixth version has very many: the first half of it counts.</summary>
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

    private static string Hash(string token) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
}
