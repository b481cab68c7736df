using k8s;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Kubernetes;

/// <summary>
/// Runs a job attempt as one <c>batch/v1</c> Job with one pod and a container per step. The status is derived from
/// what the <see cref="Informer"/> has observed, so the number of API requests does not grow with the number of executions.
/// </summary>
internal sealed class KubernetesExecutor : IWorkerInventory, IDisposable
{
    private readonly WorkerCache _cache;
    private readonly Informer _informer;
    private readonly KubernetesOptions _options;
    private readonly IServerAddress _address;
    private readonly TimeProvider _time;
    private readonly WorkerJobs _jobs;
    private readonly WorkerCreation _creation;
    private readonly WorkerRemoval _removal;
    private readonly PodRefresh _pods;
    private readonly WorkerListeners _listeners;

    public KubernetesExecutor(
        IKubernetes cluster,
        WorkerCache cache,
        Informer informer,
        IOptions<KubernetesOptions> options,
        IExecutionTokens tokens,
        IServerAddress address,
        IRepositoryCredentials credentials,
        IExecutionSignal signal,
        TimeProvider time,
        ILogger<KubernetesExecutor> logger
    )
    {
        (_cache, _informer, _options, _address, _time) = (cache, informer, options.Value, address, time);
        _jobs = new(cluster, _options);
        _creation = new(cluster, cache, _jobs, _options, tokens, address, credentials, logger);
        _removal = new(cluster, cache, _jobs, _options, logger);
        _pods = new(cluster, cache, _options, time);
        _listeners = new(signal);
        _cache.Changed += _listeners.Notify;
        _cache.Forgotten += Forget;
    }

    /// <inheritdoc/>
    public string Type => "kubernetes";

    /// <inheritdoc/>
    public bool RunnersServeRetries => true;

    /// <inheritdoc/>
    public TimeSpan SweepPeriod => _options.SweepPeriod;

    /// <inheritdoc/>
    public async Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        _listeners.Add(spec.Worker.ExternalName, spec.ExecutionId);
        _jobs.Locate(spec.Worker.ExternalName, _options.NamespaceOf(spec.Worker.ProjectId));
        await _creation.EnsureAsync(spec, cancellationToken);
        return ExecutionHandle.Of(spec, Type);
    }

    /// <inheritdoc/>
    public async Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        var name = handle.WorkerName;
        _listeners.Add(name, handle.ExecutionId);
        var view = _cache.Find(name);
        var location = view?.Namespace ?? _jobs.NamespaceOf(name);
        if (!_informer.IsSynced(location))
        {
            throw ExecutorException.Transient(
                $"Jobs and pods of the cluster have not been listed yet. {_informer.OutageMessage(location)}".TrimEnd()
            );
        }

        if (view is null or { HasJob: false, HasPod: false, Job: null })
        {
            // The watch may be a moment behind: ask the API server itself before calling an execution lost.
            if (await _jobs.FindAsync(name, cancellationToken) is not { } job)
            {
                return new()
                {
                    Status = Shipinator.Status.Failed,
                    Reason = Reason.Lost,
                    Detail = "No matching Job exists in the cluster.",
                };
            }

            view = new(name, job.Metadata.NamespaceProperty) { Job = job, HasJob = true };
        }

        if (view.HasJob && StatusReader.IsFinished(view.Job) && view.Pod?.Status?.Phase is not ("Succeeded" or "Failed"))
        {
            await _pods.RefreshAsync(view, handle, cancellationToken);
            view = _cache.Find(name) ?? view;
        }

        // Deadlines are paused while the cluster can't be observed.
        return StatusReader.Read(view, handle.StepIndex, _options, _informer.OutageSince(view.Namespace) ?? _time.GetUtcNow());
    }

    /// <inheritdoc/>
    public Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return _removal.DeleteAsync(handle.WorkerName, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task Release(JobId job, int attempt, CancellationToken cancellationToken)
    {
        var name = WorkerName.Of(job, attempt);
        await _removal.ReleaseAsync(name, cancellationToken);
        Forget(name);
    }

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
    public void Dispose()
    {
        _cache.Changed -= _listeners.Notify;
        _cache.Forgotten -= Forget;
    }

    /// <summary>Not what is being deleted already, nor a finished Job that is kept for inspection.</summary>
    private static bool MayBeOrphaned(WorkerSnapshot view) =>
        view switch
        {
            { HasJob: true, Job: { } job } => job.Metadata.DeletionTimestamp is null
                && (job.Spec?.TtlSecondsAfterFinished is null || !StatusReader.IsFinished(job)),
            { HasPod: true, Pod: { } pod } => pod.Metadata.DeletionTimestamp is null,
            _ => false,
        };

    private void Forget(string worker)
    {
        _creation.Forget(worker);
        _listeners.Forget(worker);
        _jobs.Forget(worker);
        _pods.Forget(worker);
    }
}
