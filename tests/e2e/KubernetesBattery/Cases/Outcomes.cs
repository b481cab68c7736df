using static Shipinator.KubernetesBattery.Battery;

namespace Shipinator.KubernetesBattery;

/// <summary>Results of jobs and their reasons.</summary>
internal static class Outcomes
{
    public static IReadOnlyList<Case> Cases { get; } =
    [
        new("success", "success", c => SimpleAsync(c, c.File("echo hello; cat README"))),
        new("exit 3", "failed exit_code 3", c => CodeAsync(c, c.File("exit 3"))),
        new("command not found", "failed exit_code 127", c => CodeAsync(c, c.File("/no/such/program"))),
        new(
            "image without a shell",
            "failed exit_code 127",
            c =>
                c.Settings.BareImage is { } image
                    ? CodeAsync(c, c.File("true", image: image))
                    : Task.FromResult("skipped: SHIPINATOR_E2E_BARE_IMAGE is not set")
        ),
        new("out of memory", "failed oom_killed", c => SimpleAsync(c, c.File("tail /dev/zero", "resources: { memory: 64Mi }"))),
        new("step timeout", "failed timeout", c => SimpleAsync(c, c.File(Sleep, "timeout: 5s", retry: InfrastructureRetry))),
        new(
            "job timeout",
            "failed timeout",
            c =>
                SimpleAsync(
                    c,
                    c.File(Sleep, retry: InfrastructureRetry).Replace("build:\n", "build:\n  timeout: 20s\n", StringComparison.Ordinal)
                )
        ),
        new(
            "image missing",
            "reported immediately, failed image_pull",
            async c =>
            {
                var run = await c.StartAsync(c.File("true", image: MissingImage));
                var said = await c.PromptlyAsync(
                    run,
                    MissingImage,
                    "waiting_for to name the image",
                    () => c.Cluster.AboutAsync("pods", run, "{.items[*].status.containerStatuses[*].state.waiting.reason}"),
                    "ErrImagePull",
                    "ImagePullBackOff",
                    "ErrImageNeverPull"
                );
                return $"{said}, {await c.OutcomeAsync(run)}";
            }
        ),
        new(
            "image missing in a later step",
            "success, failed image_pull",
            async c =>
            {
                var job = await c.EndAsync(
                    await c.StartAsync(
                        $$"""
                        image: "{{c.Settings.StepImage}}"
                        build:
                          steps:
                            - { name: first, run: "true" }
                            - { name: second, image: "{{MissingImage}}", retry: { max: 1, on: [timeout] }, run: "true" }
                        """
                    )
                );
                return $"{job.Steps[0].Status}, {job.Steps[1].Status} {job.Steps[1].Reason}";
            }
        ),
        new("invalid image name", "failed config_error", c => SimpleAsync(c, c.File("true", image: "Not-An:::Image"))),
        new(
            "image behind a pull secret",
            "success",
            c =>
                c.Settings.PrivateImage is { } image
                    ? SimpleAsync(c, c.File("true", image: image))
                    : Task.FromResult("skipped: SHIPINATOR_E2E_PRIVATE_IMAGE and SHIPINATOR_E2E_DOCKERCONFIG are not set")
        ),
        new(
            "unschedulable",
            "reported immediately, failed unschedulable",
            async c =>
            {
                var run = await c.StartAsync(c.File("true", "resources: { cpu: 9000 }"));
                var said = await c.PromptlyAsync(
                    run,
                    "nodes are available",
                    "the scheduler's message in waiting_for",
                    () => c.Cluster.AboutAsync("pods", run, "{.items[*].status.conditions[*].reason}"),
                    "Unschedulable"
                );
                return $"{said}, {await c.OutcomeAsync(run)}";
            }
        ),
        new("secret that is not configured", "failed config_error", c => SimpleAsync(c, c.File("true", "secrets: [ABSENT]"))),
        new("checkout impossible", "failed executor_error", GoneRepositoryAsync),
    ];

    private static async Task<string> CodeAsync(CaseContext c, string file)
    {
        var job = await c.EndAsync(await c.StartAsync(file));
        return $"{job.Status} {job.Reason} {job.Steps[0].ExitCode}";
    }

    /// <summary>The repository exists when the run is created, and is gone when the pod clones.</summary>
    private static async Task<string> GoneRepositoryAsync(CaseContext c)
    {
        await c.Git.CreateAsync("gone", c.File("true"));
        var pipeline = await Setup.RegisterAsync(c.Api, "e2e-gone", c.Git.CloneUrl("gone"));
        var run = await c.Api.CreateRunAsync(pipeline, new() { GitRef = "main" });
        c.Git.Remove("gone");
        return await c.OutcomeAsync(run.Id);
    }
}
