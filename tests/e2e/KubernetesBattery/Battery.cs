namespace Shipinator.KubernetesBattery;

/// <summary>Every case, in the order of the table.</summary>
internal static class Battery
{
    public const string CacheClaim = "shipinator-e2e-cache";
    private const string InfrastructureRetry = "{ max: 1, on: [infrastructure] }";
    private const string Sleep = "echo begun; sleep 600";

    /// <summary>Names no registry: nothing can be pulled from there.</summary>
    private const string MissingImage = "registry.invalid/shipinator/none:1";

    public static IReadOnlyList<Case> Cases { get; } =
    [
        new("success", "success", c => SimpleAsync(c, c.File("echo hello; cat README"))),
        new("exit 3", "failed exit_code 3", async c =>
        {
            var job = await c.EndAsync(await c.StartAsync(c.File("exit 3")));
            return $"{job.Status} {job.Reason} {job.Steps[0].ExitCode}";
        }),
        new("command not found", "failed exit_code 127", async c =>
        {
            var job = await c.EndAsync(await c.StartAsync(c.File("/no/such/program")));
            return $"{job.Status} {job.Reason} {job.Steps[0].ExitCode}";
        }),
        new("out of memory", "failed oom_killed", c => SimpleAsync(c, c.File("tail /dev/zero", "resources: { memory: 64Mi }"))),
        new("image missing", "failed image_pull", async c =>
        {
            var run = await c.StartAsync(c.File("true", image: MissingImage));
            c.Note = await c.WaitsForAsync(run, w => w.Contains("image", StringComparison.OrdinalIgnoreCase), "waiting_for to name the image");
            return await c.OutcomeAsync(run);
        }),
        new("invalid image name", "failed config_error", c => SimpleAsync(c, c.File("true", image: "Not-An:::Image"))),
        new("unschedulable", "failed unschedulable", async c =>
        {
            var run = await c.StartAsync(c.File("true", "resources: { cpu: 9000 }"));
            c.Note = await c.WaitsForAsync(run, w => w.Contains("node", StringComparison.OrdinalIgnoreCase), "the scheduler's sentence in waiting_for");
            return await c.OutcomeAsync(run);
        }),
        new("checkout impossible", "failed executor_error", GoneRepositoryAsync),
        new("cancel while pending", "canceled canceled_by_user", c => CancelAsync(c, c.File("true", "resources: { cpu: 9000 }"), c.PodAsync)),
        new("cancel while pulling", "canceled canceled_by_user", c => CancelAsync(c, c.File("true", image: MissingImage), c.PodAsync)),
        new("cancel while running", "canceled canceled_by_user", c => CancelAsync(c, c.File(Sleep), c.RunningAsync)),
        new("pod deleted", "failed lost", async c =>
        {
            var run = await c.StartAsync(c.File(Sleep));
            await c.RunningAsync(run);
            await c.Cluster.AsyncIn("delete", "pod", await c.PodAsync(run), "--wait=false", "--grace-period=1");
            return await c.OutcomeAsync(run);
        }),
        new("pod evicted", "failed evicted", async c =>
        {
            var run = await c.StartAsync(c.File(Sleep));
            await c.RunningAsync(run);
            await c.Cluster.EvictAsync(await c.PodAsync(run));
            return await c.OutcomeAsync(run);
        }),
        new("step retry in the same workspace", "success, 2 executions, attempt 1", async c =>
        {
            var job = await c.EndAsync(await c.StartAsync(c.File("test -e tried || { touch tried; exit 75; }", retry: "{ max: 1, on: [failure] }")));
            return $"{job.Status}, {job.Steps[0].Executions.Count} executions, attempt {job.Attempt}";
        }),
        new("infrastructure retry in a new pod", "success, attempt 2", async c =>
        {
            var run = await c.StartAsync(c.File("test ! -e tried; touch tried; sleep 15", retry: InfrastructureRetry));
            await c.RunningAsync(run);
            await c.Cluster.AsyncIn("delete", "pod", await c.PodAsync(run), "--wait=false", "--grace-period=1");
            var job = await c.EndAsync(run);
            return $"{job.Status}, attempt {job.Attempt}";
        }),
        new("artifact from one job to the next", "success, found", async c =>
        {
            var file = c.File("mkdir out; echo from-build > out/app", "outputs: [ { type: binary, path: out/app } ]") + $$"""

                test:
                  steps:
                    - name: use
                      inputs: [ { type: binary, path: in } ]
                      run: find in -type f -exec cat {} +
                """;
            return await LoggedAsync(c, file, "from-build");
        }),
        new("service beside the steps", "success, found", c => LoggedAsync(c, $$"""
            image: "{{c.Settings.StepImage}}"
            build:
              services:
                web:
                  image: "{{c.Settings.ServiceImage}}"
                  command: [sh, -c, "mkdir -p /tmp/w; echo served-by-web > /tmp/w/index.html; httpd -f -p 8080 -h /tmp/w"]
                  ready: { tcp: 8080, timeout: 60s }
              steps:
                - { name: ask, run: "wget -q -O - http://web:8080/index.html" }
            """, "served-by-web")),
        new("parallel group", "success", c => SimpleAsync(c, $$"""
            image: "{{c.Settings.StepImage}}"
            build:
              steps:
                - { name: one, parallel: true, timeout: 60s, run: "touch one; while [ ! -e two ]; do sleep 1; done" }
                - { name: two, parallel: true, timeout: 60s, run: "touch two; while [ ! -e one ]; do sleep 1; done" }
            """)),
        new("pod's shape", "linux, no service account token, no privilege", PodShapeAsync),
        new("orphan is swept", "gone", OrphanAsync),
        new("cache between runs", "success, found", CacheAsync),
        new("quota full, then free", "success", QuotaAsync, Alone: true),
    ];

