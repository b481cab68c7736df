using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Shipinator.Triggers.Events;
using Shipinator.Triggers.Planning;
using Shipinator.Triggers.Projects;
using Shipinator.Triggers.Repositories;
using Shipinator.Triggers.Runs;
using Shipinator.Triggers.Tokens;

namespace Shipinator.Triggers;

/// <summary>Registers the operations of this project.</summary>
public static class TriggerServices
{
    /// <summary>Adds every operation. The caller adds an <see cref="IRunLimits"/>.</summary>
    public static IServiceCollection AddTriggers(this IServiceCollection services, Action<TriggerOptions> configure)
    {
        services.AddOptions<TriggerOptions>().Configure(configure);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<PlanningGate>();
        services.AddSingleton<RunPlanning>();
        services.AddSingleton<PipelineLint>();
        services.AddSingleton<RunReservations>();
        services.AddSingleton<RunTrigger>();
        services.AddSingleton<RunPreview>();
        services.AddSingleton<RunRerun>();
        services.AddSingleton<RunCancellation>();
        services.AddSingleton<DeliveryInbox>();
        services.AddSingleton<EventFiles>();
        services.AddSingleton<EventCancellation>();
        services.AddSingleton<EventRuns>();
        services.AddSingleton<PushEvents>();
        services.AddSingleton<PullRequestEvents>();
        services.AddSingleton<IDeliveryProcessing, DeliveryProcessing>();
        services.AddHostedService<DeliverySweep>();
        services.AddSingleton<ProjectRegistry>();
        services.AddSingleton<RepositoryRegistry>();
        services.AddSingleton<RepositoryProbe>();
        services.AddSingleton<ApiTokens>();
        services.AddHostedService<MirrorSweep>();
        return services;
    }
}
