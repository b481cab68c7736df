using System.Globalization;
using static Shipinator.KubernetesBattery.Battery;

namespace Shipinator.KubernetesBattery;

/// <summary>What a job's steps share, what is isolated, and what they get.</summary>
internal static class Work
{
    private const int Lines = 100_000;

    public static IReadOnlyList<Case> Cases { get; } =
    [
        new(
            "step retry in the same workspace",
            "success, 2 executions, attempt 1",
            async c =>
            {
                var job = await c.EndAsync(
                    await c.StartAsync(c.File("test -e tried || { touch tried; exit 75; }", retry: "{ max: 1, on: [failure] }"))
                );
                return $"{job.Status}, {job.Steps[0].Executions.Count} executions, attempt {job.Attempt}";
            }
        ),
        new(
            "artifact from one job to the next",
            "success, found",
            async c =>
            {
                var file =
                    c.File("mkdir out; echo from-build > out/app", "outputs: [ { type: binary, path: out/app } ]")
                    + $$"""

                        test:
                          steps:
                            - name: use
                              inputs: [ { type: binary, path: in } ]
                              run: find in -type f -exec cat {} +
                        """;
                return await LoggedAsync(c, file, "from-build");
            }
        ),
        new(
            "two images, one workspace",
            "success, found",
            c =>
                LoggedAsync(
                    c,
                    $$"""
                    image: "{{c.Settings.StepImage}}"
                    build:
                      steps:
                        - { name: write, run: "echo from-the-first > it" }
                        - { name: read, image: "{{c.Settings.RunnerImage}}", run: "git --version; cat it" }
                    """,
                    "from-the-first"
                )
        ),
        new(
            "twelve steps in one pod",
            "success",
            c =>
                SimpleAsync(
                    c,
                    $"image: \"{c.Settings.StepImage}\"\nbuild:\n  steps:\n"
                        + string.Concat(
                            Enumerable
                                .Range(1, 12)
                                .Select(i => string.Create(CultureInfo.InvariantCulture, $"    - {{ name: s{i}, run: \"true\" }}\n"))
                        )
                )
        ),
        new(
            "parallel group",
            "success",
            c =>
                SimpleAsync(
                    c,
                    $$"""
                    image: "{{c.Settings.StepImage}}"
                    build:
                      steps:
                        - { name: one, parallel: true, timeout: 60s, run: "touch one; while [ ! -e two ]; do sleep 1; done" }
                        - { name: two, parallel: true, timeout: 60s, run: "touch two; while [ ! -e one ]; do sleep 1; done" }
                    """
                )
        ),
        new(
            "two concurrent runs",
            "success, success",
            async c =>
            {
                var (one, two) = (await c.StartAsync(c.File("echo one; sleep 3")), await c.StartAsync(c.File("echo two; sleep 3")));
                return $"{await c.OutcomeAsync(one)}, {await c.OutcomeAsync(two)}";
            }
        ),
        new(
            "service beside the steps",
            "success, found",
            c =>
                LoggedAsync(
                    c,
                    $$"""
                    image: "{{c.Settings.StepImage}}"
                    build:
                      services:
                        web:
                          image: "{{c.Settings.ServiceImage}}"
                          env: { PRICE: "5$$" }
                          command:
                            - sh
                            - -c
                            - mkdir -p /tmp/w; echo served-by-web for $PRICE > /tmp/w/index.html; sleep 3; httpd -f -p 8080 -h /tmp/w
                          ready: { tcp: 8080, timeout: 60s }
                      steps:
                        - { name: ask, run: "wget -q -O - http://web:8080/index.html" }
                    """,
                    "served-by-web for 5$$"
                )
        ),
        new(
            "service that is never ready",
            "failed executor_error",
            async c =>
            {
                var found = await SimpleAsync(
                    c,
                    $$"""
                    image: "{{c.Settings.StepImage}}"
                    build:
                      services:
                        db: { image: "{{c.Settings.ServiceImage}}", command: [sleep, "600"], ready: { tcp: 5999, timeout: 5s } }
                      steps:
                        - { name: ask, retry: { max: 1, on: [timeout] }, run: "true" }
                    """
                );
                return c.Note.Contains("Service db was not ready", StringComparison.Ordinal) ? found : $"{found}: {c.Note}";
            }
        ),
        new(
            "log of 100,000 lines",
            "success, complete and in order",
            async c =>
            {
                var job = await c.EndAsync(await c.StartAsync(c.File($"seq 1 {Lines.ToString(CultureInfo.InvariantCulture)}")));
                var lines = (await c.LogAsync(job)).Split('\n').Where(l => l.Length > 0 && l.All(char.IsAsciiDigit)).ToList();
                var whole = lines.SequenceEqual(Enumerable.Range(1, Lines).Select(i => i.ToString(CultureInfo.InvariantCulture)));
                var found = whole ? "complete and in order" : string.Create(CultureInfo.InvariantCulture, $"{lines.Count} lines");
                return $"{job.Status}, {found}";
            }
        ),
        new(
            "what a step can see",
            "success, found",
            c =>
                LoggedAsync(
                    c,
                    c.File(
                        (c.Settings.Restricted ? "test \"$(id -u)\" = 1000 || exit 5\n" : "")
                            + """
                            env | grep -E '^(KUBERNETES_|SHIPINATOR_(TOKEN|URL|CLONE))' && exit 1
                            test ! -e /var/run/secrets/kubernetes.io || exit 2
                            test "$(ls /run/shipinator)" = token || exit 3
                            test "$CI" = true || exit 4
                            echo kept-apart
                            """
                    ),
                    "kept-apart"
                )
        ),
        new("pod properties", "linux, no service account token, no privilege", PodPropertiesAsync),
        new("cache between runs", "success, found", CacheAsync),
    ];

    private static async Task<string> PodPropertiesAsync(CaseContext c)
    {
        var run = await c.StartAsync(c.File(Sleep));
        await c.RunningAsync(run);
        async Task<string> Ask(string path) => await c.Cluster.AsyncIn("get", "pod", await c.PodAsync(run), "--output", "jsonpath=" + path);
        var system = await Ask("{.spec.nodeSelector.kubernetes\\.io/os}");
        var token = await Ask("{.spec.automountServiceAccountToken}") == "false" ? "no service account token" : "a service account token";
        var escalation = (await Ask("{.spec.containers[*].securityContext.allowPrivilegeEscalation}")).Split(' ').All(v => v == "false")
            ? "no privilege"
            : "privilege";
        await c.Api.CancelRunAsync(run);
        await c.EndAsync(run);
        return $"{system}, {token}, {escalation}";
    }

    private static async Task<string> CacheAsync(CaseContext c)
    {
        if (c.Settings.CacheClass is null)
        {
            return "skipped: SHIPINATOR_E2E_CACHE_CLASS is not set";
        }

        var file = c.File(
            "if [ -e kept/it ]; then cat kept/it; else mkdir kept; echo kept-before > kept/it; fi",
            "cache: { key: [README], paths: [kept] }"
        );
        var first = await SimpleAsync(c, file);
        return first == "success" ? await LoggedAsync(c, file, "kept-before") : first;
    }
}
