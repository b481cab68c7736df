using System.Globalization;
using System.Text.RegularExpressions;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>
/// Derives the status of one execution from the cluster's objects (table in docs/kubernetes.md). Pure. Only the pod has the reason; a
/// condition is read before an exit code, since an evicted container ends with an exit code like any other.
/// </summary>
internal static partial class StatusReader
{
    /// <summary>How long after its grace period a pod may be unconfirmed before its node counts as lost.</summary>
    private static readonly TimeSpan NodeTimeout = TimeSpan.FromMinutes(5);

    /// <summary>The status of the step with this index.</summary>
    public static ExecutionStatus Read(WorkerSnapshot view, int step, KubernetesOptions options, DateTimeOffset now)
    {
        var status = view.Pod is { } pod ? ReadPod(view, pod, step, options, now) : ReadJob(view, options, now);
        return status with { StillPresent = view.IsPresent };
    }

    /// <summary>Whether the Job controller has declared the Job complete or failed.</summary>
    public static bool IsFinished(V1Job? job) =>
        job?.Status?.Conditions?.Any(c => c.Type is "Failed" or "FailureTarget" or "Complete" or "SuccessCriteriaMet" && c.Status == "True")
        == true;

    private static ExecutionStatus ReadJob(WorkerSnapshot view, KubernetesOptions options, DateTimeOffset now)
    {
        if (!view.HasJob || view.Job?.Metadata.DeletionTimestamp is not null)
        {
            return Failed(Reason.Lost, "The Job was deleted before its pod was created.");
        }

        if (FailedCondition(view.Job) is { } end)
        {
            return Failed(
                end.Reason == "DeadlineExceeded" ? Reason.Timeout : Reason.Lost,
                $"The Job failed, and no pod is left to show the cause: {end.Message ?? end.Reason}."
            );
        }

        if (view.CreateError is { } refusal && PermanentRefusal().IsMatch(refusal))
        {
            var hint =
                refusal.Contains("must specify", StringComparison.Ordinal)
                    ? " Set Shipinator:Kubernetes:DefaultCpu, DefaultMemory and LimitEveryContainer."
                : refusal.Contains("PodSecurity", StringComparison.Ordinal)
                    ? " Set Shipinator:Kubernetes:RunAsNonRoot, and RunAsUser for images that specify no user."
                : "";
            return Failed(Reason.ConfigError, $"The namespace does not allow the pod: {refusal}{hint}");
        }

        return now - view.Job?.Metadata.CreationTimestamp > options.PendingTimeout
            ? Failed(
                Reason.Unschedulable,
                $"No pod could be created within {options.PendingTimeout.InWords()}. {view.CreateError}".TrimEnd()
            )
            : Waiting(WaitReason.Worker(view.CreateError));
    }

