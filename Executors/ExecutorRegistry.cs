using Microsoft.Extensions.DependencyInjection;

namespace Shipinator.Executors;

/// <summary>The executors that are configured, by type.</summary>
public sealed class ExecutorRegistry(IEnumerable<IWorkerExecutor> executors) : IExecutorRegistry
{
    private readonly Dictionary<string, IWorkerExecutor> _byType = executors.ToDictionary(e => e.Type, StringComparer.Ordinal);

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Types => _byType.Keys;

    /// <inheritdoc/>
    public IWorkerExecutor Get(string type) =>
        _byType.TryGetValue(type, out var executor)
            ? executor
            : throw ExecutorException.Rejected(
                Reason.ConfigError,
                $"'{type}' is not a configured executor; expected one of {string.Join(", ", _byType.Keys.Order(StringComparer.Ordinal))}."
            );
}

/// <summary>Registers executors.</summary>
public static class ExecutorServices
{
    /// <summary>Adds the registry of all registered executors, and the sweep of their orphaned workers.</summary>
    public static IServiceCollection AddExecutorRegistry(this IServiceCollection services) =>
        services.AddSingleton<IExecutorRegistry, ExecutorRegistry>().AddHostedService<WorkerSweep>();
}
