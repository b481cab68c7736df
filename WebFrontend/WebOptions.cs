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
}
