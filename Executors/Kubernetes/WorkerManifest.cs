using System.Globalization;
using System.Text.Json;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>The <c>batch/v1</c> Job for a job attempt: one pod, a container per step (docs/kubernetes.md). Pure.</summary>
internal static class WorkerManifest
{
    public const string Prepare = "prepare";
    private const string RunnerFolder = "/shipinator/bin";
    private const string JobFolder = "/shipinator/job";
    private const string CacheFolder = "/shipinator/cache";
    private const string SecretFolder = "/run/shipinator";

    /// <summary>Added to the job's own timeout, which the server enforces: the pod's deadline is for when no server is running.</summary>
    private static readonly TimeSpan Backstop = TimeSpan.FromMinutes(30);

    /// <summary>
    /// Copies the runner from the image where it has one; otherwise downloads it from the server with a tool of the image.
    /// </summary>
    private const string FindRunner = """
        new="$SHIPINATOR_RUNNER_TARGET.new" url="$SHIPINATOR_RUNNER_URL"
        fail() { echo "$1" >"${SHIPINATOR_TERMINATION_LOG:-/dev/termination-log}"; echo "$1"; exit 1; }
        for r in "$(command -v shipinator-runner || true)" /shipinator-runner /runner; do
          if [ -n "$r" ] && [ -f "$r" ] && [ -x "$r" ]; then cp "$r" "$new"; break; fi
        done
        if [ ! -e "$new" ]; then
          # A shell as process 1 does not handle SIGTERM while it waits for a program in the foreground.
          trap 'kill "$p" 2>/dev/null; exit 143' TERM
          get() {
            "$@" & p=$!
            (sleep 120 && kill "$p") >/dev/null 2>&1 & w=$!
            if wait "$p"; then code=0; else code=$?; fi
            kill "$w" 2>/dev/null || true
            return "$code"
          }
          found= p=
          for tool in wget curl perl python3; do
            command -v "$tool" >/dev/null || continue
            found="$found $tool"
            case "$tool" in
              wget) get wget -q -O "$new" "$url" ;;
              curl) get curl -fsSL --connect-timeout 20 -o "$new" "$url" ;;
              perl) get perl -MHTTP::Tiny -e 'exit !HTTP::Tiny->new(timeout => 20)->mirror(@ARGV)->{success}' "$url" "$new" ;;
              python3) get python3 -c 'import shutil, sys, urllib.request as u
        shutil.copyfileobj(u.urlopen(sys.argv[1], timeout=20), open(sys.argv[2], "wb"))' "$url" "$new" ;;
            esac && [ -s "$new" ] && break
            rm -f "$new"
          done
          [ -n "$found" ] || fail "The runner image contains neither the runner nor one of wget, curl, perl and python3 to download it."
          [ -e "$new" ] || fail "The runner could not be downloaded from $url (tried:$found). \
        Check that pods can reach Shipinator:RunnerUrl and that Shipinator:StaticRunnerPath is set."
        fi
        chmod 755 "$new"
        mv "$new" "$SHIPINATOR_RUNNER_TARGET"
        exec "$SHIPINATOR_RUNNER_TARGET" prepare
        """;

    /// <summary>The container of the step with this index.</summary>
    public static string Container(int step) => string.Create(CultureInfo.InvariantCulture, $"s{step}");