    private static ExecutionStatus ReadPod(WorkerSnapshot view, V1Pod pod, int step, KubernetesOptions options, DateTimeOffset now)
    {
        var own = Find(pod.Status?.ContainerStatuses, WorkerManifest.Container(step));
        var terminated = own?.State?.Terminated;
        // A code of 0 is not enough: kubernetes/kubernetes#131530.
        if (terminated is { ExitCode: 0, Reason: null or "Completed" })
        {
            return new() { Status = Status.Success, ExitCode = 0 };
        }

        var failure = FirstFailure(view, pod, own, WorkerManifest.Container(step));
        var disruption = DisruptionOf(pod, failure);
        if (disruption is var (why, sentence))
        {
            if (terminated is null && view.HasPod && now - pod.Metadata.DeletionTimestamp > NodeTimeout)
            {
                return Failed(
                    Reason.Lost,
                    $"The node does not respond: the pod was asked to stop, but the node did not confirm it. {sentence}"
                );
            }

            // The pod is about to be stopped, and the reason is known before the end. Pods that could never start were handled above.
            return terminated is null && view.HasPod && pod.Status?.Phase != "Failed" && failure is not { IsMisconfigured: true }
                ? new()
                {
                    Status = Status.Submitted,
                    Reason = why,
                    Detail = sentence,
                    WaitingFor = WaitReason.Disruption(sentence),
                }
                : Failed(
                    why,
                    sentence,
                    terminated is { Reason: "ContainerStatusUnknown" } && failure is not null ? null : terminated?.ExitCode
                );
        }

        if (terminated is not null)
        {
            return FromTermination(pod, terminated, failure);
        }

        if (!view.HasPod)
        {
            return failure is not null
                ? Failed(failure.Cause.Reason, failure.Cause.Detail)
                : Failed(Reason.Lost, "The pod disappeared without a result.");
        }

        if (pod.Status?.Phase is "Failed" or "Succeeded")
        {
            return PrepareFailure(pod)
                ?? PodReason(pod)
                ?? (failure is not null ? Failed(failure.Cause.Reason, failure.Cause.Detail) : null)
                ?? Failed(Reason.Lost, $"The pod ended ({pod.Status.Reason ?? pod.Status.Phase}), but its container reported no status.");
        }

        return PrepareFailure(pod) ?? NotStarted(view, pod, own, failure, options, now);
    }

    /// <summary>The platform stopped the pod, or someone deleted it.</summary>
    private static (Reason, string)? DisruptionOf(V1Pod pod, StartFailure? failure)
    {
        var condition = pod.Status?.Conditions?.FirstOrDefault(c => c.Type == "DisruptionTarget" && c.Status == "True");
        if (condition is not null)
        {
            var message = $"{condition.Message ?? condition.Reason}";
            return condition.Reason switch
            {
                "EvictionByEvictionAPI" => (Reason.Evicted, $"The pod was evicted, for example because its node was drained: {message}"),
                "PreemptionByScheduler" => (Reason.Evicted, $"The pod was preempted by one of higher priority: {message}"),
                "DeletionByTaintManager" => (
                    Reason.Evicted,
                    $"The node has a taint that the pod does not tolerate, or is unreachable: {message}"
                ),
                "DeletionByPodGC" => (Reason.Lost, $"The node no longer exists: {message}"),
                "TerminationByKubelet" => (
                    Reason.Evicted,
                    $"The node stopped the pod because it is short of resources or shutting down: {message}"
                ),
                _ => (Reason.Evicted, $"The cluster stopped the pod ({condition.Reason}): {message}"),
            };
        }

        return pod.Status?.Reason switch
        {
            "Evicted" or "Preempting" or "Shutdown" or "Terminated" or "NodeShutdown" => (
                Reason.Evicted,
                $"The node stopped the pod ({pod.Status.Reason}): {pod.Status.Message}"
            ),
            "NodeLost" => (Reason.Lost, $"The node is lost: {pod.Status.Message}"),
            { } refused
                when refused.StartsWith("OutOf", StringComparison.Ordinal)
                    || refused is "UnexpectedAdmissionError" or "NodeAffinity" or "NodeSelectorMismatching" or "TaintToleration" => (
                Reason.Evicted,
                $"The node rejected the pod ({refused}): {pod.Status.Message}"
            ),
            "DeadlineExceeded" when failure is not null => failure.Cause,
            "DeadlineExceeded" => (Reason.Timeout, "The pod ran longer than its activeDeadlineSeconds."),
            _ when pod.Metadata.DeletionTimestamp is null => null,
            // It could not have started, whoever deleted it.
            _ => failure?.Cause ?? (Reason.Lost, "The pod was deleted by someone other than Shipinator."),
        };
    }

    private static ExecutionStatus? PodReason(V1Pod pod) =>
        pod.Status?.Message is { Length: > 0 } message ? Failed(Reason.Lost, $"The pod failed: {message}") : null;

