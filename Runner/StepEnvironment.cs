using System.Collections;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>The environment of the user's command: a base, the step's variables and secrets; nothing of the runner's environment.</summary>
internal static class StepEnvironment
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The variables of the runner's environment that a command outside a container inherits.</summary>
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

    /// <summary>The variables that configure proxies.</summary>
    public static IEnumerable<string> Proxies => Base.Where(n => n.EndsWith("PROXY", StringComparison.OrdinalIgnoreCase));

    public static Dictionary<string, string> Of(ClaimResponse work, RunnerSettings settings, string folder) =>
        Of(work, settings, folder, new());

    public static Dictionary<string, string> Of(ClaimResponse work, RunnerSettings settings, string folder, StepExports exports)
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
            // Another user created the workspace; without this git refuses to work in it.
            if (environment.TryAdd("GIT_CONFIG_COUNT", "1"))
            {
                environment["GIT_CONFIG_KEY_0"] = "safe.directory";
                environment["GIT_CONFIG_VALUE_0"] = settings.Workspace;
            }
        }

        foreach (var (name, value) in exports.Variables)
        {
            environment[name] = value;
        }

        // What ${NAME} may refer to: the environment without what the pipeline file sets, and never a secret.
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
            environment[name] = Expressions.Expand(expression, n => Value(n, before, exports));
        }

        SetOurs(environment, settings);
        // A shell sets it by itself; a command relies on it.
        environment["PWD"] = folder;
        return environment;
    }

    /// <summary>A command's arguments with the values that only the runner knows.</summary>
    public static IEnumerable<string> Expand(IEnumerable<string> expressions, RunnerSettings settings, StepExports exports)
    {
        var ours = new Dictionary<string, string>(StringComparer.Ordinal);
        SetOurs(ours, settings);
        return expressions.Select(e => Expressions.Expand(e, n => Value(n, ours, exports)));
    }

    private static string? Value(string name, Dictionary<string, string> environment, StepExports exports) =>
        name.StartsWith("steps.", StringComparison.Ordinal) ? exports.Outputs.GetValueOrDefault(name["steps.".Length..])
        : environment.TryGetValue(name, out var value) ? value
        : exports.VariablesOnRequest.GetValueOrDefault(name);

    private static void SetOurs(Dictionary<string, string> environment, RunnerSettings settings)
    {
        environment["CI_WORKSPACE"] = settings.Workspace;
        environment["SHIPINATOR_WORKSPACE"] = settings.Workspace;
        environment["SHIPINATOR_ENV"] = settings.EnvFile;
        environment["SHIPINATOR_OUTPUT"] = settings.OutputFile;
        // By this the executor finds processes that the step left running, in any session.
        environment["SHIPINATOR_EXECUTION_ID"] = settings.ExecutionId;
    }

    private static bool IsReserved(string name) =>
        name == "CI" || name.StartsWith("CI_", StringComparison.Ordinal) || name.StartsWith("SHIPINATOR", StringComparison.Ordinal);

    private static bool IsOurs(string name) =>
        name.StartsWith("SHIPINATOR_", StringComparison.Ordinal) || name.StartsWith("KUBERNETES_", StringComparison.Ordinal);
}
