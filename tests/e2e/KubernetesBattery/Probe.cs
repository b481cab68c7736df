using System.Text.Json;

namespace Shipinator.KubernetesBattery;

/// <summary>
/// Checks up front, in a pod of the runner image, what would otherwise fail every case after minutes: whether pods reach this host,
/// and whether there is a runner for them. Errors: <see cref="BatteryException"/> with the fix.
/// </summary>
internal static class Probe
{
    private const int Seconds = 60;

    /// <summary>Uses Git like a pod's first container, and looks for a runner and for tools in the same places.</summary>
    private const string Script = """
        export HOME=/tmp LC_ALL=C GIT_TERMINAL_PROMPT=0
        runner= tools=
        for r in "$(command -v shipinator-runner || true)" /shipinator-runner /runner; do
          if [ -n "$r" ] && [ -f "$r" ] && [ -x "$r" ]; then runner="$r"; fi
        done
        for t in git wget curl perl python3; do
          if command -v "$t" >/dev/null; then tools="$tools $t"; fi
        done
        said="$(git ls-remote "$1" 2>&1)" && said=
        printf 'runner:%s\ntools:%s\nsaid:%s\n' "$runner" "$tools" "$said" >/dev/termination-log
        """;

    /// <summary>Checks what the runner image contains, and whether pods reach the Git server.</summary>
    public static async Task GitAsync(Cluster cluster, Settings settings, GitServer git)
    {
        var response = await RequestAsync(cluster, settings, "probe-git", new Uri(git.CloneUrl("battery")));
        if (response.Said is not null && !response.Tools.Contains("git"))
        {
            throw new BatteryException(
                $"The runner image {settings.RunnerImage} contains no git. Set SHIPINATOR_E2E_RUNNER_IMAGE to an image that does."
            );
        }

        if (response.Runner.Length == 0 && settings.Runner is null)
        {
            throw new BatteryException(
                $"There is no runner for pods: the image {settings.RunnerImage} contains none as shipinator-runner, /shipinator-runner or "
                    + "/runner, and SHIPINATOR_E2E_RUNNER names no static one. Create one with Runner/publish-static.sh."
            );
        }

        if (response.Runner.Length == 0 && response.Tools.All(t => t == "git"))
        {
            throw new BatteryException(
                $"The runner image {settings.RunnerImage} contains neither a runner nor wget, curl, perl or python3 to download it. "
                    + "Set SHIPINATOR_E2E_RUNNER_IMAGE to an image that does."
            );
        }

        if (response.Said is { Length: > 0 } words)
        {
            throw NotReached("the battery's Git server", git.Url, "SHIPINATOR_E2E_GIT_URL", words);
        }
    }

    /// <summary>Checks whether pods reach Shipinator itself, once it runs.</summary>
    public static async Task ServerAsync(Cluster cluster, Settings settings)
    {
        // It serves no Git: a refusal is a response, too.
        var response = await RequestAsync(cluster, settings, "probe-server", new Uri(settings.Url, "/v1/battery.git"));
        if (
            response.Said is { } words
            && words.Contains("unable to access", StringComparison.Ordinal)
            && !words.Contains("requested URL returned error", StringComparison.Ordinal)
        )
        {
            throw NotReached("Shipinator", settings.Url, "SHIPINATOR_E2E_URL", words);
        }
    }

    private static BatteryException NotReached(string what, Uri url, string variable, string words) =>
        new(
            $"Pods can't reach {what} at {url}: {words.ReplaceLineEndings(" ")}. "
                + $"Set {variable} to an address of this host that pods can reach, and open its port in the firewall."
        );

    private static async Task<ProbeResponse> RequestAsync(Cluster cluster, Settings settings, string name, Uri url)
    {
        var user = settings.Restricted ? "runAsNonRoot: true, runAsUser: 1000, " : "";
        await cluster.ApplyAsync(
            $$"""
            apiVersion: v1
            kind: Pod
            metadata: { name: {{name}} }
            spec:
              restartPolicy: Never
              activeDeadlineSeconds: {{Seconds}}
              automountServiceAccountToken: false
              nodeSelector: { kubernetes.io/os: linux }
              imagePullSecrets: [ { name: {{Battery.PullSecret}} } ]
              securityContext: { {{user}}seccompProfile: { type: RuntimeDefault } }
              containers:
              - { name: ask, {{settings.Image(settings.RunnerImage)}}, command: [ /bin/sh, "-c", {{JsonSerializer.Serialize(
                Script
            )}}, ask, "{{url}}" ], securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } } }
            """
        );
        var state = "";
        await Until.TrueAsync(
            async () =>
                (
                    state = await cluster.AsyncIn(
                        "get",
                        "pod",
                        name,
                        "--output",
                        "jsonpath={.status.phase} {.status.reason}{\"\\n\"}{.status.containerStatuses[0].state.terminated.message}"
                    )
                )
                    is var now
                && (now.StartsWith("Succeeded", StringComparison.Ordinal) || now.StartsWith("Failed", StringComparison.Ordinal)),
            TimeSpan.FromSeconds(3 * Seconds),
            $"pod {name}, which requests {url}, to end"
        );
        await cluster.AsyncIn("delete", "pod", name, "--wait=false");
        return ProbeResponse.Parse(state)
            ?? (
                state.StartsWith("Failed DeadlineExceeded", StringComparison.Ordinal)
                    ? ProbeResponse.None
                    : throw new BatteryException(
                        $"A pod of the runner image {settings.RunnerImage} could not request {url}: {state.ReplaceLineEndings(" ")}"
                    )
            );
    }

    /// <summary>The pod's termination message; <see cref="Said"/> is Git's error, null when there was none.</summary>
    private sealed record ProbeResponse(string Runner, string[] Tools, string? Said)
    {
        /// <summary>The pod timed out; the image's contents are unknown.</summary>
        public static ProbeResponse None { get; } = new("unknown", ["git"], $"unable to access it: no response within {Seconds} s");

        public static ProbeResponse? Parse(string state)
        {
            var lines = state.Split('\n');
            string? After(string word) => lines.FirstOrDefault(l => l.StartsWith(word, StringComparison.Ordinal))?[word.Length..].Trim();
            var said = state.IndexOf("\nsaid:", StringComparison.Ordinal);
            return said < 0 || After("runner:") is not { } runner || After("tools:") is not { } tools
                ? null
                : new(
                    runner,
                    tools.Split(' ', StringSplitOptions.RemoveEmptyEntries),
                    state[(said + "\nsaid:".Length)..].Trim() is { Length: > 0 } words ? words : null
                );
        }
    }
}
