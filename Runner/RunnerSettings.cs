using System.Globalization;

namespace Shipinator.Runner;

/// <summary>What the executor passes to a runner, by environment variables (docs/runner.md).</summary>
internal sealed record RunnerSettings(Uri Server, string ExecutionId, string Token, string JobFolder)
{
    private const long DefaultCacheBytes = 10L * 1024 * 1024 * 1024;

    /// <summary>The job; null when the executor did not set it.</summary>
    public string? JobId { get; init; }

    /// <summary>
    /// The runner is its container's first process: the image's environment is the step's, the workspace is prepared, and it
    /// runs all attempts of the step.
    /// </summary>
    public bool IsContainer { get; init; }

    /// <summary>The shared folder of caches; null when there is none.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>The maximum size of all caches together, in bytes.</summary>
    public long CacheBytes { get; init; } = DefaultCacheBytes;

    /// <summary>How long a Git host may take to accept a connection and complete the TLS handshake.</summary>
    public TimeSpan GitConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a Git host may take from a request to the first byte of its response.</summary>
    public TimeSpan GitResponseTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A copy of the repository, when the runner can't read the repository itself.</summary>
    public string? SourceFolder { get; init; }

    /// <summary>The open file to lock; null: one in <see cref="Control"/>.</summary>
    public int? LockDescriptor { get; init; }

    /// <summary>The open file for the result; null: one in <see cref="Control"/>.</summary>
    public int? ResultDescriptor { get; init; }

    /// <summary>The folder that all steps of the job attempt share.</summary>
    public string Workspace => Path.Combine(JobFolder, "workspace");

    /// <summary>Contains each runner's own folder.</summary>
    public string Executions => Path.Combine(JobFolder, "executions");

    /// <summary>This runner's own folder: its lock, its unsent log, its result.</summary>
    public string Control => Path.Combine(Executions, ExecutionId);

    /// <summary>What steps exported to later ones, a file for each execution.</summary>
    public string ExportsFolder => Path.Combine(JobFolder, "handed-on");

    /// <summary>The file that the step writes variables for later steps to.</summary>
    public string EnvFile => Path.Combine(Control, "env");

    /// <summary>The file that the step writes its outputs to.</summary>
    public string OutputFile => Path.Combine(Control, "output");

    /// <summary>Reads the environment. Errors: <see cref="ArgumentException"/> names the variable.</summary>
    public static RunnerSettings Read()
    {
        var server = Required("SHIPINATOR_URL");
        if (!Uri.TryCreate(server, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            throw new ArgumentException($"SHIPINATOR_URL must be the server's http or https address, but was '{server}'.");
        }

        var token =
            Optional("SHIPINATOR_TOKEN_STDIN") == "1"
                ? Console.In.ReadToEnd().Trim()
                : Optional("SHIPINATOR_TOKEN") ?? File.ReadAllText(Required("SHIPINATOR_TOKEN_FILE")).Trim();
        if (token.Length == 0)
        {
            throw new ArgumentException("The token is empty: the executor that started the runner ended before it passed one.");
        }

        return new(url, Required("SHIPINATOR_EXECUTION_ID"), token, Path.GetFullPath(Required("SHIPINATOR_JOB_DIR")))
        {
            JobId = Optional("SHIPINATOR_JOB_ID"),
            IsContainer = Optional("SHIPINATOR_CONTAINER") == "1",
            CacheFolder = Optional("SHIPINATOR_CACHE_DIR"),
            CacheBytes = ReadCacheBytes(),
            SourceFolder = Optional("SHIPINATOR_SOURCE_DIR"),
            LockDescriptor = Descriptor("SHIPINATOR_LOCK_FD"),
            ResultDescriptor = Descriptor("SHIPINATOR_RESULT_FD"),
        };
    }

    /// <summary>A variable that must be set. Errors: <see cref="ArgumentException"/> names it.</summary>
    public static string Required(string name) =>
        Optional(name) ?? throw new ArgumentException($"{name} is not set; the executor that starts the runner must set it.");

    /// <summary>A variable, or null when it is absent or empty.</summary>
    public static string? Optional(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary>An open file inherited from the executor; the step does not inherit it.</summary>
    private static int? Descriptor(string name)
    {
        if (Optional(name) is not { } text)
        {
            return null;
        }

        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var descriptor) || descriptor < 3)
        {
            throw new ArgumentException($"{name} must be the number of an open file, 3 or more, but was '{text}'.");
        }

        Native.CloseOnSpawn(descriptor);
        return descriptor;
    }

    private static long ReadCacheBytes() =>
        Optional("SHIPINATOR_CACHE_MAX_BYTES") is not { } text ? DefaultCacheBytes
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) && bytes > 0 ? bytes
        : throw new ArgumentException($"SHIPINATOR_CACHE_MAX_BYTES must be a number of bytes, 1 or more, but was '{text}'.");
}
