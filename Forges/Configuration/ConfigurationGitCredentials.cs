using Microsoft.Extensions.Configuration;

namespace Shipinator.Forges.Configuration;

/// <summary>
/// Credentials from the configuration, <c>Shipinator:GitCredentials:NAME:Username</c> and <c>…:Password</c> (a password or a
/// token). With <c>…:Url</c> the name is arbitrary and the URL is the scope of the credential: scheme, host, port and, if present, the
/// path. Without it the name is a host, and the scope is <c>https</c> on port 443. An <c>http</c> URL requires <c>…:AllowUnencrypted</c>
/// <c>true</c>. The longest matching URL wins.
/// </summary>
public sealed class ConfigurationGitCredentials(IConfiguration configuration) : IGitCredentials
{
    private const string Section = "Shipinator:GitCredentials";

    /// <inheritdoc/>
    public Task<GitCredential?> Find(string cloneUrl, CancellationToken cancellationToken)
    {
        if (CloneAddress.TryParse(cloneUrl, out _) is not { } address)
        {
            return Task.FromResult<GitCredential?>(null);
        }

        var best = Read(configuration)
            .Where(e => e.Scope is not null && address.IsWithin(e.Scope))
            .OrderByDescending(e => e.Scope!.Segments.Length)
            .FirstOrDefault();
        return Task.FromResult(
            best.Scope is { } scope
                ? new GitCredential(best.Entry["Username"] ?? "git", best.Entry["Password"]!, scope.Url.TrimEnd('/'))
                : null
        );
    }

    /// <summary>The problems of the configured credentials; each message names the key.</summary>
    public static IReadOnlyList<string> Problems(IConfiguration configuration) =>
        [.. Read(configuration).Select(e => e.Problem).OfType<string>()];

    private static IEnumerable<(IConfigurationSection Entry, CloneAddress? Scope, string? Problem)> Read(IConfiguration configuration)
    {
        foreach (var entry in configuration.GetSection(Section).GetChildren())
        {
            if (entry["Password"] is not { Length: > 0 })
            {
                continue;
            }

            var key = $"{Section}:{entry.Key}:Url";
            var url = entry["Url"];
            if (CloneAddress.TryParse(url ?? $"https://{entry.Key}", out var problem) is not { } scope)
            {
                yield return (
                    entry,
                    null,
                    url is null
                        ? $"{Section}:{entry.Key}: '{entry.Key}' is not a valid host name ({problem}). "
                            + $"For a port or a path, set {key}, for example to https://git.example.org:8443/org."
                        : $"{key} is not a valid URL: {problem}. Expected for example https://git.example.org:8443/org."
                );
            }
            else if (scope.Scheme != "https" && !(bool.TryParse(entry["AllowUnencrypted"], out var allowed) && allowed))
            {
                yield return (
                    entry,
                    null,
                    $"{key} is an http URL, so the password would be sent unencrypted. "
                        + $"Use https, or set {Section}:{entry.Key}:AllowUnencrypted to true."
                );
            }
            else
            {
                yield return (entry, scope, null);
            }
        }
    }
}
