using System.Globalization;
using System.Text;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>
/// Git's settings for a checkout, in a file that every Git process below it reads: the clone, its submodules, Git LFS. The
/// credential belongs to one origin (and path) and follows no redirect.
/// </summary>
internal static class GitSettings
{
    /// <summary>Prints what the environment holds: the credential is never written to disk.</summary>
    private const string Helper =
        "!f() { test \\\"$1\\\" = get || exit 0; "
        + "echo \\\"username=$SHIPINATOR_GIT_USERNAME\\\"; echo \\\"password=$SHIPINATOR_GIT_PASSWORD\\\"; }; f";

    /// <summary>How much longer curl's timeout is than the runner's, so that the more specific error of the runner is reported.</summary>
    private static readonly TimeSpan LowSpeedMargin = TimeSpan.FromSeconds(10);

    /// <summary>Writes the file and returns the environment of Git.</summary>
    public static Dictionary<string, string> Write(RunnerSettings settings, SourceResponse source)
    {
        var home = Environment.GetEnvironmentVariable("HOME") ?? "/";
        var file = Path.Combine(settings.Control, "gitconfig");
        File.WriteAllText(file, Text(home, settings, source));
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PATH"] = Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin",
            ["HOME"] = home,
            ["LC_ALL"] = "C",
            ["GIT_TERMINAL_PROMPT"] = "0",
            ["GIT_CONFIG_GLOBAL"] = file,
            // Once a transfer runs, curl ends one that stalls. Before that GitProgress reads the trace.
            ["GIT_HTTP_LOW_SPEED_LIMIT"] = "1",
            ["GIT_HTTP_LOW_SPEED_TIME"] = Seconds(settings.GitResponseTimeout + LowSpeedMargin),
            ["GIT_TRACE_CURL"] = "2",
            ["GIT_TRACE_CURL_NO_DATA"] = "1",
            ["GIT_TRACE_REDACT"] = "1",
            // LFS files are fetched by 'git lfs pull' when they are asked for, not during the checkout.
            ["GIT_LFS_SKIP_SMUDGE"] = "1",
            ["SHIPINATOR_EXECUTION_ID"] = settings.ExecutionId,
            ["SHIPINATOR_GIT_USERNAME"] = source.Username ?? "",
            ["SHIPINATOR_GIT_PASSWORD"] = source.Password ?? "",
        };
        if (source.CloneOptions?.Submodules is "true" or "recursive")
        {
            // Submodules may be named by git://, where curl has no part.
            environment["GIT_TRACE_PACKET"] = "2";
        }

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
    /// The URL prefix that the credential belongs to, as the server says; when it does not, the clone URL's origin. Null:
    /// there is no credential, or nowhere to send it.
    /// </summary>
    public static string? Scope(SourceResponse source) =>
        source.Password is null ? null
        : source.CredentialScope is { Length: > 0 } scope ? Plain(scope)
        : Uri.TryCreate(source.CloneUrl, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0
            ? Plain(url.GetLeftPart(UriPartial.Authority))
        : null;

    private static string Text(string home, RunnerSettings settings, SourceResponse source)
    {
        var text = new StringBuilder();
        var (connect, response) = (Seconds(settings.GitConnectTimeout), Seconds(settings.GitResponseTimeout));
        // Before the user's own settings, which may name another command.
        text.Append("[core]\n\tsshCommand = ssh -o BatchMode=yes -o ConnectTimeout=").Append(connect);
        text.Append(" -o ServerAliveInterval=15 -o ServerAliveCountMax=4\n");
        // Local repositories may belong to another user than the one that runs the server. Git looks for this consent
        // in the global file only, so the user's own is included from one of ours.
        text.Append("[include]\n\tpath = \"").Append(Quoted(Path.Combine(home, ".gitconfig"))).Append("\"\n");
        text.Append("[safe]\n\tdirectory = *\n[http]\n\tfollowRedirects = false\n[advice]\n\tdetachedHead = false\n");
        text.Append(LfsText(source.CloneOptions?.Lfs == true));
        text.Append("[lfs]\n\tdialtimeout = ").Append(connect).Append("\n\ttlstimeout = ").Append(connect);
        text.Append("\n\tactivitytimeout = ").Append(response).Append("\n[lfs \"transfer\"]\n\tmaxretries = 2\n");
        if (Scope(source) is { } scope)
        {
            // The empty helper removes the user's own, for this prefix.
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
            text.Append(CultureInfo.InvariantCulture, $"[url \"{origin}/\"]\n");
            text.Append(CultureInfo.InvariantCulture, $"\tinsteadOf = git@{url.IdnHost}:\n\tinsteadOf = ssh://git@{url.IdnHost}/\n");
        }

        return text.ToString();
    }

    /// <summary>
    /// Does not depend on whether 'git lfs install' was run for this machine: without the filter 'git lfs pull' leaves the
    /// pointers and succeeds; with it and without the program the checkout fails, even if LFS was not requested.
    /// </summary>
    private static string LfsText(bool isWanted) =>
        isWanted
            ? """
                [filter "lfs"]
                	clean = git-lfs clean -- %f
                	smudge = git-lfs smudge -- %f
                	process = git-lfs filter-process
                	required = true

                """
            : """
                [filter "lfs"]
                	clean =
                	smudge =
                	process =
                	required = false

                """;

    /// <summary>Null for what would mean something else in a settings file.</summary>
    private static string? Plain(string text) => text.Any(c => char.IsControl(c) || c is '"' or '\\' or ' ') ? null : text;

    private static string Quoted(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);

    private static string Seconds(TimeSpan time) => Math.Ceiling(time.TotalSeconds).ToString("0", CultureInfo.InvariantCulture);
}
