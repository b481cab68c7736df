using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Shipinator.WebFrontend.Tests.Servers;

/// <summary>A server with <see cref="SilentExecutors"/>.</summary>
public sealed class SilentServer(ApiFixture api) : IAsyncLifetime
{
    public ApiServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await api.ServerAsync(replace: SilentExecutors.Use);

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

/// <summary>
/// Executors that start nothing, so that a test can be the runner: <c>process</c>, whose runners clone, and <c>kubernetes</c>, whose
/// runners find the workspace prepared and serve all attempts of a step.
/// </summary>
internal sealed class SilentExecutors : IExecutorRegistry
{
    private readonly Dictionary<string, IWorkerExecutor> _executors = new(StringComparer.Ordinal)
    {
        ["process"] = new Silent("process", clones: true, retries: false),
        ["kubernetes"] = new Silent("kubernetes", clones: false, retries: true),
    };

    public IReadOnlyCollection<string> Types => _executors.Keys;

    public IWorkerExecutor Get(string type) =>
        _executors.TryGetValue(type, out var known) ? known : throw ExecutorException.Rejected(Reason.ConfigError, $"No executor {type}.");

    /// <summary>Registers them, and a credential for every repository.</summary>
    public static void Use(IServiceCollection services)
    {
        services.Replace(ServiceDescriptor.Singleton<IExecutorRegistry>(new SilentExecutors()));
        services.Replace(ServiceDescriptor.Singleton<IGitCredentials>(new Credentials()));
    }

    private sealed class Credentials : IGitCredentials
    {
        public Task<GitCredential?> Find(string cloneUrl, CancellationToken cancellationToken) =>
            Task.FromResult<GitCredential?>(
                new("robot", RunnerCredentialTests.Password, new Uri(cloneUrl).GetLeftPart(UriPartial.Authority))
            );
    }

    private sealed class Silent(string type, bool clones, bool retries) : IWorkerExecutor
    {
        private readonly System.Collections.Concurrent.ConcurrentDictionary<ExecutionId, bool> _canceled = new();

        public string Type => type;

        public bool RunnersClone => clones;

        public bool RunnersServeRetries => retries;

        public Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken) =>
            Task.FromResult(ExecutionHandle.Of(spec, type));

        public Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken) =>
            Task.FromResult(
                new ExecutionStatus
                {
                    Status = _canceled.ContainsKey(handle.ExecutionId) ? Shipinator.Status.Canceled : Shipinator.Status.Running,
                }
            );

        public Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken)
        {
            _canceled[handle.ExecutionId] = true;
            return Task.CompletedTask;
        }

        public Task Release(JobId job, int attempt, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
