using System.Globalization;
using System.Text.Json;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>A job attempt as a <c>batch/v1</c> Job: one pod, a container per step (docs/kubernetes.md). Pure.</summary>
internal static class WorkerManifest
{
    public const string Prepare = "prepare";
    private const string RunnerFolder = "/shipinator/bin";
    private const string JobFolder = "/shipinator/job";
    private const string CacheFolder = "/shipinator/cache";
    private const string SecretFolder = "/run/shipinator";

    /// <summary>Beyond the job's own limit, which the control plane keeps: this one is for when there is no control plane.</summary>
    private static readonly TimeSpan Backstop = TimeSpan.FromMinutes(30);

    /// <summary>Takes the runner where the image has it, else gets it from the server.</summary>
    private const string FindRunner = """
        for r in "$(command -v shipinator-runner || true)" /shipinator-runner /runner; do
          if [ -n "$r" ] && [ -f "$r" ] && [ -x "$r" ]; then cp "$r" "$SHIPINATOR_RUNNER_TARGET.new"; break; fi
        done
        if [ ! -e "$SHIPINATOR_RUNNER_TARGET.new" ]; then
          if command -v wget >/dev/null; then wget -q -O "$SHIPINATOR_RUNNER_TARGET.new" "$SHIPINATOR_RUNNER_URL"
          elif command -v curl >/dev/null; then curl -fsS -o "$SHIPINATOR_RUNNER_TARGET.new" "$SHIPINATOR_RUNNER_URL"
          else echo "The runner image has no runner, and neither wget nor curl to get it." | tee /dev/termination-log; exit 1; fi || {
            echo "The runner can't be downloaded from $SHIPINATOR_RUNNER_URL." | tee /dev/termination-log; exit 1; }
        fi
        chmod 755 "$SHIPINATOR_RUNNER_TARGET.new"
        mv "$SHIPINATOR_RUNNER_TARGET.new" "$SHIPINATOR_RUNNER_TARGET"
        exec "$SHIPINATOR_RUNNER_TARGET" prepare
        """;

    /// <summary>The container of the step with this index.</summary>
    public static string Container(int step) => string.Create(CultureInfo.InvariantCulture, $"s{step}");

    /// <summary>Errors: <see cref="ExecutorException"/>, rejected, when a step asks for more than the operator allows.</summary>
    public static V1Job Create(WorkerSpec worker, KubernetesOptions options, Uri server)
    {
        var labels = Labels.Of(worker, options);
        return new()
        {
            ApiVersion = "batch/v1",
            Kind = "Job",
            Metadata = new()
            {
                Name = worker.ExternalName,
                NamespaceProperty = options.NamespaceOf(worker.ProjectId),
                Labels = labels,
                Annotations = Annotations(worker),
            },
            Spec = new()
            {
                BackoffLimit = 0,
                Completions = 1,
                Parallelism = 1,
                Template = new()
                {
                    Metadata = new() { Labels = labels, Annotations = Annotations(worker) },
                    Spec = Pod(worker, options, server),
                },
            },
        };
    }

    private static Dictionary<string, string> Annotations(WorkerSpec worker)
    {
        var annotations = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["shipinator.io/steps"] = JsonSerializer.Serialize(worker.Steps.Select((s, i) => new { container = Container(i), name = s.Name, step_id = s.StepId.ToString(), execution_id = s.FirstExecutionId.ToString() })),
        };
        if (worker.Source is { } source)
        {
            annotations["shipinator.io/commit"] = source.Commit;
            annotations["shipinator.io/ref"] = source.Ref;
        }

