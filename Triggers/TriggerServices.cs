using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Shipinator.Forges.Configuration;
using Shipinator.Triggers.Events;
using Shipinator.Triggers.Planning;
using Shipinator.Triggers.Projects;
using Shipinator.Triggers.Repositories;
using Shipinator.Triggers.Runs;
using Shipinator.Triggers.Schedules;
using Shipinator.Triggers.Secrets;
using Shipinator.Triggers.Statuses;
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
        services.AddSingleton<FileSync>();
        services.AddSingleton<RepositoryRegistry>();
        services.AddSingleton<RepositoryProbe>();
        services.AddSingleton<ApiTokens>();
        services.AddSingleton<ScheduleWaking>();
        services.AddSingleton<ScheduleSync>();
        services.AddSingleton<ScheduleSwitch>();
        services.AddSingleton<IScheduleFiring, ScheduleFiring>();
        services.AddSingleton<StatusSignal>();
        services.AddSingleton<CommitStatuses>();
        services.AddSingleton<CommitStatusRetry>();
        services.AddSingleton<ICommitStatusSender, CommitStatusSender>();
        services.AddHostedService<MirrorSweep>();
        AddSecrets(services);
        return services;
    }

    /// <summary>The encrypted store, in the place of the ports that know the configuration alone.</summary>
    private static void AddSecrets(IServiceCollection services)
    {
        services.AddSingleton<SecretKeyRing>();
        services.AddSingleton<SecretCipher>();
        services.AddSingleton<SecretVault>();
        services.AddSingleton<SecretScopes>();
        services.AddSingleton<SecretRegistry>();
        services.AddSingleton<SecretKeyRotation>();
        services.AddSingleton<ConfigurationSecrets>();
        services.AddSingleton<RepositoryCredentials>();
        services.AddSingleton<WebhookSecrets>();
        services.AddHostedService<SecretSweep>();
        services.Replace(ServiceDescriptor.Singleton<ISecretSource, StoredSecrets>());
        services.Replace(ServiceDescriptor.Singleton<IRepositoryCredentials>(s => s.GetRequiredService<RepositoryCredentials>()));
        services.Replace(ServiceDescriptor.Singleton<IWebhookSecrets>(s => s.GetRequiredService<WebhookSecrets>()));
    }
}
