using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Settings of the Kubernetes executor, section <c>Shipinator:Kubernetes</c>; docs/kubernetes.md describes each.</summary>
public sealed class KubernetesOptions
{
    /// <summary>The namespace in which Jobs are created. Required: without it there is no Kubernetes executor.</summary>
    public string Namespace { get; set; } = "";

    /// <summary>Namespaces of individual projects, by project id.</summary>
    public Dictionary<string, string> ProjectNamespaces { get; set; } = [];

    /// <summary>
    /// Distinguishes this installation's objects from another one's in the same namespace: a label value. Default <c>shipinator</c>.
    /// </summary>
    public string InstanceId { get; set; } = "shipinator";

    /// <summary>A kubeconfig file. Absent: the service account of the pod that the server runs in, else the default kubeconfig.</summary>
    public string? Kubeconfig { get; set; }

    /// <summary>The kubeconfig's context. Default: its current one.</summary>
    public string? Context { get; set; }

    /// <summary>
    /// The image of the <c>prepare</c> container, with git and sh, and with the runner or else wget, curl, perl or python3. Required.
    /// </summary>
    public string RunnerImage { get; set; } = "";

    /// <summary>The runner's command in <see cref="RunnerImage"/>. Empty: searched for there, else downloaded from the server.</summary>
    public List<string> RunnerCommand { get; set; } = [];

    /// <summary>The pods' service account; its token is never mounted. Default: the namespace's.</summary>
    public string? ServiceAccount { get; set; }

    /// <summary>Labels that a node must have.</summary>
    public Dictionary<string, string> NodeSelector { get; set; } = [];

    /// <summary>Taints that the pods tolerate.</summary>
    public List<TolerationSetting> Tolerations { get; set; } = [];

    /// <summary>Names of the Secrets with which images are pulled.</summary>
    public List<string> PullSecrets { get; set; } = [];

    /// <summary>
    /// <c>IfNotPresent</c>, <c>Always</c> or <c>Never</c>. Absent: the cluster decides, which means <c>Always</c> for images without a
    /// tag or with <c>latest</c>.
    /// </summary>
    public string? ImagePullPolicy { get; set; }

    /// <summary>Additional labels of Jobs and pods.</summary>
    public Dictionary<string, string> Labels { get; set; } = [];

    /// <summary>CPU of a step that specifies none, in Kubernetes' notation (<c>500m</c>). Absent: neither requested nor limited.</summary>
    public string? DefaultCpu { get; set; }

    /// <summary>Memory of a step that specifies none (<c>512Mi</c>). Absent: neither requested nor limited.</summary>
    public string? DefaultMemory { get; set; }

    /// <summary>
    /// For a namespace whose quota demands limits of every container: limits the <c>prepare</c> container and services, too, to
    /// <see cref="DefaultCpu"/> and <see cref="DefaultMemory"/>. Default false.
    /// </summary>
    public bool LimitEveryContainer { get; set; }

    /// <summary>The maximum CPU that a step may request. Absent: no limit.</summary>
    public string? MaxCpu { get; set; }

    /// <summary>The maximum memory that a step may request. Absent: no limit.</summary>
    public string? MaxMemory { get; set; }

    /// <summary>Whether containers must run as a user other than root. Default false.</summary>
    public bool RunAsNonRoot { get; set; }

    /// <summary>The user id of all containers. Default: the images'.</summary>
    public long? RunAsUser { get; set; }

    /// <summary>The group that owns the workspace. Default: none.</summary>
    public long? FsGroup { get; set; }

    /// <summary>The PersistentVolumeClaim (ReadWriteMany) for caches. Absent: no caches.</summary>
    public string? CacheClaim { get; set; }

    /// <summary>The maximum total size of the caches of one repository, in bytes. Default 10 GiB.</summary>
    public long CacheBytes { get; set; } = 10L * 1024 * 1024 * 1024;

