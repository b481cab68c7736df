using System.Collections.Concurrent;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Kubernetes;

/// <summary>
/// Runs a job attempt as one <c>batch/v1</c> Job with one pod and a container per step. The status is derived from
/// what the <see cref="Informer"/> has observed, so the number of API requests does not grow with the number of executions.
/// </summary>
internal sealed partial class KubernetesExecutor : IWorkerInventory, IDisposable
{
    private readonly IKubernetes _cluster;
    private readonly WorkerCache _cache;
    private readonly Informer _informer;
    private readonly KubernetesOptions _options;
    private readonly IExecutionTokens _tokens;
    private readonly IServerAddress _address;
    private readonly IRepositoryCredentials _credentials;
    private readonly IExecutionSignal _signal;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <summary>Workers whose Job and Secret are known to exist.</summary>
    private readonly ConcurrentDictionary<string, bool> _created = new(StringComparer.Ordinal);

    /// <summary>The namespace of each worker that was submitted to this process.</summary>
    private readonly ConcurrentDictionary<string, string> _namespaces = new(StringComparer.Ordinal);

    /// <summary>The executions to signal when a worker changes: those that were submitted or queried in this process.</summary>
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<ExecutionId, bool>> _listeners = new(StringComparer.Ordinal);

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
        (_cluster, _cache, _informer, _options, _tokens, _address, _credentials, _signal, _time, _logger) = (
            cluster,
            cache,
            informer,
            options.Value,
            tokens,
            address,
            credentials,
            signal,
            time,
            logger
        );
        _cache.Changed += NotifyListeners;
        _cache.Forgotten += Forget;
    }

    /// <inheritdoc/>
    public string Type => "kubernetes";

    /// <inheritdoc/>
    public bool RunnersServeRetries => true;

    /// <inheritdoc/>
    public async Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var worker = spec.Worker;
        AddListener(worker.ExternalName, spec.ExecutionId);
        _namespaces[worker.ExternalName] = _options.NamespaceOf(worker.ProjectId);
        // A worker that existed is never created again: a pod that disappeared is lost, and a new attempt has another name.
        if (!_created.ContainsKey(worker.ExternalName) && _cache.Find(worker.ExternalName) is not { IsPresent: false })
        {
            if (!spec.JoinsWorker || await ExistsAsync(worker, cancellationToken))
            {
                await CreateAsync(worker, cancellationToken);
            }

            _created[worker.ExternalName] = true;
        }

        return ExecutionHandle.Of(spec, Type);
    }

    /// <inheritdoc/>
    public async Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        var name = handle.WorkerName;
        AddListener(name, handle.ExecutionId);
        var view = _cache.Find(name);
        var location = view?.Namespace ?? _namespaces.GetValueOrDefault(name);
        if (!_informer.IsSynced(location))
        {
            throw ExecutorException.Transient(
                $"Jobs and pods of the cluster have not been listed yet. {_informer.OutageMessage(location)}".TrimEnd()
            );
        }

        if (view is null or { HasJob: false, HasPod: false, Job: null })
        {
            // The watch may be a moment behind: ask the API server itself before calling an execution lost.
            if (await FindAsync(name, cancellationToken) is not { } job)
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
            await RefreshPodAsync(view, handle, cancellationToken);
            view = _cache.Find(name) ?? view;
        }

        // Deadlines are paused while the cluster can't be observed.
        return StatusReader.Read(view, handle.StepIndex, _options, _informer.OutageSince(view.Namespace) ?? _time.GetUtcNow());
    }

    /// <inheritdoc/>
    public Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return DeleteAsync(handle.WorkerName, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _cache.Changed -= NotifyListeners;
        _cache.Forgotten -= Forget;
    }

    /// <summary>
    /// Creates the Job, then its Secret, which the Job owns: nothing can be left behind, and the pod waits for the mount.
    /// </summary>
    private async Task CreateAsync(WorkerSpec worker, CancellationToken cancellationToken)
    {
        var @namespace = _options.NamespaceOf(worker.ProjectId);
        var credential = worker.Source is { } source
            ? await _credentials.Find(worker.RepositoryId, source.CloneUrl, cancellationToken)
            : null;
        var manifest = WorkerManifest.Create(worker, _options, _address.RunnerUrl, credential?.Scope);
        try
        {
            var job = await CreateJobAsync(manifest, worker, @namespace, cancellationToken);
            try
            {
                await _cluster.CoreV1.CreateNamespacedSecretAsync(
                    WorkerSecret.Create(worker, job, _options, _tokens, credential),
                    @namespace,
                    cancellationToken: cancellationToken
                );
            }
            catch (Exception e) when (ApiErrors.IsAlreadyThere(e))
            {
                // Created by an earlier submit.
            }
        }
        catch (Exception e) when (e is not ExecutorException && ApiErrors.IsFromApi(e, cancellationToken))
        {
            throw ApiErrors.Translate(e, "create Jobs and Secrets", @namespace);
        }
    }

    private async Task<V1Job> CreateJobAsync(V1Job manifest, WorkerSpec worker, string @namespace, CancellationToken cancellationToken)
    {
        try
        {
            var created = await _cluster.BatchV1.CreateNamespacedJobAsync(manifest, @namespace, cancellationToken: cancellationToken);
            JobCreated(worker.ExternalName, @namespace, worker.JobId, worker.Attempt);
            return created;
        }
        catch (Exception e) when (ApiErrors.IsAlreadyThere(e))
        {
            if (await ReadJobAsync(worker.ExternalName, @namespace, cancellationToken) is not { } existing)
            {
                throw ExecutorException.Transient($"Job {worker.ExternalName} existed and was deleted in the meantime.");
            }

            if (!Labels.AreOurs(existing.Metadata, _options))
            {
                var owner = existing.Metadata.Labels is { } labels && labels.TryGetValue(Labels.Instance, out var other) ? other : "none";
                throw ExecutorException.Rejected(
                    Reason.ConfigError,
                    $"Namespace {@namespace} already contains a Job {worker.ExternalName} that does not belong to this installation "
                        + $"(label {Labels.Instance}: {owner})."
                );
            }

            return existing.Metadata.DeletionTimestamp is null
                ? existing
                : throw ExecutorException.Transient($"Job {worker.ExternalName} is being deleted.");
        }
    }

    /// <summary>Whether the worker that earlier steps ran in still exists; if not, <see cref="Status"/> reports it as lost.</summary>
    private async Task<bool> ExistsAsync(WorkerSpec worker, CancellationToken cancellationToken) =>
        _cache.Find(worker.ExternalName) is { HasJob: true } || await FindAsync(worker.ExternalName, cancellationToken) is not null;

    /// <summary>This installation's Job of this name; null when there is none, or only another installation's.</summary>
    private async Task<V1Job?> FindAsync(string name, CancellationToken cancellationToken)
    {
        foreach (var @namespace in _namespaces.TryGetValue(name, out var known) ? [known] : _options.Namespaces)
        {
            try
            {
                if (await ReadJobAsync(name, @namespace, cancellationToken) is { } job && Labels.AreOurs(job.Metadata, _options))
                {
                    return job;
                }
            }
            catch (Exception e) when (ApiErrors.IsFromApi(e, cancellationToken))
            {
                throw ApiErrors.Transient("The Kubernetes API server does not respond", e);
            }
        }

        return null;
    }

    private async Task<V1Job?> ReadJobAsync(string name, string @namespace, CancellationToken cancellationToken)
    {
        try
        {
            return await _cluster.BatchV1.ReadNamespacedJobAsync(name, @namespace, cancellationToken: cancellationToken);
        }
        catch (Exception e) when (ApiErrors.IsNotFound(e))
        {
            return null;
        }
    }

    private void AddListener(string worker, ExecutionId execution) => _listeners.GetOrAdd(worker, _ => new())[execution] = true;

    private void NotifyListeners(string worker)
    {
        if (_listeners.TryGetValue(worker, out var executions))
        {
            foreach (var execution in executions.Keys)
            {
                _signal.Changed(execution);
            }
        }
    }

    [LoggerMessage(3103, LogLevel.Information, "Created Job {Name} in namespace {Namespace} for job {Job}, attempt {Attempt}")]
    private partial void JobCreated(string name, string @namespace, JobId job, int attempt);
}
