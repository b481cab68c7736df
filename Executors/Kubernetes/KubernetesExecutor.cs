using System.Collections.Concurrent;
using System.Globalization;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Kubernetes;

/// <summary>
/// Runs a job attempt as one <c>batch/v1</c> Job with one pod and a container per step. Asked for a status it answers from
/// what the <see cref="Informer"/> saw: the API server sees no request per execution.
/// </summary>
internal sealed partial class KubernetesExecutor : IWorkerInventory, IDisposable
{
    private readonly IKubernetes _cluster;
    private readonly WorkerCache _cache;
    private readonly Informer _informer;
    private readonly KubernetesOptions _options;
    private readonly IExecutionTokens _tokens;
    private readonly IServerAddress _address;
    private readonly IGitCredentials _credentials;
    private readonly IExecutionSignal _signal;
    private readonly TimeProvider _time;

    /// <summary>Workers whose Job and Secret this process knows to be there.</summary>
    private readonly ConcurrentDictionary<string, bool> _complete = new(StringComparer.Ordinal);

    /// <summary>The namespaces of workers that were submitted here.</summary>
    private readonly ConcurrentDictionary<string, string> _places = new(StringComparer.Ordinal);

    /// <summary>Who is to be told of a worker's changes: those that asked here.</summary>
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<ExecutionId, bool>> _listeners = new(StringComparer.Ordinal);

    public KubernetesExecutor(
        IKubernetes cluster,
        WorkerCache cache,
        Informer informer,
        IOptions<KubernetesOptions> options,
        IExecutionTokens tokens,
        IServerAddress address,
        IGitCredentials credentials,
        IExecutionSignal signal,
        TimeProvider time
    )
    {
        (_cluster, _cache, _informer, _options, _tokens, _address, _credentials, _signal, _time) = (
            cluster,
            cache,
            informer,
            options.Value,
            tokens,
            address,
            credentials,
            signal,
            time
        );
        _cache.Changed += Tell;
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
        Listen(worker.ExternalName, spec.ExecutionId);
        _places[worker.ExternalName] = _options.NamespaceOf(worker.ProjectId);
        // What was there once is never made again: a vanished pod is lost, and a new attempt has another name.
        if (!_complete.ContainsKey(worker.ExternalName) && _cache.Find(worker.ExternalName) is not { IsPresent: false })
        {
            if (!spec.JoinsWorker || await IsThereAsync(worker, cancellationToken))
            {
                await CreateAsync(worker, cancellationToken);
            }

            _complete[worker.ExternalName] = true;
        }

        return new(Type, worker.ExternalName, spec.ExecutionId, worker.JobId, worker.Attempt, spec.StepId);
    }

    /// <inheritdoc/>
    public async Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        var name = Labels.Name(handle.JobId, handle.WorkerAttempt);
        Listen(name, handle.ExecutionId);
        var view = _cache.Find(name);
        var place = view?.Namespace ?? _places.GetValueOrDefault(name);
        if (!_informer.IsSynced(place))
        {
            throw ExecutorException.Transient($"The cluster has not been seen yet. {_informer.Trouble(place)}".TrimEnd());
        }

        if (view is null or { HasJob: false, HasPod: false, Job: null })
        {
            // The watch may be a moment behind: the server itself is asked before something is called lost.
            if (await FindAsync(name, cancellationToken) is not { } job)
            {
                return new()
                {
                    Status = Shipinator.Status.Failed,
                    Reason = Reason.Lost,
                    Detail = "The cluster knows nothing of it.",
                };
            }

            view = new(name, job.Metadata.NamespaceProperty) { Job = job, HasJob = true };
        }

        if (view.HasJob && StatusReader.IsOver(view.Job) && view.Pod?.Status?.Phase is not ("Succeeded" or "Failed"))
        {
            await LookForPodAsync(view, handle, cancellationToken);
            view = _cache.Find(name) ?? view;
        }

        // Deadlines don't pass while nobody looks.
        return StatusReader.Read(view, Step(handle), _options, _informer.BlindSince(view.Namespace) ?? _time.GetUtcNow());
    }

    /// <inheritdoc/>
    public Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return DeleteAsync(Labels.Name(handle.JobId, handle.WorkerAttempt), cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _cache.Changed -= Tell;
        _cache.Forgotten -= Forget;
    }

    /// <summary>The Job first, its Secret second and owned by it: nothing can be left behind, and the pod waits for its mount.</summary>
    private async Task CreateAsync(WorkerSpec worker, CancellationToken cancellationToken)
    {
        var @namespace = _options.NamespaceOf(worker.ProjectId);
        var credential = worker.Source is { } source ? await _credentials.Find(source.CloneUrl, cancellationToken) : null;
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
                // An earlier submit came so far.
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
            return await _cluster.BatchV1.CreateNamespacedJobAsync(manifest, @namespace, cancellationToken: cancellationToken);
        }
        catch (Exception e) when (ApiErrors.IsAlreadyThere(e))
        {
            if (await ReadJobAsync(worker.ExternalName, @namespace, cancellationToken) is not { } there)
            {
                throw ExecutorException.Transient($"The Job {worker.ExternalName} that was there before has just been deleted.");
            }

            if (!Labels.AreOurs(there.Metadata, _options))
            {
                throw ExecutorException.Rejected(
                    Reason.ConfigError,
                    $"Namespace {@namespace} holds a Job {worker.ExternalName} that is not this installation's (label {Labels.Instance}: {(there.Metadata.Labels is { } labels && labels.TryGetValue(Labels.Instance, out var other) ? other : "none")})."
                );
            }

            return there.Metadata.DeletionTimestamp is null
                ? there
                : throw ExecutorException.Transient($"Its Job {worker.ExternalName} is being deleted.");
        }
    }

    /// <summary>Whether the worker that earlier steps ran in is still in the cluster; if not, that is for <see cref="Status"/> to tell.</summary>
    private async Task<bool> IsThereAsync(WorkerSpec worker, CancellationToken cancellationToken) =>
        _cache.Find(worker.ExternalName) is { HasJob: true } || await FindAsync(worker.ExternalName, cancellationToken) is not null;

    /// <summary>Our own Job of this name; somebody else's is none.</summary>
    private async Task<V1Job?> FindAsync(string name, CancellationToken cancellationToken)
    {
        foreach (var @namespace in _places.TryGetValue(name, out var place) ? [place] : _options.Namespaces)
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
                throw ApiErrors.Transient("The Kubernetes API server does not answer", e);
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

    private void Listen(string worker, ExecutionId execution) => _listeners.GetOrAdd(worker, _ => new())[execution] = true;

    private void Tell(string worker)
    {
        if (_listeners.TryGetValue(worker, out var executions))
        {
            foreach (var execution in executions.Keys)
            {
                _signal.Changed(execution);
            }
        }
    }

    /// <summary>The engine's name of an execution ends with <c>-s{step}-{try}</c>.</summary>
    private static int Step(ExecutionHandle handle)
    {
        var parts = handle.ExternalId.Split('-');
        return
            parts.Length >= 2
            && parts[^2] is ['s', .. var digits]
            && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var step)
            ? step
            : throw ExecutorException.Rejected(
                Reason.ExecutorError,
                $"The execution's name '{handle.ExternalId}' does not say which step it is."
            );
    }
}
