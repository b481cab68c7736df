using System.Collections.Concurrent;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Creates the Job and the Secret of a worker, once.</summary>
internal sealed partial class WorkerCreation(
    IKubernetes cluster,
    WorkerCache cache,
    WorkerJobs jobs,
    KubernetesOptions options,
    IExecutionTokens tokens,
    IServerAddress address,
    IRepositoryCredentials credentials,
    ILogger logger
)
{
    /// <summary>Workers whose Job and Secret are known to exist.</summary>
    private readonly ConcurrentDictionary<string, bool> _created = new(StringComparer.Ordinal);

    public void Forget(string worker) => _created.TryRemove(worker, out _);

    /// <summary>
    /// Creates what is missing. A worker that existed is never created again: a pod that disappeared is lost, and a new attempt has another
    /// name. Errors: <see cref="ExecutorException"/>.
    /// </summary>
    public async Task EnsureAsync(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        var worker = spec.Worker;
        if (_created.ContainsKey(worker.ExternalName) || cache.Find(worker.ExternalName) is { IsPresent: false })
        {
            return;
        }

        if (!spec.JoinsWorker || await ExistsAsync(worker, cancellationToken))
        {
            await CreateAsync(worker, cancellationToken);
        }

        _created[worker.ExternalName] = true;
    }

    /// <summary>Whether the worker that earlier steps ran in still exists; if not, its status is reported as lost.</summary>
    private async Task<bool> ExistsAsync(WorkerSpec worker, CancellationToken cancellationToken) =>
        cache.Find(worker.ExternalName) is { HasJob: true } || await jobs.FindAsync(worker.ExternalName, cancellationToken) is not null;

    /// <summary>
    /// Creates the Job, then its Secret, which the Job owns: nothing can be left behind, and the pod waits for the mount.
    /// </summary>
    private async Task CreateAsync(WorkerSpec worker, CancellationToken cancellationToken)
    {
        var @namespace = options.NamespaceOf(worker.ProjectId);
        var credential = worker.Source is { } source
            ? await credentials.Find(worker.RepositoryId, source.CloneUrl, cancellationToken)
            : null;
        var manifest = WorkerManifest.Create(worker, options, address.RunnerUrl, credential?.Scope);
        try
        {
            var job = await CreateJobAsync(manifest, worker, @namespace, cancellationToken);
            try
            {
                await cluster.CoreV1.CreateNamespacedSecretAsync(
                    WorkerSecret.Create(worker, job, options, tokens, credential),
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
            var created = await cluster.BatchV1.CreateNamespacedJobAsync(manifest, @namespace, cancellationToken: cancellationToken);
            JobCreated(worker.ExternalName, @namespace, worker.JobId, worker.Attempt);
            return created;
        }
        catch (Exception e) when (ApiErrors.IsAlreadyThere(e))
        {
            if (await jobs.ReadAsync(worker.ExternalName, @namespace, cancellationToken) is not { } existing)
            {
                throw ExecutorException.Transient($"Job {worker.ExternalName} existed and was deleted in the meantime.");
            }

            if (!Labels.AreOurs(existing.Metadata, options))
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

    [LoggerMessage(3103, LogLevel.Information, "Created Job {Name} in namespace {Namespace} for job {Job}, attempt {Attempt}")]
    private partial void JobCreated(string name, string @namespace, JobId job, int attempt);
}
