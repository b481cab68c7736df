using System.Globalization;
using System.Text;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>
/// Git's settings for a checkout, in a file that every Git below it reads: the clone, its submodules, Git LFS. The credential
/// belongs to one origin (and path) and follows no redirect.
/// </summary>
internal static class GitSettings
{
    /// <summary>Prints what the environment holds: the credential is written nowhere.</summary>
    private const string Helper =
        "!f() { test \\\"$1\\\" = get || exit 0; echo \\\"username=$SHIPINATOR_GIT_USERNAME\\\"; echo \\\"password=$SHIPINATOR_GIT_PASSWORD\\\"; }; f";

    /// <summary>Writes the file and returns the environment of Git.</summary>
    public static Dictionary<string, string> Write(RunnerSettings settings, SourceResponse source)
    {
        var home = Environment.GetEnvironmentVariable("HOME") ?? "/";
        var file = Path.Combine(settings.Control, "gitconfig");
        File.WriteAllText(file, Text(home, source));
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PATH"] = Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin",
            ["HOME"] = home,
            ["LC_ALL"] = "C",
            ["GIT_TERMINAL_PROMPT"] = "0",
            ["GIT_CONFIG_GLOBAL"] = file,
            // A server that falls silent must not hold the job for ever.
            ["GIT_HTTP_LOW_SPEED_LIMIT"] = "1",
            ["GIT_HTTP_LOW_SPEED_TIME"] = "60",
            // Pointer files become files when they are asked for, not by the way.
            ["GIT_LFS_SKIP_SMUDGE"] = "1",
            ["SHIPINATOR_EXECUTION_ID"] = settings.ExecutionId,
            ["SHIPINATOR_GIT_USERNAME"] = source.Username ?? "",
            ["SHIPINATOR_GIT_PASSWORD"] = source.Password ?? "",
        };
        foreach (var name in StepEnvironment.Proxies.Concat(["SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"]))
        {
            if (Environment.GetEnvironmentVariable(name) is { } value)
            {
                environment[name] = value;
            }
        }

        return environment;
    }

    /// <summary>
    /// What the credential belongs to, as the server says; a server that does not say it means the clone URL's origin.
    /// Null: there is no credential, or no place to send it to.
    /// </summary>
    public static string? Scope(SourceResponse source) =>
        source.Password is null ? null
        : source.CredentialScope is { Length: > 0 } scope ? Plain(scope)
        : Uri.TryCreate(source.CloneUrl, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0
            ? Plain(url.GetLeftPart(UriPartial.Authority))
        : null;

    private static string Text(string home, SourceResponse source)
    {
        // Local repositories may belong to another user than the one that runs the server. Git looks for this consent
        // in the global file only, so the user's own is included from one of ours.
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"[include]\n\tpath = \"{Path.Combine(home, ".gitconfig").Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"\n"
        );
        text.Append("[safe]\n\tdirectory = *\n[http]\n\tfollowRedirects = false\n[advice]\n\tdetachedHead = false\n");
        if (Scope(source) is { } scope)
        {
            // The empty one takes helpers of the user's own away, for this place.
            text.Append(CultureInfo.InvariantCulture, $"[credential \"{scope}\"]\n\thelper =\n\thelper = \"{Helper}\"\n");
        }

        if (
            Uri.TryCreate(source.CloneUrl, UriKind.Absolute, out var url)
            && url.Scheme is "http" or "https"
            && url.UserInfo.Length == 0
            && Plain(url.GetLeftPart(UriPartial.Authority)) is { } origin
        )
        {
            // Submodules of the same host that are named for SSH: there is no key here.
            text.Append(
                CultureInfo.InvariantCulture,
                $"[url \"{origin}/\"]\n\tinsteadOf = git@{url.IdnHost}:\n\tinsteadOf = ssh://git@{url.IdnHost}/\n"
            );
        }

        return text.ToString();
    }

    /// <summary>Null for what would mean something else in a settings file.</summary>
    private static string? Plain(string text) => text.Any(c => char.IsControl(c) || c is '"' or '\\' or ' ') ? null : text;
}
