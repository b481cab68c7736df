using k8s;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Registers the Kubernetes executor.</summary>
public static class KubernetesServices
{
    /// <summary>Adds the executor of type <c>kubernetes</c>, and its watches.</summary>
    public static IServiceCollection AddKubernetesExecutor(this IServiceCollection services, Action<KubernetesOptions> configure)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IValidateOptions<KubernetesOptions>, KubernetesOptionsValidator>();
        services.AddOptions<KubernetesOptions>().Configure(configure).ValidateOnStart();
        services.AddSingleton(s => Connect(s.GetRequiredService<IOptions<KubernetesOptions>>().Value));
        services.AddSingleton<IKubernetes>(s => s.GetRequiredService<ClusterClient>());
        services.AddSingleton<WorkerCache>();
        services.AddSingleton<Informer>();
        services.AddHostedService(s => s.GetRequiredService<Informer>());
        services.AddSingleton<KubernetesExecutor>();
        services.AddSingleton<IWorkerExecutor>(s => s.GetRequiredService<KubernetesExecutor>());
        return services;
    }

    private static ClusterClient Connect(KubernetesOptions options)
    {
        var configuration =
            options.Kubeconfig is { } file ? KubernetesClientConfiguration.BuildConfigFromConfigFile(new FileInfo(file), options.Context)
            : KubernetesClientConfiguration.IsInCluster() ? KubernetesClientConfiguration.InClusterConfig()
            : KubernetesClientConfiguration.BuildDefaultConfig();
        configuration.HttpClientTimeout = options.RequestTimeout;
        return new(configuration);
    }
}