    private static ExecutionStatus FromTermination(V1Pod pod, V1ContainerStateTerminated end, StartFailure? failure) =>
        end.Reason switch
        {
            // The kernel's OOM killer never sends SIGTERM: kubernetes/kubernetes#140716.
            "OOMKilled" when end.ExitCode == RunnerExitCodes.Stopped => Failed(
                Reason.Lost,
                "The container was stopped by SIGTERM from outside Shipinator.",
                end.ExitCode
            ),
            "OOMKilled" => Failed(
                Reason.OomKilled,
                "The container ran out of memory: the kernel killed the command or a process that it had started.",
                end.ExitCode
            ),
            "StartError" or "ContainerCannotRun" => Failed(
                Reason.ExecutorError,
                $"The container could not be started: {end.Message}",
                end.ExitCode
            ),
            // The container ended before it started, so the start failure is the cause.
            "ContainerStatusUnknown" => PrepareFailure(pod)
                ?? (failure is not null ? Failed(failure.Cause.Reason, failure.Cause.Detail) : null)
                ?? Failed(Reason.Lost, $"The container no longer exists: {end.Message}"),
            "Unknown" => Failed(Reason.Lost, "The node was restarted or lost the container."),
            _ => Failed(
                Reason.ExitCode,
                string.Create(CultureInfo.InvariantCulture, $"The container exited with code {end.ExitCode}."),
                end.ExitCode
            ),
        };

    /// <summary>The failure of the <c>prepare</c> container; null when it did not fail.</summary>
    private static ExecutionStatus? PrepareFailure(V1Pod pod)
    {
        var end = Find(pod.Status?.InitContainerStatuses, WorkerManifest.Prepare)?.State?.Terminated;
        return end is null or { ExitCode: 0 } ? null
            : end.Reason == "OOMKilled" ? Failed(Reason.OomKilled, "The checkout ran out of memory.")
            : end.Reason is "Unknown" or "ContainerStatusUnknown"
                ? Failed(Reason.Lost, "The node was restarted or lost the container during the checkout.")
            : Failed(
                Reason.ExecutorError,
                string.IsNullOrWhiteSpace(end.Message)
                    ? string.Create(
                        CultureInfo.InvariantCulture,
                        $"The workspace could not be prepared: exit code {end.ExitCode} ({end.Reason})"
                    )
                    : $"The workspace could not be prepared: {end.Message.Trim()}"
            );
    }

    private static ExecutionStatus NotStarted(
        WorkerSnapshot view,
        V1Pod pod,
        V1ContainerStatus? own,
        StartFailure? failure,
        KubernetesOptions options,
        DateTimeOffset now
    )
    {
        var scheduled = pod.Status?.Conditions?.FirstOrDefault(c => c.Type == "PodScheduled");
        if (scheduled is not { Status: "True" })
        {
            return now - pod.Metadata.CreationTimestamp > options.PendingTimeout
                ? Failed(
                    Reason.Unschedulable,
                    $"The pod could not be scheduled within {options.PendingTimeout.InWords()}: {scheduled?.Message}".TrimEnd(' ', ':')
                )
                : Waiting(WaitReason.Scheduling(scheduled?.Message));
        }

        if (own?.State?.Running is not null)
        {
            return Waiting(WaitReason.Runner);
        }

        if (ServiceContainers.Waiting(pod, now) is { } service)
        {
            return service;
        }

        var since = now - Latest(WaitingSince(pod, failure?.Container ?? own?.Name, scheduled), failure?.Since);
        if (failure is not null)
        {
            if (failure.IsMisconfigured)
            {
                return Failed(failure.Cause.Reason, failure.Cause.Detail);
            }

            if (failure.IsPulling)
            {
                return since > options.ImagePullTimeout
                    ? Failed(
                        Reason.ImagePull,
                        $"The image {failure.Image} could not be pulled within {options.ImagePullTimeout.InWords()}: {failure.Message}"
                    )
                    : Waiting(WaitReason.Image(failure.Image ?? failure.Container, failure.Message ?? failure.Reason));
            }

            return since > options.PendingTimeout
                ? Failed(failure.Cause.Reason, failure.Cause.Detail)
                : Waiting(WaitReason.Container(failure.Container, $"{failure.Reason}: {failure.Message}".TrimEnd(' ', ':')));
        }

        var preparing = Find(pod.Status?.InitContainerStatuses, WorkerManifest.Prepare);
        if (preparing?.State?.Running is not null)
        {
            return Waiting(WaitReason.Checkout);
        }

        // What keeps the first container from starting no longer matters once it has started.
        var warning = preparing?.State?.Terminated is null ? view.NodeWarning : null;
        return since > options.PendingTimeout
            ? Failed(
                warning is { Reason: "FailedMount" } && warning.Message.Contains("not found", StringComparison.Ordinal)
                    ? Reason.ConfigError
                    : Reason.ExecutorError,
                $"The containers did not start within {options.PendingTimeout.InWords()}. {warning?.Message}".TrimEnd()
            )
            : Waiting(WaitReason.Container(detail: warning?.Message));
    }

