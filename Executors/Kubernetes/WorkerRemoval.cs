using System.Globalization;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Removes workers: released, canceled or orphaned. Errors: transient <see cref="ExecutorException"/>s.</summary>
internal sealed partial class WorkerRemoval(
    IKubernetes cluster,
    WorkerCache cache,
    WorkerJobs jobs,
    KubernetesOptions options,
    ILogger logger
)
{
    /// <summary>Deletes a worker that is not needed any more, or lets the cluster delete it later when finished ones are kept.</summary>
    public Task ReleaseAsync(string name, CancellationToken cancellationToken) =>
        options.KeepFinished > TimeSpan.Zero && cache.Find(name) is { } view && WillFinishByItself(view)
            ? SetTtlAsync(view, cancellationToken)
            : DeleteAsync(name, cancellationToken);

    /// <summary>
    /// Deletes gracefully: SIGTERM, the pod's grace period, and the Job stays until its pod is gone. Without a propagation policy the pod
    /// would live on. Only a Job that was seen to be ours, by its UID: another installation's Job may have the same name.
    /// </summary>
    public async Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        var view = cache.Find(name);
        var job = view is { HasJob: true } ? view.Job : await jobs.FindAsync(name, cancellationToken);
        if (job is not null && !IsBeingDeleted(job))
        {
            var only = new V1DeleteOptions
            {
                PropagationPolicy = "Foreground",
                Preconditions = new() { Uid = job.Metadata.Uid },
            };
            await IgnoreNotFoundAsync(
                $"Job {name} could not be deleted",
                () =>
                    cluster.BatchV1.DeleteNamespacedJobAsync(
                        name,
                        job.Metadata.NamespaceProperty,
                        only,
                        cancellationToken: cancellationToken
                    ),
                cancellationToken
            );
            JobDeleted(name, job.Metadata.NamespaceProperty);
        }

        // Deleted by someone else, possibly with propagation policy Orphan, which keeps the pod and the Secret.
        if (view is not null && (job is null || (job.Metadata.DeletionTimestamp is not null && !IsBeingDeleted(job))))
        {
            await DeleteOrphansAsync(view, cancellationToken);
        }
    }

    /// <summary>
    /// The steps' reports arrive before the cluster shows their end: a Job whose containers run or have run finishes in a moment and may be
    /// kept. One that was given a TTL before and has not finished is deleted instead.
    /// </summary>
    private static bool WillFinishByItself(WorkerSnapshot view) =>
        view is { HasJob: true, HasPod: true, Job.Metadata.DeletionTimestamp: null, Pod.Metadata.DeletionTimestamp: null }
        && (
            view.Pod.Status?.Phase is "Succeeded" or "Failed"
            || (
                view.Job.Spec.TtlSecondsAfterFinished is null
                && view.Pod.Status?.Phase == "Running"
                && view.Pod.Status.ContainerStatuses.All(c => c.State?.Waiting is null)
            )
        );

    /// <summary>Whether the Job is being deleted together with its pod.</summary>
    private static bool IsBeingDeleted(V1Job job) =>
        job.Metadata is { DeletionTimestamp: not null, Finalizers: { } finalizers } && finalizers.Contains("foregroundDeletion");

    private async Task DeleteOrphansAsync(WorkerSnapshot view, CancellationToken cancellationToken)
    {
        if (view is { HasPod: true, Pod.Metadata: { DeletionTimestamp: null } pod })
        {
            await IgnoreNotFoundAsync(
                $"Pod {pod.Name} could not be deleted",
                () => cluster.CoreV1.DeleteNamespacedPodAsync(pod.Name, pod.NamespaceProperty, cancellationToken: cancellationToken),
                cancellationToken
            );
        }

        await IgnoreNotFoundAsync(
            $"Secret {view.Name} could not be deleted",
            () => cluster.CoreV1.DeleteNamespacedSecretAsync(view.Name, view.Namespace, cancellationToken: cancellationToken),
            cancellationToken
        );
    }

    private async Task SetTtlAsync(WorkerSnapshot finished, CancellationToken cancellationToken)
    {
        var seconds = ((long)options.KeepFinished.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        await IgnoreNotFoundAsync(
            $"The TTL of Job {finished.Name} could not be set",
            () =>
                cluster.BatchV1.PatchNamespacedJobAsync(
                    new V1Patch($"{{\"spec\":{{\"ttlSecondsAfterFinished\":{seconds}}}}}", V1Patch.PatchType.MergePatch),
                    finished.Name,
                    finished.Namespace,
                    cancellationToken: cancellationToken
                ),
            cancellationToken
        );
    }

    private static async Task IgnoreNotFoundAsync(string failure, Func<Task> request, CancellationToken cancellationToken)
    {
        try
        {
            await request();
        }
        catch (Exception e) when (ApiErrors.IsNotFound(e))
        {
            // Already gone, or never created.
        }
        catch (Exception e) when (ApiErrors.IsFromApi(e, cancellationToken))
        {
            throw ApiErrors.Transient(failure, e);
        }
    }

    [LoggerMessage(3104, LogLevel.Information, "Deleted Job {Name} in namespace {Namespace}")]
    private partial void JobDeleted(string name, string @namespace);
}
