using System.Collections.Concurrent;
using k8s;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Reads single Jobs of workers from the API server, where the watches may be a moment behind.</summary>
internal sealed class WorkerJobs(IKubernetes cluster, KubernetesOptions options)
{
    /// <summary>The namespace of each worker that was submitted to this process.</summary>
    private readonly ConcurrentDictionary<string, string> _namespaces = new(StringComparer.Ordinal);

    public void Locate(string worker, string @namespace) => _namespaces[worker] = @namespace;

    /// <summary>Null for a worker that was submitted to another process.</summary>
    public string? NamespaceOf(string worker) => _namespaces.GetValueOrDefault(worker);

    public void Forget(string worker) => _namespaces.TryRemove(worker, out _);

    /// <summary>This installation's Job of this name; null when there is none, or only another installation's.</summary>
    public async Task<V1Job?> FindAsync(string name, CancellationToken cancellationToken)
    {
        foreach (var @namespace in _namespaces.TryGetValue(name, out var known) ? [known] : options.Namespaces)
        {
            try
            {
                if (await ReadAsync(name, @namespace, cancellationToken) is { } job && Labels.AreOurs(job.Metadata, options))
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

    /// <summary>The Job of this name, whoever's it is; null when there is none. Errors: those of the client.</summary>
    public async Task<V1Job?> ReadAsync(string name, string @namespace, CancellationToken cancellationToken)
    {
        try
        {
            return await cluster.BatchV1.ReadNamespacedJobAsync(name, @namespace, cancellationToken: cancellationToken);
        }
        catch (Exception e) when (ApiErrors.IsNotFound(e))
        {
            return null;
        }
    }
}
