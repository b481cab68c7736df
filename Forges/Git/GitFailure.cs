using System.Globalization;
using System.Text.RegularExpressions;

namespace Shipinator.Forges.Git;

/// <summary>
/// Converts a failure of <c>git</c> into a message that names the repository, the cause and the fix. Text that the remote host sent is
/// never part of it.
/// </summary>
internal static partial class GitFailure
{
    private const string NoSuchRepository =
        "the host has no such repository, or requires a credential to see it. Check the clone URL and Shipinator:GitCredentials.";

    /// <summary>Whether the host responded with a redirect.</summary>
    public static bool IsRedirect(GitResult result) => Status(result) is 301 or 302 or 303 or 307 or 308;

    /// <summary>The error for a fetch that failed.</summary>
    public static ForgeException Of(CloneAddress address, GitResult result, bool hadCredential, TimeSpan idle, TimeSpan total) =>
        new(
            ForgeException.Unreachable,
            result.End switch
            {
                GitEnd.Silent => string.Create(
                    CultureInfo.InvariantCulture,
                    $"{address.Url} can't be fetched: git made no progress for {idle.TotalSeconds:0.#} s (Shipinator:Git:IdleTimeout) "
                        + $"and was killed. Check that {address.Host} is up and reachable from this server."
                ),
                GitEnd.TooLong => string.Create(
                    CultureInfo.InvariantCulture,
                    $"{address.Url} can't be fetched: the fetch took longer than {total.TotalMinutes:0.#} min and was killed. "
                        + $"Increase Shipinator:Git:FetchTimeout for large repositories."
                ),
                _ => $"{address.Url} can't be fetched: {Why(address, result, hadCredential)}",
            }
        );

    private static string Why(CloneAddress address, GitResult result, bool hadCredential)
    {
        // Only git's own messages; lines that start with "remote:" come from the host.
        var messages = string.Join(
            '\n',
            result
                .Error.Split('\n', '\r')
                .Where(l => l.StartsWith("fatal:", StringComparison.Ordinal) || l.StartsWith("error:", StringComparison.Ordinal))
        );
        bool Says(string text) => messages.Contains(text, StringComparison.OrdinalIgnoreCase);
        var status = Status(result);
        return status switch
        {
            >= 300 and < 400 =>
                "the host redirects to another location, which is not followed. Change the repository's clone URL to its new address.",
            401 or 403 => Denied(address, hadCredential),
            404 => NoSuchRepository,
            not null => string.Create(
                CultureInfo.InvariantCulture,
                $"the host responds with HTTP status {status}. Check the clone URL and the host's logs."
            ),
            _ when Says("Authentication failed")
                    || Says("could not read Username")
                    || Says("could not read Password")
                    || Says("terminal prompts disabled") => Denied(address, hadCredential),
            _ when Says("not found") && Says("repository") => NoSuchRepository,
            _ when Says("Could not resolve") => "the host name can't be resolved. Check the clone URL and this server's DNS settings.",
            _ when Says("Failed to connect") || Says("Connection refused") || Says("Connection timed out") || Says("Couldn't connect") =>
                "no connection can be established. Check that the host is up and reachable from this server.",
            _ when Says("certificate") =>
                "the host's TLS certificate can't be verified. Install its certificate authority on this server (SSL_CERT_FILE).",
            _ when Says("SSL") || Says("TLS") => "no TLS connection can be established. Check the port and the host's TLS settings.",
            _ when Says("Operation too slow") || Says("low speed") || Says("timed out") =>
                "the host sends data too slowly. Retry later, or increase Shipinator:Git:IdleTimeout.",
            _ when Says("object format") || Says("mismatched algorithms") =>
                "the repository uses another object format (SHA-256), which is not supported.",
            _ when Says("not valid: is this a git repository")
                    || Says("protocol error")
                    || Says("bad line length")
                    || Says("invalid server response") => "the response is not from a Git server. Check the clone URL.",
            _ when Says("No space left") => "this server's disk is full. Free some space, or move Shipinator:Git:CacheRoot.",
            _ when Says("Permission denied") || Says("insufficient permission") || Says("Read-only file system") =>
                "this server can't write its copy. Make Shipinator:Git:CacheRoot writable for the server's user.",
            _ when Says("bad object") || Says("is corrupt") || Says("object file") || Says("did not send all necessary objects") =>
                "this server's copy, or the repository itself, is damaged. Check it with 'git fsck', then delete the repository's folder "
                    + "in Shipinator:Git:CacheRoot; the next fetch creates it again.",
            _ when Says("early EOF") || Says("unexpected disconnect") || Says("RPC failed") || Says("hung up") =>
                "the connection was lost during the transfer. Retry.",
            _ => string.Create(CultureInfo.InvariantCulture, $"git exited with code {result.Code}. See the server's log for its output."),
        };
    }

    private static string Denied(CloneAddress address, bool hadCredential) =>
        hadCredential
            ? $"{address.Origin} rejects the configured credential. Replace it: "
                + "'shipinator repo credential set', or Shipinator:GitCredentials."
            : $"{address.Origin} requires a credential, but none is configured for this URL. Set the repository's own "
                + "('shipinator repo credential set'), or add one to Shipinator:GitCredentials; its scope is scheme, host, port and path.";

    private static int? Status(GitResult result) =>
        result.End == GitEnd.Exited && StatusForm().Match(result.Error) is { Success: true } match
            ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            : null;

    [GeneratedRegex(
        "^(?:fatal|error): .*The requested URL returned error: ([1-5][0-9]{2})\\b",
        RegexOptions.Multiline | RegexOptions.CultureInvariant
    )]
    private static partial Regex StatusForm();
}