        return annotations;
    }

    private static V1PodSpec Pod(WorkerSpec worker, KubernetesOptions options, Uri server) => new()
    {
        RestartPolicy = "Never",
        // On the pod, not on the Job: it keeps the pod, and with it the reason.
        ActiveDeadlineSeconds = (long)(worker.Timeout + options.PendingTimeout + Backstop).TotalSeconds,
        TerminationGracePeriodSeconds = (long)options.TerminationGrace.TotalSeconds,
        AutomountServiceAccountToken = false,
        EnableServiceLinks = false,
        ServiceAccountName = options.ServiceAccount,
        NodeSelector = options.NodeSelector.Count == 0 ? null : options.NodeSelector,
        Tolerations = options.Tolerations.Count == 0 ? null : [.. options.Tolerations.Select(t => new V1Toleration { Key = t.Key, OperatorProperty = t.Operator, Value = t.Value, Effect = t.Effect })],
        ImagePullSecrets = options.PullSecrets.Count == 0 ? null : [.. options.PullSecrets.Select(s => new V1LocalObjectReference { Name = s })],
        SecurityContext = new()
        {
            RunAsNonRoot = options.RunAsNonRoot ? true : null,
            RunAsUser = options.RunAsUser,
            FsGroup = options.FsGroup,
            SeccompProfile = new() { Type = "RuntimeDefault" },
        },
        HostAliases = worker.Services.IsEmpty ? null : [new() { Ip = "127.0.0.1", Hostnames = [.. worker.Services.Keys] }],
        InitContainers = [First(worker, options, server), .. worker.Services.Select(s => Service(s.Key, s.Value))],
        Containers = [.. worker.Steps.Select((s, i) => Step(worker, s, i, options, server))],
        Volumes =
        [
            new() { Name = "runner", EmptyDir = new() },
            new() { Name = "job", EmptyDir = new() },
            new() { Name = "secret", Secret = new() { SecretName = worker.ExternalName } },
            .. options.CacheClaim is { } claim ? [new V1Volume { Name = "cache", PersistentVolumeClaim = new() { ClaimName = claim } }] : Array.Empty<V1Volume>(),
        ],
    };

    /// <summary>
    /// Makes the workspace. It also carries the request of the whole pod: the scheduler reserves the larger of the first
    /// container's request and the sum of the others', which ask for nothing, so steps that wait for each other don't add up.
    /// </summary>
    private static V1Container First(WorkerSpec worker, KubernetesOptions options, Uri server)
    {
        var environment = new List<V1EnvVar>
        {
            Env("SHIPINATOR_URL", server.ToString()),
            Env("SHIPINATOR_RUNNER_URL", new Uri(server, "/v1/runner").ToString()),
            Env("SHIPINATOR_RUNNER_TARGET", $"{RunnerFolder}/runner"),
            Env("SHIPINATOR_JOB_DIR", JobFolder),
            // Git wants a home to look for its settings, also as a user that the image does not know.
            Env("HOME", "/tmp"),
        };
        var mounts = new List<V1VolumeMount>
        {
            new() { Name = "runner", MountPath = RunnerFolder },
            new() { Name = "job", MountPath = JobFolder },
        };
        if (worker.Source is { } source)
        {
            environment.Add(Env("SHIPINATOR_CLONE_URL", source.CloneUrl));
            environment.Add(Env("SHIPINATOR_CLONE_REF", source.Ref));
            environment.Add(Env("SHIPINATOR_CLONE_COMMIT", source.Commit));
            environment.Add(Env("SHIPINATOR_CLONE_SECRET_DIR", $"{SecretFolder}/clone"));
            mounts.Add(Secret(WorkerSecret.CloneUsername, "clone/username"));
            mounts.Add(Secret(WorkerSecret.ClonePassword, "clone/password"));
        }

        return new()
        {
            Name = Prepare,
            Image = options.RunnerImage,
            Command = options.RunnerCommand.Count > 0 ? [.. options.RunnerCommand, "prepare"] : ["/bin/sh", "-ec", FindRunner],
            Env = environment,
            VolumeMounts = mounts,
            Resources = new() { Requests = Quantities.Hungriest(worker, options) },
            SecurityContext = NoEscalation(),
            TerminationMessagePolicy = "FallbackToLogsOnError",
        };
    }

    private static V1Container Service(string name, ServicePlan plan) => new()
    {
        Name = Services.Prefix + name,
        Image = plan.Image,
        Args = plan.Command is { } command ? [.. command] : null,
        Env = [.. plan.Env.Select(e => Env(e.Key, e.Value))],
        RestartPolicy = "Always",
        SecurityContext = NoEscalation(),
        StartupProbe = plan.ReadyTcp is { } port
            ? new() { TcpSocket = new() { Port = port }, PeriodSeconds = 1, FailureThreshold = Math.Max(1, (int)plan.ReadyTimeout.TotalSeconds) }
            : null,
    };

    private static V1Container Step(WorkerSpec worker, WorkerStep step, int index, KubernetesOptions options, Uri server) => new()
    {
        Name = Container(index),
        Image = step.Image,
        Command = [$"{RunnerFolder}/runner", "work"],
        Env =
        [
            Env("SHIPINATOR_URL", server.ToString()),
            Env("SHIPINATOR_EXECUTION_ID", step.FirstExecutionId.ToString()),
            Env("SHIPINATOR_JOB_ID", worker.JobId.ToString()),
            Env("SHIPINATOR_JOB_DIR", JobFolder),
            Env("SHIPINATOR_TOKEN_FILE", $"{SecretFolder}/token"),
            Env("SHIPINATOR_CONTAINER", "1"),
            .. options.CacheClaim is null ? Array.Empty<V1EnvVar>() :
            [
                Env("SHIPINATOR_CACHE_DIR", CacheFolder),
                Env("SHIPINATOR_CACHE_MAX_BYTES", options.CacheBytes.ToString(CultureInfo.InvariantCulture)),
            ],
        ],
        VolumeMounts =
        [
            new() { Name = "runner", MountPath = RunnerFolder, ReadOnlyProperty = true },
            new() { Name = "job", MountPath = JobFolder },
            Secret(WorkerSecret.Token(index), "token"),
            .. options.CacheClaim is null ? Array.Empty<V1VolumeMount>() : [new() { Name = "cache", MountPath = CacheFolder, SubPath = worker.RepositoryId.ToString() }],
        ],
        Resources = Quantities.Step(step, options),
        SecurityContext = NoEscalation(),
        TerminationMessagePolicy = "File",
    };

    private static V1VolumeMount Secret(string key, string path) =>
        new() { Name = "secret", MountPath = $"{SecretFolder}/{path}", SubPath = key, ReadOnlyProperty = true };

    private static V1SecurityContext NoEscalation() => new() { AllowPrivilegeEscalation = false };

    private static V1EnvVar Env(string name, string value) => new() { Name = name, Value = value };
}
