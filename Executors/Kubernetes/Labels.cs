using System.Globalization;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>What our objects are known by in the cluster.</summary>
internal static class Labels
{
    public const string ManagedBy = "app.kubernetes.io/managed-by";
    public const string Us = "shipinator";
    public const string Instance = "shipinator.io/instance";
    public const string Job = "shipinator.io/job-id";
    public const string Attempt = "shipinator.io/attempt";
    public const string Run = "shipinator.io/run-id";
    public const string Project = "shipinator.io/project-id";
    public const string Repository = "shipinator.io/repository-id";

    /// <summary>An annotation: the address by which the pods reach the server.</summary>
    public const string Server = "shipinator.io/server";

    public static Dictionary<string, string> Of(WorkerSpec worker, KubernetesOptions options) =>
        new(options.Labels, StringComparer.Ordinal)
        {
            [ManagedBy] = Us,
            [Instance] = options.InstanceId,
            [Job] = worker.JobId.ToString(),
            [Attempt] = worker.Attempt.ToString(CultureInfo.InvariantCulture),
            [Run] = worker.RunId.ToString(),
            [Project] = worker.ProjectId.ToString(),
            [Repository] = worker.RepositoryId.ToString(),
        };

    /// <summary>Whether an object says that it was made for pods of another server.</summary>
    public static bool IsOfAnotherServer(V1ObjectMeta meta, Uri own) =>
        meta.Annotations is { } annotations && annotations.TryGetValue(Server, out var server) && server != own.ToString();

    /// <summary>All that is this installation's.</summary>
    public static string Selector(KubernetesOptions options) => $"{ManagedBy}={Us},{Instance}={options.InstanceId}";

    /// <summary>All that is one worker's.</summary>
    public static string Selector(JobId job, int attempt, KubernetesOptions options) =>
        string.Create(CultureInfo.InvariantCulture, $"{Selector(options)},{Job}={job},{Attempt}={attempt}");

    /// <summary>
    /// The worker's name, from a Job's or a pod's labels; null when they are not all there, or when its own name is not as ours are:
    /// whoever copies a manifest copies its labels.
    /// </summary>
    public static string? Worker(V1ObjectMeta meta) =>
        Ids(meta) is var (job, attempt) && Name(job, attempt) is var name && (meta.Name == name || OfPod(meta.Name) == name) ? name : null;

    /// <summary>The worker that a pod belongs to, by its name: the Job's controller adds a hyphen and five letters.</summary>
    public static string? OfPod(string pod) => pod.LastIndexOf('-') is > 0 and var at ? pod[..at] : null;

    /// <summary>The job and the attempt that an object was made for; null when its labels do not say.</summary>
    public static (JobId Job, int Attempt)? Ids(V1ObjectMeta meta) =>
        meta.Labels is { } labels
        && labels.TryGetValue(Job, out var job)
        && Guid.TryParse(job, out var id)
        && labels.TryGetValue(Attempt, out var text)
        && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var attempt)
            ? (new JobId(id), attempt)
            : null;

    public static string Name(JobId job, int attempt) => string.Create(CultureInfo.InvariantCulture, $"ship-{job.Value:N}-{attempt}");

    /// <summary>Whether it looks like a worker's.</summary>
    public static bool IsName(string name) => name.StartsWith("ship-", StringComparison.Ordinal);

    /// <summary>Whether this installation made it, as the worker whose name it has.</summary>
    public static bool AreOurs(V1ObjectMeta meta, KubernetesOptions options) =>
        meta.Labels is { } labels
        && labels.TryGetValue(Instance, out var instance)
        && instance == options.InstanceId
        && Worker(meta) is not null;
}
