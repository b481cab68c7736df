using Shipinator.Client;

namespace Shipinator.KubernetesBattery;

/// <summary>Creates what the cases need.</summary>
internal static class Setup
{
    /// <summary>Creates a project with one repository; returns the id of its manual pipeline.</summary>
    public static async Task<string> RegisterAsync(ShipinatorClient api, string name, string cloneUrl)
    {
        var project = await api.CreateProjectAsync(new() { Name = name });
        var repository = await api.CreateRepositoryAsync(
            project.Id,
            new()
            {
                VcsProvider = "git",
                CloneUrl = cloneUrl,
                DefaultBranch = "main",
                Executor = "kubernetes",
            }
        );
        return (await api.SyncAsync(repository.Id)).Items.Single(p => p.TriggerType == "manual").Id;
    }

    /// <summary>
    /// Pulls all images to a node, so that no case waits for them; fails when one can't be pulled.
    /// Errors: <see cref="BatteryException"/> with the cluster's message.
    /// </summary>
    public static async Task PullAsync(Cluster cluster, Settings settings)
    {
        var images = new[] { settings.RunnerImage, settings.StepImage, settings.ServiceImage, settings.BareImage, settings.PrivateImage }
            .OfType<string>()
            .Distinct()
            .ToList();
        await cluster.ApplyAsync(
            $$"""
            apiVersion: v1
            kind: Pod
            metadata: { name: images }
            spec:
              restartPolicy: Never
              nodeSelector: { kubernetes.io/os: linux }
              automountServiceAccountToken: false
              imagePullSecrets: [ { name: {{Battery.PullSecret}} } ]
              securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: RuntimeDefault } }
              containers:
            {{string.Join(
                '\n',
                images.Select(
                    (image, i) =>
                        $"  - {{ name: i{i}, {settings.Image(image)}, command: [\"true\"], "
                        + "securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } } }"
                )
            )}}
            """
        );
        var start = TimeProvider.System.GetTimestamp();
        await Until.TrueAsync(
            async () =>
            {
                // Whether it can be started doesn't matter: then it has been pulled.
                var states = await cluster.AsyncIn(
                    "get",
                    "pod",
                    "images",
                    "--output",
                    "jsonpath={range .status.containerStatuses[*]}{.image}{\" \"}{.state.waiting.reason}{\" \"}"
                        + "{.state.waiting.message}{\"\\n\"}{end}"
                );
                var lines = states.Split('\n', StringSplitOptions.RemoveEmptyEntries);
                return
                    lines.FirstOrDefault(l =>
                        l.Contains(" ErrImagePull ", StringComparison.Ordinal)
                        || l.Contains(" InvalidImageName ", StringComparison.Ordinal)
                        || l.Contains(NeverPull, StringComparison.Ordinal)
                    )
                        is { } bad
                    && TimeProvider.System.GetElapsedTime(start) > PullPatience
                    ? throw new BatteryException($"An image can't be pulled: {bad}")
                    : lines.Length == images.Count
                        && !lines.Any(l =>
                            l.Contains(" ContainerCreating", StringComparison.Ordinal)
                            || l.Contains(" PodInitializing", StringComparison.Ordinal)
                            || l.Contains("ImagePull", StringComparison.Ordinal)
                            || l.Contains(NeverPull, StringComparison.Ordinal)
                        );
            },
            TimeSpan.FromMinutes(10),
            "the images"
        );
        await cluster.AsyncIn("delete", "pod", "images", "--wait=false");
    }

    private const string NeverPull = " ErrImageNeverPull ";

    /// <summary>Registries fail temporarily.</summary>
    private static readonly TimeSpan PullPatience = TimeSpan.FromSeconds(60);

    /// <summary>Creates the pull secret for the private image.</summary>
    public static Task PullSecretAsync(Cluster cluster, string dockerConfig) =>
        cluster.ApplyAsync(
            $$"""
            apiVersion: v1
            kind: Secret
            metadata: { name: {{Battery.PullSecret}} }
            type: kubernetes.io/dockerconfigjson
            data: { .dockerconfigjson: {{Convert.ToBase64String(File.ReadAllBytes(dockerConfig))}} }
            """
        );

    /// <summary>Creates a claim for the cache volume; the storage class provides the volume.</summary>
    public static Task CacheClaimAsync(Cluster cluster, string storageClass) =>
        cluster.ApplyAsync(
            $$"""
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: { name: {{Battery.CacheClaim}} }
            spec:
              storageClassName: {{storageClass}}
              accessModes: [ReadWriteOnce]
              resources: { requests: { storage: 1Gi } }
            """
        );
}
