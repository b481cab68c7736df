using System.Globalization;
using System.Text.RegularExpressions;

namespace Shipinator.Forges.Git;

/// <summary>Turns what Git said into a sentence of ours that names the host. What the other side sent is never part of it.</summary>
internal static partial class GitFailure
{
    /// <summary>Whether the host answered with a redirect.</summary>
    public static bool IsRedirect(GitResult result) => Status(result) is 301 or 302 or 303 or 307 or 308;

    /// <summary>The error for a fetch that failed.</summary>
    public static ForgeException Of(CloneAddress address, GitResult result, bool hadCredential, TimeSpan idle, TimeSpan total) =>
        new(
            ForgeException.Unreachable,
            result.End switch
            {
                GitEnd.Silent => string.Create(
                    CultureInfo.InvariantCulture,
                    $"{address.Origin} did not answer: Git saw no progress for {idle.TotalSeconds:0.#} s and was stopped. Check that the host is up and that this server can reach it."
                ),
                GitEnd.TooLong => string.Create(
                    CultureInfo.InvariantCulture,
                    $"Fetching {address.Url} took longer than {total.TotalMinutes:0.#} min and was stopped; Shipinator:Git:FetchTimeout sets the limit."
                ),
                _ => $"{address.Url} can't be fetched: {Why(address, result, hadCredential)}",
            }
        );

    private static string Why(CloneAddress address, GitResult result, bool hadCredential)
    {
        // Only Git's own last words; lines that begin with "remote:" are the other side's.
        var words = string.Join(
            '\n',
            result
                .Error.Split('\n', '\r')
                .Where(l => l.StartsWith("fatal:", StringComparison.Ordinal) || l.StartsWith("error:", StringComparison.Ordinal))
        );
        bool Says(string text) => words.Contains(text, StringComparison.OrdinalIgnoreCase);
        var status = Status(result);
        return status switch
        {
            >= 300 and < 400 =>
                "the host answers with a redirect to another place, which is not followed. Register the address at which the repository is now.",
            401 or 403 => Denied(address, hadCredential),
            404 => "the host knows no such repository, or shows it only to those who have a credential.",
            not null => string.Create(CultureInfo.InvariantCulture, $"the host answers with HTTP status {status}."),
            _ when Says("Authentication failed")
                    || Says("could not read Username")
                    || Says("could not read Password")
                    || Says("terminal prompts disabled") => Denied(address, hadCredential),
            _ when Says("not found") && Says("repository") =>
                "the host knows no such repository, or shows it only to those who have a credential.",
            _ when Says("Could not resolve") => "the host's name can't be resolved.",
            _ when Says("Failed to connect") || Says("Connection refused") || Says("Connection timed out") || Says("Couldn't connect") =>
                "no connection can be made.",
            _ when Says("certificate") => "the host's TLS certificate can't be verified.",
            _ when Says("SSL") || Says("TLS") => "no TLS connection can be made.",
            _ when Says("Operation too slow") || Says("low speed") || Says("timed out") => "the host answers too slowly.",
            _ when Says("not valid: is this a git repository")
                    || Says("protocol error")
                    || Says("bad line length")
                    || Says("invalid server response") => "the host does not answer as a Git server.",
            _ when Says("No space left") => "the server's disk is full.",
            _ => string.Create(CultureInfo.InvariantCulture, $"Git ended with code {result.Code}; its words are in the server's log."),
        };
    }

    private static string Denied(CloneAddress address, bool hadCredential) =>
        hadCredential
            ? $"{address.Origin} refuses the configured credential."
            : $"{address.Origin} asks for a credential and none is configured for this address (Shipinator:GitCredentials; a credential belongs to scheme, host, port and path).";

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
