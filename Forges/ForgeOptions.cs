using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Shipinator.Forges.Configuration;
using Shipinator.Forges.Git;

namespace Shipinator.Forges;

/// <summary>Settings of the forges, section <c>Shipinator:Git</c>.</summary>
public sealed class ForgeOptions
{
    /// <summary>The folder for mirrors of remote repositories: a cache, safe to delete. The server sets it to <c>git</c> in its data folder.</summary>
    public string CacheRoot { get; set; } = "";

    /// <summary>The largest file that is read from a repository, in bytes. Default 1 MiB.</summary>
    public int MaxFileBytes { get; set; } = 1024 * 1024;

    /// <summary>Whether local paths and <c>file</c> URLs may be cloned. Default: only when the server is standalone.</summary>
    public bool? AllowLocalPaths { get; set; }

    /// <summary>
    /// Hosts and networks that may be connected to although their addresses are not public: <c>git.corp.example</c>,
    /// <c>*.corp.example</c>, <c>10.1.0.0/16</c>. Link-local and other special addresses are allowed by network only.
    /// Default: none; a standalone server on loopback allows loopback and private networks.
    /// </summary>
    public IList<string> AllowedHosts { get; set; } = [];

    /// <summary>Whether no host but those in <see cref="AllowedHosts"/> may be connected to. Default false.</summary>
    public bool OnlyAllowedHosts { get; set; }

    /// <summary>How long Git may show no progress (connecting, TLS, waiting, receiving) before it is stopped. Default 30 s.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long one fetch may take in all. Default 15 min.</summary>
    public TimeSpan FetchTimeout { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>How long a request waits for other fetches of the same repository or host. Default 60 s.</summary>
    public TimeSpan WaitTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How many fetches of one host run at once. Default 4.</summary>
    public int FetchesPerHost { get; set; } = 4;

    /// <summary>How many fetches run at once in one silo. Default 16.</summary>
    public int Fetches { get; set; } = 16;
}

/// <summary>Checks the settings at start.</summary>
public sealed class ForgeOptionsValidator(IConfiguration? configuration = null) : IValidateOptions<ForgeOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, ForgeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = new List<string>();
        if (!Path.IsPathFullyQualified(options.CacheRoot))
        {
            errors.Add($"Shipinator:Git:CacheRoot is '{options.CacheRoot}'; it must be the absolute path of a folder that can be written.");
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
                errors.Add($"Shipinator:Git:{key} is {value}; it must be more than 0 and at most a day, such as 00:00:30.");
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
                errors.Add($"Shipinator:Git:{key} is {value}; it must be at least 1.");
            }
        }

        errors.AddRange(
            options
                .AllowedHosts.Where(e => !AllowedHosts.IsValid(e))
                .Select(e =>
                    $"Shipinator:Git:AllowedHosts holds '{e}'; an entry is a host such as git.example.org or *.example.org, an IP address, or a network such as 10.1.0.0/16."
                )
        );
        if (configuration is not null)
        {
            errors.AddRange(ConfigurationGitCredentials.Problems(configuration));
        }

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
