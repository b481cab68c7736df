using Microsoft.Extensions.Configuration;

namespace Shipinator.Forges.Configuration;

/// <summary>
/// Credentials from the configuration, <c>Shipinator:GitCredentials:NAME:Username</c> and <c>…:Password</c> (a token counts as a
/// password). With <c>…:Url</c> the name is free and the URL says what the credential belongs to: scheme, host, port and, when it
/// has one, the path. Without it the name is a host, and the credential belongs to <c>https</c> at port 443 there. An <c>http</c> URL needs
/// <c>…:AllowUnencrypted</c> <c>true</c>. The longest URL wins.
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

    /// <summary>What is wrong with the configured credentials; each message names the key.</summary>
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
                        ? $"{Section}:{entry.Key} is not a host name ({problem}); to name a port or a path, set {key} to such as https://git.example.org:8443/org."
                        : $"{key} can't be read: {problem}. Write it as https://git.example.org or https://git.example.org:8443/org."
                );
            }
            else if (scope.Scheme != "https" && !(bool.TryParse(entry["AllowUnencrypted"], out var allowed) && allowed))
            {
                yield return (
                    entry,
                    null,
                    $"{key} is an http URL: the password would travel unencrypted. Use https, or set {Section}:{entry.Key}:AllowUnencrypted to true."
                );
            }
            else
            {
                yield return (entry, scope, null);
            }
        }
    }
}
