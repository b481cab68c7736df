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
        "PATH",
        "HOME",
        "USER",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
    ];

    /// <summary>The names that a proxy is found by.</summary>
    public static IEnumerable<string> Proxies => Base.Where(n => n.EndsWith("PROXY", StringComparison.OrdinalIgnoreCase));

    public static Dictionary<string, string> Of(ClaimResponse work, RunnerSettings settings, string folder) =>
        Of(work, settings, folder, new());

    public static Dictionary<string, string> Of(ClaimResponse work, RunnerSettings settings, string folder, HandedOn handed)
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

        foreach (var (name, value) in handed.Given)
        {
            environment[name] = value;
        }

        // What a value's $NAME may mean: the environment without what the file sets, and never a secret.
        var before = new Dictionary<string, string>(environment, StringComparer.Ordinal);
        SetOurs(before, settings);
        foreach (var (name, value) in work.Env.Where(e => IsReserved(e.Key)))
        {
            before[name] = value;
        }

        foreach (var (name, value) in work.Secrets.Concat(work.Env))
        {
            environment[name] = value;
        }

        foreach (var (name, expression) in work.EnvExpressions ?? new Dictionary<string, string>())
        {
            environment[name] = Expressions.Finish(expression, n => Value(n, before, handed));
        }

        SetOurs(environment, settings);
        // A shell finds it out by itself; a command believes what it is told.
        environment["PWD"] = folder;
        return environment;
    }

    /// <summary>The arguments of a command, with what only the runner knows filled in.</summary>
    public static IEnumerable<string> Finish(IEnumerable<string> expressions, RunnerSettings settings, HandedOn handed)
    {
        var ours = new Dictionary<string, string>(StringComparer.Ordinal);
        SetOurs(ours, settings);
        return expressions.Select(e => Expressions.Finish(e, n => Value(n, ours, handed)));
    }

    private static string? Value(string name, Dictionary<string, string> environment, HandedOn handed) =>
        name.StartsWith("steps.", StringComparison.Ordinal) ? handed.Outputs.GetValueOrDefault(name["steps.".Length..])
        : environment.TryGetValue(name, out var value) ? value
        : handed.Named.GetValueOrDefault(name);

    private static void SetOurs(Dictionary<string, string> environment, RunnerSettings settings)
    {
        environment["CI_WORKSPACE"] = settings.Workspace;
        environment["SHIPINATOR_WORKSPACE"] = settings.Workspace;
        environment["SHIPINATOR_ENV"] = settings.EnvFile;
        environment["SHIPINATOR_OUTPUT"] = settings.OutputFile;
        // The mark by which the executor finds whatever the step leaves running, in whatever session.
        environment["SHIPINATOR_EXECUTION_ID"] = settings.ExecutionId;
    }

    private static bool IsReserved(string name) =>
        name == "CI" || name.StartsWith("CI_", StringComparison.Ordinal) || name.StartsWith("SHIPINATOR", StringComparison.Ordinal);

    private static bool IsOurs(string name) =>
        name.StartsWith("SHIPINATOR_", StringComparison.Ordinal) || name.StartsWith("KUBERNETES_", StringComparison.Ordinal);
}
