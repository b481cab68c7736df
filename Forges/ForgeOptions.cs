using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Shipinator.Forges.Configuration;
using Shipinator.Forges.Git;

namespace Shipinator.Forges;

/// <summary>Settings of the forges, section <c>Shipinator:Git</c>.</summary>
public sealed class ForgeOptions
{
    /// <summary>
    /// The folder for mirrors of remote repositories, a cache that is safe to delete. The server sets it to <c>git</c> in its data folder.
    /// </summary>
    public string CacheRoot { get; set; } = "";

    /// <summary>The largest file that is read from a repository, in bytes. Default: 1 MiB.</summary>
    public int MaxFileBytes { get; set; } = 1024 * 1024;

    /// <summary>Whether local paths and <c>file</c> URLs may be cloned. Default: only when the server is standalone.</summary>
    public bool? AllowLocalPaths { get; set; }

    /// <summary>
    /// Hosts and networks that the server may connect to although their addresses are not public: <c>git.corp.example</c>,
    /// <c>*.corp.example</c>, <c>10.1.0.0/16</c>. Link-local and other special addresses are allowed by network only.
    /// Default: none; a standalone server on loopback allows loopback and private networks.
    /// </summary>
    public IList<string> AllowedHosts { get; set; } = [];

    /// <summary>Whether the server may connect only to <see cref="AllowedHosts"/>. Default: false.</summary>
    public bool OnlyAllowedHosts { get; set; }

    /// <summary>How long Git may make no progress (connecting, TLS, waiting, receiving) before it is killed. Default: 30 s.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The maximum duration of one fetch. Default: 15 min.</summary>
    public TimeSpan FetchTimeout { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>How long a request waits for other fetches of the same repository or host. Default: 60 s.</summary>
    public TimeSpan WaitTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>The maximum number of concurrent fetches per host. Default: 4.</summary>
    public int FetchesPerHost { get; set; } = 4;

    /// <summary>The maximum number of concurrent fetches per silo. Default: 16.</summary>
    public int Fetches { get; set; } = 16;
}

/// <summary>Validates the settings at startup.</summary>
public sealed class ForgeOptionsValidator(IConfiguration? configuration = null) : IValidateOptions<ForgeOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, ForgeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = new List<string>();
        if (!Path.IsPathFullyQualified(options.CacheRoot))
        {
            errors.Add($"Shipinator:Git:CacheRoot must be the absolute path of a writable folder, but was '{options.CacheRoot}'.");
        }

        foreach (
            var (key, value) in new[]
            {
                ("IdleTimeout", options.IdleTimeout),
                ("FetchTimeout", options.FetchTimeout),
                ("WaitTimeout", options.WaitTimeout),
            }
        )
        {
            if (value <= TimeSpan.Zero || value > TimeSpan.FromDays(1))
            {
                errors.Add($"Shipinator:Git:{key} must be greater than 0 and at most one day (such as 00:00:30), but was {value}.");
            }
        }

        foreach (
            var (key, value) in new[]
            {
                ("FetchesPerHost", options.FetchesPerHost),
                ("Fetches", options.Fetches),
                ("MaxFileBytes", options.MaxFileBytes),
            }
        )
        {
            if (value < 1)
            {
                errors.Add($"Shipinator:Git:{key} must be at least 1, but was {value}.");
            }
        }

        errors.AddRange(
            options
                .AllowedHosts.Where(e => !AllowedHosts.IsValid(e))
                .Select(e =>
                    $"Shipinator:Git:AllowedHosts: '{e}' is not valid; expected a host such as git.example.org or *.example.org, "
                    + "an IP address, or a network such as 10.1.0.0/16."
                )
        );
        if (configuration is not null)
        {
            errors.AddRange(ConfigurationGitCredentials.Problems(configuration));
        }

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
