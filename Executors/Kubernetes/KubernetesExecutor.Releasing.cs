using System.Globalization;
using k8s;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>The end of workers: released, canceled, forgotten.</summary>
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
                .All.Where(IsToBeAskedAbout)
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
        var name = Labels.Name(job, attempt);
        if (_options.KeepFinished > TimeSpan.Zero && _cache.Find(name) is { } view && EndsByItself(view))
        {
            await LeaveAsync(view, cancellationToken);
        }
        else
        {
            await DeleteAsync(name, cancellationToken);
        }

        Forget(name);
    }

    /// <summary>
    /// What its steps reported comes before the cluster has seen it: a Job whose containers run or have run is over in a moment and may
    /// stay. One that was left to itself before and has not ended is not left a second time.
    /// </summary>
    private static bool EndsByItself(WorkerView view) =>
        view is { HasJob: true, HasPod: true, Job.Metadata.DeletionTimestamp: null, Pod.Metadata.DeletionTimestamp: null }
        && (
            view.Pod.Status?.Phase is "Succeeded" or "Failed"
            || (
                view.Job.Spec.TtlSecondsAfterFinished is null
                && view.Pod.Status?.Phase == "Running"
                && view.Pod.Status.ContainerStatuses.All(c => c.State?.Waiting is null)
            )
        );

    /// <summary>What is on its way out, or left to be looked at, is nobody's to find.</summary>
    private static bool IsToBeAskedAbout(WorkerView view) =>
        view switch
        {
            { HasJob: true, Job: { } job } => job.Metadata.DeletionTimestamp is null
                && (job.Spec?.TtlSecondsAfterFinished is null || !StatusReader.IsOver(job)),
            { HasPod: true, Pod: { } pod } => pod.Metadata.DeletionTimestamp is null,
            _ => false,
        };

    /// <summary>
    /// Gracefully: SIGTERM, the pod's grace period, and the Job stays until its pod is gone. Without a policy the pod would live on.
    /// Only what was seen to be ours, and only the very one: somebody else's Job may have its name.
    /// </summary>
    private async Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        var view = _cache.Find(name);
        var job = view is { HasJob: true } ? view.Job : await FindAsync(name, cancellationToken);
        if (job is not null && !IsGoing(job))
        {
            var only = new V1DeleteOptions
            {
                PropagationPolicy = "Foreground",
                Preconditions = new() { Uid = job.Metadata.Uid },
            };
            await GoneAsync(
                $"The Job {name} can't be deleted now",
                () =>
                    _cluster.BatchV1.DeleteNamespacedJobAsync(
                        name,
                        job.Metadata.NamespaceProperty,
                        only,
                        cancellationToken: cancellationToken
                    ),
                cancellationToken
            );
        }

        // Deleted by somebody else, perhaps without a word on what is to become of what it owned: then that lives on.
        if (view is not null && (job is null || (job.Metadata.DeletionTimestamp is not null && !IsGoing(job))))
        {
            await DeleteOrphansAsync(view, cancellationToken);
        }
    }

    /// <summary>It is being deleted, and its pod with it.</summary>
    private static bool IsGoing(V1Job job) =>
        job.Metadata is { DeletionTimestamp: not null, Finalizers: { } finalizers } && finalizers.Contains("foregroundDeletion");

    private async Task DeleteOrphansAsync(WorkerView view, CancellationToken cancellationToken)
    {
        if (view is { HasPod: true, Pod.Metadata: { DeletionTimestamp: null } pod })
        {
            await GoneAsync(
                $"The pod {pod.Name} can't be deleted now",
                () => _cluster.CoreV1.DeleteNamespacedPodAsync(pod.Name, pod.NamespaceProperty, cancellationToken: cancellationToken),
                cancellationToken
            );
        }

        await GoneAsync(
            $"The Secret {view.Name} can't be deleted now",
            () => _cluster.CoreV1.DeleteNamespacedSecretAsync(view.Name, view.Namespace, cancellationToken: cancellationToken),
            cancellationToken
        );
    }

    private async Task LeaveAsync(WorkerView finished, CancellationToken cancellationToken)
    {
        var seconds = ((long)_options.KeepFinished.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        await GoneAsync(
            $"The Job {finished.Name} can't be given its end",
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

    /// <summary>What is gone already, or was never there, is as it should be.</summary>
    private static async Task GoneAsync(string otherwise, Func<Task> request, CancellationToken cancellationToken)
    {
        try
        {
            await request();
        }
        catch (Exception e) when (ApiErrors.IsNotFound(e))
        {
            // As it should be.
        }
        catch (Exception e) when (ApiErrors.IsFromApi(e, cancellationToken))
        {
            throw ApiErrors.Transient(otherwise, e);
        }
    }

    private void Forget(string worker)
    {
        _complete.TryRemove(worker, out _);
        _listeners.TryRemove(worker, out _);
        _places.TryRemove(worker, out _);
        _podsAsked.TryRemove(worker, out _);
    }
}
