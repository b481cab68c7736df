namespace Shipinator.WebFrontend;

/// <summary>Settings of the HTTP API.</summary>
public sealed class WebOptions
{
    /// <summary>The executor of repositories that name none. Default <c>process</c>.</summary>
    public string DefaultExecutor { get; set; } = "process";

    /// <summary>The largest JSON body, in bytes. Default 1 MiB.</summary>
    public long MaxBodyBytes { get; set; } = 1024 * 1024;

    /// <summary>The largest chunk of a log, in bytes. Default 1 MiB.</summary>
    public long MaxLogChunkBytes { get; set; } = 1024 * 1024;

    /// <summary>The largest artifact, in bytes. Default 5 GiB.</summary>
    public long MaxArtifactBytes { get; set; } = 5L * 1024 * 1024 * 1024;

    /// <summary>How many bytes of one execution's log are kept; what follows is dropped, and the log ends with a line that says so. Default 512 MiB.</summary>
    public long MaxLogBytes { get; set; } = 512L * 1024 * 1024;

    /// <summary>How many bytes all artifacts of one run may have together. Default 50 GiB.</summary>
    public long MaxRunArtifactBytes { get; set; } = 50L * 1024 * 1024 * 1024;

    /// <summary>The image of steps that name none.</summary>
    public string DefaultImage { get; set; } = "debian:bookworm-slim";

    /// <summary>The static runner that <c>GET /v1/runner</c> serves; a relative path begins beside the server. Default <c>runner-static/runner</c>.</summary>
    public string StaticRunnerPath { get; set; } = Path.Combine("runner-static", "runner");

    /// <summary>How long a command has between SIGTERM and SIGKILL. Default 10 s.</summary>
    public TimeSpan CancelGrace { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>For how long a printed sign-in link works. Default 15 min.</summary>
    public TimeSpan SignInLinkLifetime { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>How many sign-ins by one address may fail in a minute, at one server; 0: any number. Default 30.</summary>
    public int FailedSignInsPerMinute { get; set; } = 30;

    /// <summary>How many requests with a wrong token one address may send in a minute, at one server; 0: any number. Default 300.</summary>
    public int WrongTokensPerMinute { get; set; } = 300;

    /// <summary>How many runs one token may ask for in a minute, at one server; 0: any number. Default 600.</summary>
    public int RunsPerMinutePerToken { get; set; } = 600;

    /// <summary>How many runs of one repository may be asked for in a minute, at one server; 0: any number. Default 600.</summary>
    public int RunsPerMinutePerRepository { get; set; } = 600;

    /// <summary>Proxies whose <c>X-Forwarded-For</c> counts: IP addresses and networks. Default: none.</summary>
    public IReadOnlyList<string> TrustedProxies { get; set; } = [];
}
