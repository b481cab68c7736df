using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Shipinator.Grains.Hosting;

namespace Shipinator.Grains;

/// <summary>Registers the engine.</summary>
public static class GrainsServices
{
    /// <summary>Adds the engine's options with their validation, and the recovery. The composition root adds the ports.</summary>
    public static IServiceCollection AddShipinatorGrains(this IServiceCollection services, Action<EngineOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IValidateOptions<EngineOptions>, EngineOptionsValidator>();
        services.AddOptions<EngineOptions>().Configure(o => configure?.Invoke(o)).ValidateOnStart();
        services.AddHostedService<RecoveryService>();
        services.AddSingleton<IOutgoingGrainCallFilter, OwnErrorFilter>();
        services.TryAddSingleton<IExecutionSignal, ExecutionSignal>();
        services.TryAddSingleton<IWorkerOwnership, WorkerOwnership>();
        services.TryAddSingleton<ICommitStatusSender, NoCommitStatuses>();
        return services;
    }
}