    /// <summary>
    /// When it became this container's turn: init containers start one after the other, the steps' containers when those are done.
    /// </summary>
    private static DateTimeOffset? WaitingSince(V1Pod pod, string? container, V1PodCondition scheduled)
    {
        var first = pod.Status?.InitContainerStatuses ?? [];
        if (first.Any(c => c.Name == container))
        {
            var before = first.TakeWhile(c => c.Name != container).LastOrDefault();
            return before?.State?.Terminated?.FinishedAt
                ?? before?.State?.Running?.StartedAt
                ?? scheduled.LastTransitionTime
                ?? pod.Metadata.CreationTimestamp;
        }

        var ready = pod.Status?.Conditions?.FirstOrDefault(c => c.Type == "Initialized" && c.Status == "True");
        return ready?.LastTransitionTime ?? scheduled.LastTransitionTime ?? pod.Metadata.CreationTimestamp;
    }

    private static DateTimeOffset? Latest(DateTimeOffset? one, DateTimeOffset? other) => one > other || other is null ? one : other;

    /// <summary>What keeps the step from starting: init containers, services' included, come before its own.</summary>
    private static StartFailure? FirstFailure(WorkerSnapshot view, V1Pod pod, V1ContainerStatus? own, string container)
    {
        var failures = StartFailures.Update(view.StartFailures, pod, null);
        return own?.State?.Running is not null
            ? null
            : (pod.Status?.InitContainerStatuses ?? []).Select(c => failures.GetValueOrDefault(c.Name)).FirstOrDefault(b => b is not null)
                ?? failures.GetValueOrDefault(container);
    }

    /// <summary>
    /// Refusals that waiting does not change: the namespace's pod security standard, limits that its quota demands or its limit range
    /// forbids, an invalid pod.
    /// </summary>
    [GeneratedRegex(
        "violates PodSecurity|must specify (limits|requests)|(maximum|minimum) \\S+ usage per|max limit to request ratio| is invalid: "
    )]
    private static partial Regex PermanentRefusal();

    private static V1JobCondition? FailedCondition(V1Job? job) =>
        job?.Status?.Conditions?.FirstOrDefault(c => c.Type is "Failed" or "FailureTarget" && c.Status == "True");

    private static V1ContainerStatus? Find(IList<V1ContainerStatus>? all, string name) => all?.FirstOrDefault(c => c.Name == name);

    public static ExecutionStatus Waiting(WaitReason reason) => new() { Status = Status.Submitted, WaitingFor = reason };

    public static ExecutionStatus Failed(Reason reason, string detail, int? exitCode = null) =>
        new()
        {
            Status = Status.Failed,
            Reason = reason,
            Detail = detail,
            ExitCode = exitCode,
        };
}
