using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Whether the steps still wait for a service, and when they have waited too long.</summary>
internal static class ServiceContainers
{
    /// <summary>The prefix of the name of a service's container.</summary>
    public const string Prefix = "svc-";

    /// <summary>Null when no started service is unready.</summary>
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
        var ending = last is null ? "" : $" Its container exited with code {last.ExitCode} ({last.Reason}){Message(last)}.";
        // The cluster restarts it forever. The containers before it have finished, so only its own time counts.
        return last is not null && now - StartedAt(pod, service) > limit
            ? StatusReader.Failed(Reason.ExecutorError, $"Service {name} was not ready within {limit.InWords()}.{ending}")
            : StatusReader.Waiting(WaitReason.Service(name, last is null ? null : $"it keeps restarting.{ending}"));
    }

    private static string Message(V1ContainerStateTerminated end) =>
        string.IsNullOrWhiteSpace(end.Message) ? "" : $": {end.Message.Trim()}";

    private static V1ContainerStateTerminated? Last(V1ContainerStatus service) =>
        service.State?.Terminated ?? service.LastState?.Terminated;

    private static DateTimeOffset? StartedAt(V1Pod pod, V1ContainerStatus service)
    {
        var before = pod.Status.InitContainerStatuses.TakeWhile(c => c.Name != service.Name).LastOrDefault();
        return before?.State?.Terminated?.FinishedAt ?? before?.State?.Running?.StartedAt ?? pod.Status.StartTime;
    }
}
