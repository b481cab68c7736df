using Microsoft.Extensions.Options;

namespace Shipinator.WebFrontend;

/// <summary>Settings of the HTTP API.</summary>
public sealed class WebOptions
{
    /// <summary>The executor of repositories that specify none. Default <c>process</c>.</summary>
    public string DefaultExecutor { get; set; } = "process";

    /// <summary>The largest JSON body, in bytes; from 1 KiB to 1 GiB. Default 1 MiB.</summary>
    public long MaxBodyBytes { get; set; } = 1024 * 1024;

    /// <summary>The largest body of a webhook, in bytes; GitHub sends at most 25 MiB. Default 25 MiB.</summary>
    public long MaxWebhookBytes { get; set; } = 25L * 1024 * 1024;

    /// <summary>
    /// How many bytes of webhooks larger than 1 MiB are held in memory at the same time, others wait; never less than one. Default 128 MiB.
    /// </summary>
    public long MaxWebhookMemoryBytes { get; set; } = 128L * 1024 * 1024;

    /// <summary>The largest chunk of a log, in bytes; from 1 KiB to 1 GiB. Default 1 MiB.</summary>
    public long MaxLogChunkBytes { get; set; } = 1024 * 1024;

    /// <summary>The largest artifact, in bytes. Default 5 GiB.</summary>
    public long MaxArtifactBytes { get; set; } = 5L * 1024 * 1024 * 1024;

    /// <summary>The longest log of an execution, in bytes. Further output is discarded, and the log says so. Default 512 MiB.</summary>
    public long MaxLogBytes { get; set; } = 512L * 1024 * 1024;

    /// <summary>The total size of the artifacts of one run, in bytes. Default 50 GiB.</summary>
    public long MaxRunArtifactBytes { get; set; } = 50L * 1024 * 1024 * 1024;

    /// <summary>The image of steps that specify none. Default <c>debian:bookworm-slim</c>.</summary>
    public string DefaultImage { get; set; } = "debian:bookworm-slim";

    /// <summary>
    /// The static runner that <c>GET /v1/runner</c> serves; a relative path is relative to the folder of the server. Default
    /// <c>runner-static/runner</c>.
    /// </summary>
    public string StaticRunnerPath { get; set; } = Path.Combine("runner-static", "runner");

    /// <summary>The time between SIGTERM and SIGKILL when a command is stopped; from 0 to 1 day. Default 10 s.</summary>
    public TimeSpan CancelGrace { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The lifetime of a printed sign-in link. Default 15 min.</summary>
    public TimeSpan SignInLinkLifetime { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>Failed sign-ins per minute, address and server; 0: no limit. Default 30.</summary>
    public int FailedSignInsPerMinute { get; set; } = 30;

    /// <summary>Requests with an invalid token per minute, address and server; 0: no limit. Default 300.</summary>
    public int WrongTokensPerMinute { get; set; } = 300;

    /// <summary>Runs requested per minute, token and server; 0: no limit. Default 600.</summary>
    public int RunsPerMinutePerToken { get; set; } = 600;

    /// <summary>Runs requested per minute, repository and server; 0: no limit. Default 600.</summary>
    public int RunsPerMinutePerRepository { get; set; } = 600;

    /// <summary>Proxies whose <c>X-Forwarded-For</c> is trusted: IP addresses and networks. Default: none.</summary>
    public IReadOnlyList<string> TrustedProxies { get; set; } = [];
}

/// <summary>
/// Reports every invalid setting of <c>Shipinator:Web</c> with its key, its value and what is allowed. The server validates the members
/// that have a setting with another key.
/// </summary>
public sealed class WebOptionsValidator : IValidateOptions<WebOptions>
{
    private const long Smallest = 1024;
    private const long Largest = 1024 * 1024 * 1024;

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, WebOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = new List<string>();
        foreach (
            var (key, value) in new[]
            {
                (nameof(options.MaxBodyBytes), options.MaxBodyBytes),
                (nameof(options.MaxLogChunkBytes), options.MaxLogChunkBytes),
            }
        )
        {
            if (value is < Smallest or > Largest)
            {
                errors.Add(
                    FormattableString.Invariant($"Shipinator:Web:{key} must be between {Smallest} and {Largest} bytes, but was {value}.")
                );
            }
        }

        if (options.CancelGrace < TimeSpan.Zero || options.CancelGrace > TimeSpan.FromDays(1))
        {
            errors.Add($"Shipinator:Web:CancelGrace must be between 00:00:00 and 1.00:00:00 (one day), but was {options.CancelGrace}.");
        }

        if (string.IsNullOrWhiteSpace(options.DefaultImage))
        {
            errors.Add("Shipinator:Web:DefaultImage must name an image, but was empty.");
        }

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
