using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>What the steps wait for while a service is not ready, and when they have waited long enough.</summary>
internal static class Services
{
    /// <summary>As a service's container is named.</summary>
    public const string Prefix = "svc-";

    /// <summary>Null: no service has been started that is not ready.</summary>
    public static ExecutionStatus? Waiting(V1Pod pod, DateTimeOffset now)
    {
        var service = (pod.Status?.InitContainerStatuses ?? []).FirstOrDefault(c =>
            c.Name.StartsWith(Prefix, StringComparison.Ordinal)
            && c.Started != true
            && (c.State?.Running is not null || Last(c) is not null)
        );
        if (service is null)
        {
            return null;
        }

        var name = service.Name[Prefix.Length..];
        var probe = pod.Spec?.InitContainers?.FirstOrDefault(c => c.Name == service.Name)?.StartupProbe;
        var limit = TimeSpan.FromSeconds((probe?.FailureThreshold ?? 1) * (probe?.PeriodSeconds ?? 1));
        var last = Last(service);
        var ending = last is null
            ? ""
            : $" Its container ended with exit code {last.ExitCode} ({last.Reason}){(string.IsNullOrWhiteSpace(last.Message) ? "" : $": {last.Message.Trim()}")}.";
        // The cluster starts it anew each time, for ever. What came before it in the pod is over, so that its own time is all that counts.
        return last is not null && now - Begun(pod, service) > limit
            ? StatusReader.Failed(Reason.ExecutorError, $"Service {name} was not ready within {limit.InWords()}.{ending}")
            : StatusReader.Waiting(
                $"Service {name} to become ready{(last is not null ? $"; it is started anew each time.{ending}" : ".")}"
            );
    }

    private static V1ContainerStateTerminated? Last(V1ContainerStatus service) =>
        service.State?.Terminated ?? service.LastState?.Terminated;

    private static DateTimeOffset? Begun(V1Pod pod, V1ContainerStatus service)
    {
        var before = pod.Status.InitContainerStatuses.TakeWhile(c => c.Name != service.Name).LastOrDefault();
        return before?.State?.Terminated?.FinishedAt ?? before?.State?.Running?.StartedAt ?? pod.Status.StartTime;
    }
}
