using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The ports that an executor needs, and what tests observe through them.</summary>
internal sealed class ExecutorWorld : IExecutionTokens, IServerAddress, IRepositoryCredentials, IExecutionSignal, IWorkerOwnership
{
    public ConcurrentBag<ExecutionId> Signals { get; } = [];

    public ConcurrentBag<JobId> Orphans { get; } = [];

    public ConcurrentBag<JobId> Unanswered { get; } = [];

    public ConcurrentBag<JobId> Unknown { get; } = [];

    public Uri PublicUrl { get; init; } = new("http://ship");

    public Uri RunnerUrl => PublicUrl;

    public string Issue(ExecutionId execution) => $"shx_{execution}";

    public ExecutionId? Verify(string token) => null;

    public Task<GitCredential?> Find(RepositoryId repository, string cloneUrl, CancellationToken cancellationToken) =>
        Task.FromResult<GitCredential?>(null);

    public void Changed(ExecutionId execution) => Signals.Add(execution);

    public Task<WorkerNeed> Ask(JobId job, int attempt, CancellationToken cancellationToken) =>
        Unanswered.Contains(job)
            ? throw new TimeoutException("no answer")
            : Task.FromResult(
                Orphans.Contains(job) ? WorkerNeed.Over
                : Unknown.Contains(job) ? WorkerNeed.Unknown
                : WorkerNeed.Needed
            );

    /// <summary>Starts an executor with its watches against a cluster.</summary>
    public async Task<(ServiceProvider Services, IWorkerExecutor Executor)> StartAsync(
        FakeCluster cluster,
        TimeProvider? time = null,
        Action<KubernetesOptions>? configure = null
    )
    {
        var services = new ServiceCollection().AddLogging();
        services.AddSingleton(time ?? TimeProvider.System);
        services
            .AddSingleton<IExecutionTokens>(this)
            .AddSingleton<IServerAddress>(this)
            .AddSingleton<IRepositoryCredentials>(this)
            .AddSingleton<IExecutionSignal>(this)
            .AddSingleton<IWorkerOwnership>(this);
        services
            .AddExecutorRegistry()
            .AddKubernetesExecutor(o =>
            {
                (o.Namespace, o.RunnerImage, o.Kubeconfig) = ("ci", "runner:1", cluster.Kubeconfig);
                o.SweepPeriod = TimeSpan.FromMilliseconds(200);
                configure?.Invoke(o);
            });
        var provider = services.BuildServiceProvider();
        foreach (var hosted in provider.GetServices<IHostedService>())
        {
            await hosted.StartAsync(default);
        }

        return (provider, provider.GetRequiredService<IWorkerExecutor>());
    }

    public static async Task StopAsync(ServiceProvider services)
    {
        foreach (var hosted in services.GetServices<IHostedService>())
        {
            await hosted.StopAsync(default);
        }

        await services.DisposeAsync();
    }
}
