using System.Globalization;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Removing workers: released, canceled or orphaned.</summary>
internal sealed partial class KubernetesExecutor
{
    /// <inheritdoc/>
    public TimeSpan SweepPeriod => _options.SweepPeriod;

    /// <inheritdoc/>
    public IReadOnlyCollection<FoundWorker> FindWorkers()
    {
        _cache.Purge();
        return
        [
            .. _cache
                .All.Where(MayBeOrphaned)
                .Select(v => (View: v, Meta: v.HasJob ? v.Job!.Metadata : v.Pod!.Metadata))
                .Select(v =>
                    Labels.Ids(v.Meta) is var (job, attempt)
                        ? new FoundWorker(
                            job,
                            attempt,
                            $"{(v.View.HasJob ? "Job" : "Pod")} {v.Meta.Name} in namespace {v.View.Namespace}",
                            Labels.IsOfAnotherServer(v.Meta, _address.RunnerUrl)
                        )
                        : null
                )
                .OfType<FoundWorker>(),
        ];
    }

    /// <inheritdoc/>
    public async Task Release(JobId job, int attempt, CancellationToken cancellationToken)
    {
        var name = WorkerName.Of(job, attempt);
        if (_options.KeepFinished > TimeSpan.Zero && _cache.Find(name) is { } view && WillFinishByItself(view))
        {
            await SetTtlAsync(view, cancellationToken);
        }
        else
        {
            await DeleteAsync(name, cancellationToken);
        }

        Forget(name);
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

    /// <summary>Not what is being deleted already, nor a finished Job that is kept for inspection.</summary>
    private static bool MayBeOrphaned(WorkerSnapshot view) =>
        view switch
        {
            { HasJob: true, Job: { } job } => job.Metadata.DeletionTimestamp is null
                && (job.Spec?.TtlSecondsAfterFinished is null || !StatusReader.IsFinished(job)),
            { HasPod: true, Pod: { } pod } => pod.Metadata.DeletionTimestamp is null,
            _ => false,
        };

    /// <summary>
    /// Deletes gracefully: SIGTERM, the pod's grace period, and the Job stays until its pod is gone. Without a propagation policy the pod
    /// would live on. Only a Job that was seen to be ours, by its UID: another installation's Job may have the same name.
    /// </summary>
    private async Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        var view = _cache.Find(name);
        var job = view is { HasJob: true } ? view.Job : await FindAsync(name, cancellationToken);
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
                    _cluster.BatchV1.DeleteNamespacedJobAsync(
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

    /// <summary>Whether the Job is being deleted together with its pod.</summary>
    private static bool IsBeingDeleted(V1Job job) =>
        job.Metadata is { DeletionTimestamp: not null, Finalizers: { } finalizers } && finalizers.Contains("foregroundDeletion");

    private async Task DeleteOrphansAsync(WorkerSnapshot view, CancellationToken cancellationToken)
    {
        if (view is { HasPod: true, Pod.Metadata: { DeletionTimestamp: null } pod })
        {
            await IgnoreNotFoundAsync(
                $"Pod {pod.Name} could not be deleted",
                () => _cluster.CoreV1.DeleteNamespacedPodAsync(pod.Name, pod.NamespaceProperty, cancellationToken: cancellationToken),
                cancellationToken
            );
        }

        await IgnoreNotFoundAsync(
            $"Secret {view.Name} could not be deleted",
            () => _cluster.CoreV1.DeleteNamespacedSecretAsync(view.Name, view.Namespace, cancellationToken: cancellationToken),
            cancellationToken
        );
    }

    private async Task SetTtlAsync(WorkerSnapshot finished, CancellationToken cancellationToken)
    {
        var seconds = ((long)_options.KeepFinished.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        await IgnoreNotFoundAsync(
            $"The TTL of Job {finished.Name} could not be set",
            () =>
                _cluster.BatchV1.PatchNamespacedJobAsync(
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

    private void Forget(string worker)
    {
        _created.TryRemove(worker, out _);
        _listeners.TryRemove(worker, out _);
        _namespaces.TryRemove(worker, out _);
        _podRefreshes.TryRemove(worker, out _);
    }

    [LoggerMessage(3104, LogLevel.Information, "Deleted Job {Name} in namespace {Namespace}")]
    private partial void JobDeleted(string name, string @namespace);
}