    /// <summary>How long a pod may wait for a node, a quota or the start of its containers. Default 30 min.</summary>
    public TimeSpan PendingTimeout { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>How long the pull of an image may be retried, once the pod has a node. Default 5 min.</summary>
    public TimeSpan ImagePullTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The time from SIGTERM to SIGKILL when a pod is stopped. Default 30 s.</summary>
    public TimeSpan TerminationGrace { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a finished Job is kept for inspection after its result is recorded. Default 0: not at all.</summary>
    public TimeSpan KeepFinished { get; set; } = TimeSpan.Zero;

    /// <summary>The interval of the sweeps that remove orphaned Jobs. Default 5 min.</summary>
    public TimeSpan SweepPeriod { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The timeout of a request to the API server, and of opening a watch. Default 20 s.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>The maximum number of concurrent executions. Default 500.</summary>
    public int MaxConcurrent { get; set; } = 500;

    /// <summary>The namespace of a project's Jobs.</summary>
    public string NamespaceOf(ProjectId project) =>
        ProjectNamespaces.FirstOrDefault(p => Guid.TryParse(p.Key, out var id) && id == project.Value).Value ?? Namespace;

    /// <summary>Every namespace in use.</summary>
    public IReadOnlyCollection<string> Namespaces => [.. ProjectNamespaces.Values.Append(Namespace).Distinct(StringComparer.Ordinal)];
}

/// <summary>A toleration of the pods, as in Kubernetes.</summary>
public sealed class TolerationSetting
{
    /// <summary>The taint's key; absent with <c>Exists</c>: every key.</summary>
    public string? Key { get; set; }

    /// <summary><c>Equal</c> (default) or <c>Exists</c>.</summary>
    public string Operator { get; set; } = "Equal";

    /// <summary>The taint's value.</summary>
    public string? Value { get; set; }

    /// <summary><c>NoSchedule</c>, <c>PreferNoSchedule</c>, <c>NoExecute</c>; absent: every effect.</summary>
    public string? Effect { get; set; }
}

/// <summary>Rejects at startup what the cluster would reject at the first run.</summary>
public sealed partial class KubernetesOptionsValidator : IValidateOptions<KubernetesOptions>
{
    private const string Section = "Shipinator:Kubernetes";

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, KubernetesOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = new List<string>();
        foreach (
            var (key, value) in options
                .ProjectNamespaces.Select(p => ($"ProjectNamespaces:{p.Key}", p.Value))
                .Append(("Namespace", options.Namespace))
        )
        {
            Check(
                DnsLabel().IsMatch(value) && value.Length <= 63,
                key,
                value,
                "must be a namespace's name (lower-case letters, digits and hyphens)"
            );
        }

        foreach (var project in options.ProjectNamespaces.Keys)
        {
            Check(Guid.TryParse(project, out _), "ProjectNamespaces", project, "must have project ids as keys");
        }

        Check(
            LabelValue().IsMatch(options.InstanceId) && options.InstanceId.Length is > 0 and <= 63,
            "InstanceId",
            options.InstanceId,
            "must be a label value of 1 to 63 characters"
        );
        Check(options.RunnerImage.Length > 0, "RunnerImage", options.RunnerImage, "must be an image that contains git and sh");
        Check(options.Kubeconfig is null || File.Exists(options.Kubeconfig), "Kubeconfig", options.Kubeconfig, "must be an existing file");
        foreach (
            var (section, key, value) in options
                .Labels.Select(l => ("Labels", l.Key, l.Value))
                .Concat(options.NodeSelector.Select(l => ("NodeSelector", l.Key, l.Value)))
        )
        {
            Check(
                LabelValue().IsMatch(value) && value.Length <= 63,
                $"{section}:{key}",
                value,
                "must be a label value of at most 63 characters"
            );
            Check(
                !key.StartsWith("shipinator.io/", StringComparison.Ordinal),
                $"{section}:{key}",
                value,
                "must not begin with shipinator.io/, which is reserved"
            );
        }

        Check(
            options.ImagePullPolicy is null or "IfNotPresent" or "Always" or "Never",
            "ImagePullPolicy",
            options.ImagePullPolicy,
            "must be IfNotPresent, Always or Never"
        );
        foreach (var (i, toleration) in options.Tolerations.Index())
        {
            Check(toleration.Operator is "Equal" or "Exists", $"Tolerations:{i}:Operator", toleration.Operator, "must be Equal or Exists");
            Check(
                toleration.Effect is null or "NoSchedule" or "PreferNoSchedule" or "NoExecute",
                $"Tolerations:{i}:Effect",
                toleration.Effect,
                "must be NoSchedule, PreferNoSchedule or NoExecute"
            );
        }

        foreach (
            var (key, value) in new[]
            {
                ("DefaultCpu", options.DefaultCpu),
                ("DefaultMemory", options.DefaultMemory),
                ("MaxCpu", options.MaxCpu),
                ("MaxMemory", options.MaxMemory),
            }
        )
        {
            Check(value is null || Quantity().IsMatch(value), key, value, "must be a quantity such as 500m, 2 or 512Mi");
        }

        foreach (
            var (key, value) in new[]
            {
                ("PendingTimeout", options.PendingTimeout),
                ("ImagePullTimeout", options.ImagePullTimeout),
                ("SweepPeriod", options.SweepPeriod),
                ("RequestTimeout", options.RequestTimeout),
            }
        )
        {
            Check(value > TimeSpan.Zero, key, value.ToString(), "must be greater than zero");
        }

        Check(options.KeepFinished >= TimeSpan.Zero, "KeepFinished", options.KeepFinished.ToString(), "must not be negative");
        Check(options.TerminationGrace >= TimeSpan.Zero, "TerminationGrace", options.TerminationGrace.ToString(), "must not be negative");
        Check(
            options.MaxConcurrent > 0,
            "MaxConcurrent",
            options.MaxConcurrent.ToString(CultureInfo.InvariantCulture),
            "must be at least 1"
        );
        Check(options.CacheBytes > 0, "CacheBytes", options.CacheBytes.ToString(CultureInfo.InvariantCulture), "must be at least 1");
        Check(!options.RunAsNonRoot || options.RunAsUser is not 0, "RunAsUser", "0", "must not be root (0) while RunAsNonRoot is true");
        Check(
            !options.LimitEveryContainer || (options.DefaultCpu is not null && options.DefaultMemory is not null),
            "LimitEveryContainer",
            "true",
            "requires DefaultCpu and DefaultMemory, which define the limits"
        );
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);

        void Check(bool good, string key, string? value, string rule)
        {
            if (!good)
            {
                errors.Add($"{Section}:{key} {rule}, but was '{value}'.");
            }
        }
    }

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    private static partial Regex DnsLabel();

    [GeneratedRegex("^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
    private static partial Regex LabelValue();

    [GeneratedRegex("^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$")]
    internal static partial Regex Quantity();
}
