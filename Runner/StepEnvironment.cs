using System.Collections;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>The environment of the user's command: a base, what the step was given, its secrets; nothing of the runner's own.</summary>
internal static class StepEnvironment
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Outside a container: what any program of this machine needs to find its way.</summary>
    private static readonly string[] Base =
    [
        "PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    ];

    /// <summary>The names that a proxy is found by.</summary>
    public static IEnumerable<string> Proxies => Base.Where(n => n.EndsWith("PROXY", StringComparison.OrdinalIgnoreCase));

    public static Dictionary<string, string> Of(ClaimAnswer work, RunnerSettings settings, string folder)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            var name = (string)variable.Key;
            if (settings.IsContainer ? !IsOurs(name) : Base.Contains(name))
            {
                environment[name] = (string?)variable.Value ?? "";
            }
        }

        environment.TryAdd("PATH", DefaultPath);
        if (settings.IsContainer)
        {
            environment.TryAdd("HOME", "/");
            // Somebody else made the workspace; without this word git refuses to work in it.
            if (environment.TryAdd("GIT_CONFIG_COUNT", "1"))
            {
                environment["GIT_CONFIG_KEY_0"] = "safe.directory";
                environment["GIT_CONFIG_VALUE_0"] = settings.Workspace;
            }
        }

        foreach (var (name, value) in work.Secrets.Concat(work.Env))
        {
            environment[name] = value;
        }

        environment["CI_WORKSPACE"] = settings.Workspace;
        // A shell finds it out by itself; a command believes what it is told.
        environment["PWD"] = folder;
        // The mark by which the executor finds whatever the step leaves running, in whatever session.
        environment["SHIPINATOR_EXECUTION_ID"] = settings.ExecutionId;
        return environment;
    }

    private static bool IsOurs(string name) =>
        name.StartsWith("SHIPINATOR_", StringComparison.Ordinal) || name.StartsWith("KUBERNETES_", StringComparison.Ordinal);
}