    /// <summary>Errors: <see cref="ExecutorException"/> (rejected) when a step requests more than the operator allows.</summary>
    public static V1Job Create(WorkerSpec worker, KubernetesOptions options, Uri server, string? credentialScope = null)
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
                Annotations = Annotations(worker, server),
            },
            Spec = new()
            {
                BackoffLimit = 0,
                Completions = 1,
                Parallelism = 1,
                Template = new()
                {
                    Metadata = new() { Labels = labels, Annotations = Annotations(worker, server) },
                    Spec = Pod(worker, options, server, credentialScope),
                },
            },
        };
    }

    private static Dictionary<string, string> Annotations(WorkerSpec worker, Uri server)
    {
        var annotations = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [Labels.Server] = server.ToString(),
            ["shipinator.io/steps"] = JsonSerializer.Serialize(
                worker.Steps.Select(
                    (s, i) =>
                        new
                        {
                            container = Container(i),
                            name = s.Name,
                            step_id = s.StepId.ToString(),
                            execution_id = s.FirstExecutionId.ToString(),
                        }
                )
            ),
        };
        if (worker.Source is { } source)
        {
            annotations["shipinator.io/commit"] = source.Commit;
            annotations["shipinator.io/ref"] = source.Ref;
        }

        return annotations;
    }

    private static V1PodSpec Pod(WorkerSpec worker, KubernetesOptions options, Uri server, string? credentialScope) =>
        new()
        {
            RestartPolicy = "Never",
            // On the pod, not on the Job: the pod stays, and with it the reason.
            ActiveDeadlineSeconds = (long)(worker.Timeout + options.PendingTimeout + Backstop).TotalSeconds,
            TerminationGracePeriodSeconds = (long)options.TerminationGrace.TotalSeconds,
            AutomountServiceAccountToken = false,
            EnableServiceLinks = false,
            ServiceAccountName = options.ServiceAccount,
            NodeSelector = options.NodeSelector.Count == 0 ? null : options.NodeSelector,
            Tolerations =
                options.Tolerations.Count == 0
                    ? null
                    :
                    [
                        .. options.Tolerations.Select(t => new V1Toleration
                        {
                            Key = t.Key,
                            OperatorProperty = t.Operator,
                            Value = t.Value,
                            Effect = t.Effect,
                        }),
                    ],
            ImagePullSecrets =
                options.PullSecrets.Count == 0 ? null : [.. options.PullSecrets.Select(s => new V1LocalObjectReference { Name = s })],
            SecurityContext = new()
            {
                RunAsNonRoot = options.RunAsNonRoot ? true : null,
                RunAsUser = options.RunAsUser,
                FsGroup = options.FsGroup,
                SeccompProfile = new() { Type = "RuntimeDefault" },
            },
            HostAliases = worker.Services.IsEmpty ? null : [new() { Ip = "127.0.0.1", Hostnames = [.. worker.Services.Keys] }],
            InitContainers =
            [
                First(worker, options, server, credentialScope),
                .. worker.Services.Select(s => Service(s.Key, s.Value, options)),
            ],
            Containers = [.. worker.Steps.Select((s, i) => Step(worker, s, i, options, server))],
            Volumes =
            [
                new() { Name = "runner", EmptyDir = new() },
                new() { Name = "job", EmptyDir = new() },
                new()
                {
                    Name = "secret",
                    Secret = new() { SecretName = worker.ExternalName },
                },
                // Only where it is needed: a claim that can't be bound must not block other jobs.
                .. options.CacheClaim is { } claim && UsesCache(worker, options)
                    ?
                    [
                        new V1Volume
                        {
                            Name = "cache",
                            PersistentVolumeClaim = new() { ClaimName = claim },
                        },
                    ]
                    : Array.Empty<V1Volume>(),
            ],
        };

    /// <summary>
    /// Prepares the workspace. It also carries the request of the whole pod: the scheduler reserves the larger of the init container's
    /// request and the sum of the others', which request nothing, so steps that run one after the other don't add up.
    /// </summary>
    private static V1Container First(WorkerSpec worker, KubernetesOptions options, Uri server, string? credentialScope)
    {
        var environment = new List<V1EnvVar>
        {
            Env("SHIPINATOR_URL", server.ToString()),
            Env("SHIPINATOR_RUNNER_URL", new Uri(server, "/v1/runner").ToString()),
            Env("SHIPINATOR_RUNNER_TARGET", $"{RunnerFolder}/runner"),
            Env("SHIPINATOR_JOB_DIR", JobFolder),
            // Git needs a home for its settings, also as a user that the image does not know.
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
            if (source.CloneOptions is { } clone)
            {
                environment.Add(Env("SHIPINATOR_CLONE_OPTIONS", PlanJson.Serialize(clone)));
            }

            if (credentialScope is not null)
            {
                environment.Add(Env("SHIPINATOR_CLONE_SCOPE", credentialScope));
            }

            environment.Add(Env("SHIPINATOR_CLONE_SECRET_DIR", $"{SecretFolder}/clone"));
            mounts.Add(Secret(WorkerSecret.CloneUsername, "clone/username"));
            mounts.Add(Secret(WorkerSecret.ClonePassword, "clone/password"));
        }

        if (UsesCache(worker, options))
        {
            // prepare makes it writable for steps of any user.
            environment.Add(Env("SHIPINATOR_CACHE_DIR", CacheFolder));
            mounts.Add(Cache(worker));
        }

        return new()
        {
            Name = Prepare,
            Image = options.RunnerImage,
            ImagePullPolicy = options.ImagePullPolicy,
            Command = options.RunnerCommand.Count > 0 ? [.. options.RunnerCommand, "prepare"] : ["/bin/sh", "-ec", FindRunner],
            Env = environment,
            VolumeMounts = mounts,
            Resources = PodResources.First(worker, options),
            SecurityContext = Security(options),
            TerminationMessagePolicy = "FallbackToLogsOnError",
        };
    }

    private static V1Container Service(string name, ServicePlan plan, KubernetesOptions options) =>
        new()
        {
            Name = ServiceContainers.Prefix + name,
            Image = plan.Image,
            ImagePullPolicy = options.ImagePullPolicy,
            Args = plan.Command is { } command ? [.. command.Select(Literal)] : null,
            Env = [.. plan.Env.Select(e => Env(e.Key, e.Value))],
            RestartPolicy = "Always",
            Resources = PodResources.Service(options),
            SecurityContext = Security(options),
            StartupProbe = plan.ReadyTcp is { } port
                // A service that is not ready in time is killed immediately instead of after the pod's grace period.
                ? new()
                {
                    TcpSocket = new() { Port = port },
                    PeriodSeconds = 1,
                    FailureThreshold = Math.Max(1, (int)plan.ReadyTimeout.TotalSeconds),
                    TerminationGracePeriodSeconds = 1,
                }
                : null,
        };

    private static V1Container Step(WorkerSpec worker, WorkerStep step, int index, KubernetesOptions options, Uri server) =>
        new()
        {
            Name = Container(index),
            Image = step.Image,
            ImagePullPolicy = options.ImagePullPolicy,
            Command = [$"{RunnerFolder}/runner", "work"],
            Env =
            [
                Env("SHIPINATOR_URL", server.ToString()),
                Env("SHIPINATOR_EXECUTION_ID", step.FirstExecutionId.ToString()),
                Env("SHIPINATOR_JOB_ID", worker.JobId.ToString()),
                Env("SHIPINATOR_JOB_DIR", JobFolder),
                Env("SHIPINATOR_TOKEN_FILE", $"{SecretFolder}/token"),
                Env("SHIPINATOR_CONTAINER", "1"),
                .. options.CacheClaim is null || !step.UsesCache
                    ? Array.Empty<V1EnvVar>()
                    :
                    [
                        Env("SHIPINATOR_CACHE_DIR", CacheFolder),
                        Env("SHIPINATOR_CACHE_MAX_BYTES", options.CacheBytes.ToString(CultureInfo.InvariantCulture)),
                    ],
            ],
            VolumeMounts =
            [
                new()
                {
                    Name = "runner",
                    MountPath = RunnerFolder,
                    ReadOnlyProperty = true,
                },
                new() { Name = "job", MountPath = JobFolder },
                Secret(WorkerSecret.Token(index), "token"),
                .. options.CacheClaim is null || !step.UsesCache ? Array.Empty<V1VolumeMount>() : [Cache(worker, worker.HasReadOnlyCaches)],
            ],
            Resources = PodResources.Step(step, options),
            SecurityContext = Security(options),
            TerminationMessagePolicy = "File",
        };

    private static bool UsesCache(WorkerSpec worker, KubernetesOptions options) =>
        options.CacheClaim is not null && worker.Steps.Any(s => s.UsesCache);

    /// <summary>A repository's containers see only its own caches.</summary>
    private static V1VolumeMount Cache(WorkerSpec worker, bool isReadOnly = false) =>
        new()
        {
            ReadOnlyProperty = isReadOnly ? true : null,
            Name = "cache",
            MountPath = CacheFolder,
            SubPath = worker.RepositoryId.ToString(),
        };

    private static V1VolumeMount Secret(string key, string path) =>
        new()
        {
            Name = "secret",
            MountPath = $"{SecretFolder}/{path}",
            SubPath = key,
            ReadOnlyProperty = true,
        };

    /// <summary>
    /// What the pod security standard <c>restricted</c> demands of each container, where the operator excludes root; for root, dropping all
    /// capabilities would break package managers.
    /// </summary>
    private static V1SecurityContext Security(KubernetesOptions options) =>
        new() { AllowPrivilegeEscalation = false, Capabilities = options.RunAsNonRoot ? new() { Drop = ["ALL"] } : null };

    private static V1EnvVar Env(string name, string value) => new() { Name = name, Value = Literal(value) };

    /// <summary>Escapes a text: the cluster would expand <c>$(NAME)</c>, and read <c>$$</c> as <c>$</c>.</summary>
    private static string Literal(string text) => text.Replace("$", "$$", StringComparison.Ordinal);
}
