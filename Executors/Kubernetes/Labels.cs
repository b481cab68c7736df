using System.Globalization;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>The labels, annotations and names by which this installation's objects are recognized in a cluster.</summary>
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

    /// <summary>An annotation: the URL by which the pods reach the server.</summary>
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

    /// <summary>Whether an object's annotation names another server's URL.</summary>
    public static bool IsOfAnotherServer(V1ObjectMeta meta, Uri own) =>
        meta.Annotations is { } annotations && annotations.TryGetValue(Server, out var server) && server != own.ToString();

    /// <summary>Selects all objects of this installation.</summary>
    public static string Selector(KubernetesOptions options) => $"{ManagedBy}={Us},{Instance}={options.InstanceId}";

    /// <summary>Selects all objects of one worker.</summary>
    public static string Selector(JobId job, int attempt, KubernetesOptions options) =>
        string.Create(CultureInfo.InvariantCulture, $"{Selector(options)},{Job}={job},{Attempt}={attempt}");

    /// <summary>
    /// The worker's name from a Job's or a pod's labels; null when labels are missing, or when the object's own name does not match them:
    /// a copied manifest has the same labels.
    /// </summary>
    public static string? Worker(V1ObjectMeta meta) =>
        Ids(meta) is var (job, attempt) && WorkerName.Of(job, attempt) is var name && (meta.Name == name || OfPod(meta.Name) == name)
            ? name
            : null;

    /// <summary>The worker that a pod belongs to, by its name: the Job controller appends a hyphen and five letters.</summary>
    public static string? OfPod(string pod) => pod.LastIndexOf('-') is > 0 and var at ? pod[..at] : null;

    /// <summary>The job and the attempt that an object was created for; null when its labels do not name them.</summary>
    public static (JobId Job, int Attempt)? Ids(V1ObjectMeta meta) =>
        meta.Labels is { } labels
        && labels.TryGetValue(Job, out var job)
        && Guid.TryParse(job, out var id)
        && labels.TryGetValue(Attempt, out var text)
        && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var attempt)
            ? (new JobId(id), attempt)
            : null;

    /// <summary>Whether this installation created the object, for the worker whose name it has.</summary>
    public static bool AreOurs(V1ObjectMeta meta, KubernetesOptions options) =>
        meta.Labels is { } labels
        && labels.TryGetValue(Instance, out var instance)
        && instance == options.InstanceId
        && Worker(meta) is not null;
}