    private static async Task<string> SimpleAsync(CaseContext c, string file) => await c.OutcomeAsync(await c.StartAsync(file));

    private static async Task<string> LoggedAsync(CaseContext c, string file, string text)
    {
        var job = await c.EndAsync(await c.StartAsync(file));
        return job.Status == "success"
            ? $"success, {((await c.LogAsync(job)).Contains(text, StringComparison.Ordinal) ? "found" : "not in the log")}"
            : $"{job.Status} {job.Reason}";
    }

    private static async Task<string> CancelAsync(CaseContext c, string file, Func<string, Task> moment)
    {
        var run = await c.StartAsync(file);
        await moment(run);
        await c.Api.CancelRunAsync(run);
        var found = await c.OutcomeAsync(run);
        await c.GoneAsync(run);
        return found;
    }

    /// <summary>The repository is there when the run is made, and gone when the pod wants to clone.</summary>
    private static async Task<string> GoneRepositoryAsync(CaseContext c)
    {
        await c.Git.CreateAsync("gone", c.File("true"));
        var pipeline = await Setup.RegisterAsync(c.Api, "e2e-gone", c.Git.CloneUrl("gone"));
        var run = await c.Api.CreateRunAsync(pipeline, new() { GitRef = "main" });
        c.Git.Remove("gone");
        return await c.OutcomeAsync(run.Id);
    }

    private static async Task<string> PodShapeAsync(CaseContext c)
    {
        var run = await c.StartAsync(c.File(Sleep));
        await c.RunningAsync(run);
        async Task<string> Ask(string path) => await c.Cluster.AsyncIn("get", "pod", await c.PodAsync(run), "--output", "jsonpath=" + path);
        var system = await Ask("{.spec.nodeSelector.kubernetes\\.io/os}");
        var token = await Ask("{.spec.automountServiceAccountToken}") == "false" ? "no service account token" : "a service account token";
        var escalation = (await Ask("{.spec.containers[*].securityContext.allowPrivilegeEscalation}")).Split(' ').All(v => v == "false") ? "no privilege" : "privilege";
        await c.Api.CancelRunAsync(run);
        await c.EndAsync(run);
        return $"{system}, {token}, {escalation}";
    }

    /// <summary>A Job with our labels that nobody needs; suspended, so that it needs no image.</summary>
    private static async Task<string> OrphanAsync(CaseContext c)
    {
        var job = Guid.CreateVersion7();
        var name = $"ship-{job:N}-1";
        await c.Cluster.ApplyAsync($$"""
            apiVersion: batch/v1
            kind: Job
            metadata:
              name: {{name}}
              labels:
                app.kubernetes.io/managed-by: shipinator
                shipinator.io/instance: {{Server.Instance}}
                shipinator.io/job-id: {{job}}
                shipinator.io/run-id: {{Guid.CreateVersion7()}}
                shipinator.io/attempt: "1"
            spec:
              suspend: true
              template:
                spec:
                  restartPolicy: Never
                  containers: [ { name: s0, image: "{{c.Settings.StepImage}}", command: [sleep, "1"] } ]
            """);
        await Until.TrueAsync(
            async () => (await c.Cluster.AsyncIn("get", "job", name, "--ignore-not-found", "--output", "name")).Length == 0, TimeSpan.FromSeconds(90), "the sweep");
        return "gone";
    }

    private static async Task<string> CacheAsync(CaseContext c)
    {
        if (c.Settings.CacheClass is null)
        {
            return "skipped: SHIPINATOR_E2E_CACHE_CLASS names no storage class";
        }

        var file = c.File("if [ -e kept/it ]; then cat kept/it; else mkdir kept; echo kept-before > kept/it; fi", "cache: { key: [README], paths: [kept] }");
        var first = await SimpleAsync(c, file);
        return first == "success" ? await LoggedAsync(c, file, "kept-before") : first;
    }

    private static async Task<string> QuotaAsync(CaseContext c)
    {
        await c.Cluster.ApplyAsync("""
            apiVersion: v1
            kind: ResourceQuota
            metadata: { name: nothing }
            spec: { hard: { pods: "0" } }
            """);
        try
        {
            var run = await c.StartAsync(c.File("true"));
            c.Note = await c.WaitsForAsync(run, w => w.Contains("quota", StringComparison.OrdinalIgnoreCase), "waiting_for to name the quota");
            await c.Cluster.AsyncIn("delete", "resourcequota", "nothing");
            return await c.OutcomeAsync(run);
        }
        finally
        {
            await c.Cluster.AsyncIn("delete", "resourcequota", "nothing", "--ignore-not-found");
        }
    }
}
