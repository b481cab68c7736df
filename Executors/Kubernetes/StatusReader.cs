using System.Globalization;
using System.Text.RegularExpressions;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>
/// What the cluster's objects mean for one execution: docs/kubernetes.md holds the table. Pure. Only the pod knows why; a
/// condition comes before an exit code, for what was evicted ends with a code like any other.
/// </summary>
internal static partial class StatusReader
{
    /// <summary>After the end of its grace, a pod that nobody says to be over is on a node that is lost.</summary>
    private static readonly TimeSpan NodeSilence = TimeSpan.FromMinutes(5);

    /// <summary>The container of the step with this index.</summary>
    public static ExecutionStatus Read(WorkerView view, int step, KubernetesOptions options, DateTimeOffset now)
    {
        var status = view.Pod is { } pod ? ReadPod(view, pod, step, options, now) : ReadJob(view, options, now);
        return status with { StillPresent = view.IsPresent };
    }

    /// <summary>Whether the Job's controller has decided that it is over, one way or the other.</summary>
    public static bool IsOver(V1Job? job) =>
        job?.Status?.Conditions?.Any(c => c.Type is "Failed" or "FailureTarget" or "Complete" or "SuccessCriteriaMet" && c.Status == "True")
        == true;

    private static ExecutionStatus ReadJob(WorkerView view, KubernetesOptions options, DateTimeOffset now)
    {
        if (!view.HasJob || view.Job?.Metadata.DeletionTimestamp is not null)
        {
            return Failed(Reason.Lost, "Its Job was deleted before it had a pod.");
        }

        if (Ended(view.Job) is { } end)
        {
            return Failed(
                end.Reason == "DeadlineExceeded" ? Reason.Timeout : Reason.Lost,
                $"Its Job failed without a pod to tell why: {end.Message ?? end.Reason}."
            );
        }

        if (view.CreateError is { } refusal && NeverAllowed().IsMatch(refusal))
        {
            var hint =
                refusal.Contains("must specify", StringComparison.Ordinal)
                    ? " Set Shipinator:Kubernetes:DefaultCpu, DefaultMemory and LimitEveryContainer."
                : refusal.Contains("PodSecurity", StringComparison.Ordinal)
                    ? " Set Shipinator:Kubernetes:RunAsNonRoot, and RunAsUser where images name no user."
                : "";
            return Failed(Reason.ConfigError, $"The namespace does not allow its pod: {refusal}{hint}");
        }

        var waiting = view.CreateError is { } words ? $"The cluster to make its pod: {words}" : "The cluster to make its pod.";
        return now - view.Job?.Metadata.CreationTimestamp > options.PendingTimeout
            ? Failed(
                Reason.Unschedulable,
                $"No pod could be made for it within {options.PendingTimeout.InWords()}. {view.CreateError}".TrimEnd()
            )
            : Waiting(waiting);
    }

    private static ExecutionStatus ReadPod(WorkerView view, V1Pod pod, int step, KubernetesOptions options, DateTimeOffset now)
    {
        var own = Find(pod.Status?.ContainerStatuses, WorkerManifest.Container(step));
        var terminated = own?.State?.Terminated;
        // A code of 0 is not enough: kubernetes/kubernetes#131530.
        if (terminated is { ExitCode: 0, Reason: null or "Completed" })
        {
            return new() { Status = Status.Success, ExitCode = 0 };
        }

        var block = FirstBlock(view, pod, own, WorkerManifest.Container(step));
        var taken = Taken(pod, block);
        if (taken is var (why, sentence))
        {
            if (terminated is null && view.HasPod && now - pod.Metadata.DeletionTimestamp > NodeSilence)
            {
                return Failed(Reason.Lost, $"Its node does not answer: it was to end, and nobody says that it did. {sentence}");
            }

            // It is about to be ended: the reason is known before the end. What could never begin has ended before.
            return terminated is null && view.HasPod && pod.Status?.Phase != "Failed" && block is not { IsMisconfigured: true }
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
                    terminated is { Reason: "ContainerStatusUnknown" } && block is not null ? null : terminated?.ExitCode
                );
        }

        if (terminated is not null)
        {
            return Explain(pod, terminated, block);
        }

        if (!view.HasPod)
        {
            return block is not null
                ? Failed(block.Cause.Reason, block.Cause.Sentence)
                : Failed(Reason.Lost, "Its pod vanished without a result.");
        }

        if (pod.Status?.Phase is "Failed" or "Succeeded")
        {
            return First(pod)
                ?? PodReason(pod)
                ?? (block is not null ? Failed(block.Cause.Reason, block.Cause.Sentence) : null)
                ?? Failed(Reason.Lost, $"Its pod ended ({pod.Status.Reason ?? pod.Status.Phase}) and its container told nothing.");
        }

        return First(pod) ?? Pending(view, pod, own, block, options, now);
    }

    /// <summary>The platform took the place away, or somebody deleted the pod.</summary>
    private static (Reason, string)? Taken(V1Pod pod, Block? block)
    {
        var disruption = pod.Status?.Conditions?.FirstOrDefault(c => c.Type == "DisruptionTarget" && c.Status == "True");
        if (disruption is not null)
        {
            var words = $"{disruption.Message ?? disruption.Reason}";
            return disruption.Reason switch
            {
                "EvictionByEvictionAPI" => (Reason.Evicted, $"Its pod was evicted, as when a node is drained: {words}"),
                "PreemptionByScheduler" => (Reason.Evicted, $"A pod of higher priority took its place: {words}"),
                "DeletionByTaintManager" => (Reason.Evicted, $"Its node does not bear it any more, or is not reachable: {words}"),
                "DeletionByPodGC" => (Reason.Lost, $"Its node is gone: {words}"),
                "TerminationByKubelet" => (Reason.Evicted, $"Its node ended it for want of resources or to shut down: {words}"),
                _ => (Reason.Evicted, $"The cluster took its pod away ({disruption.Reason}): {words}"),
            };
        }

        return pod.Status?.Reason switch
        {
            "Evicted" or "Preempting" or "Shutdown" or "Terminated" or "NodeShutdown" => (
                Reason.Evicted,
                $"Its node ended it ({pod.Status.Reason}): {pod.Status.Message}"
            ),
            "NodeLost" => (Reason.Lost, $"Its node is lost: {pod.Status.Message}"),
            { } refused
                when refused.StartsWith("OutOf", StringComparison.Ordinal)
                    || refused is "UnexpectedAdmissionError" or "NodeAffinity" or "NodeSelectorMismatching" or "TaintToleration" => (
                Reason.Evicted,
                $"Its node did not take it after all ({refused}): {pod.Status.Message}"
            ),
            "DeadlineExceeded" when block is not null => block.Cause,
            "DeadlineExceeded" => (Reason.Timeout, "It was at work longer than its pod may live."),
            _ when pod.Metadata.DeletionTimestamp is null => null,
            // It could not have begun, whoever gave up on it.
            _ => block?.Cause ?? (Reason.Lost, "Its pod was deleted by somebody."),
        };
    }

    private static ExecutionStatus? PodReason(V1Pod pod) =>
        pod.Status?.Message is { Length: > 0 } words ? Failed(Reason.Lost, $"Its pod failed: {words}") : null;

    private static ExecutionStatus Explain(V1Pod pod, V1ContainerStateTerminated end, Block? block) =>
        end.Reason switch
        {
            // SIGTERM is nothing that the kernel sends for want of memory: kubernetes/kubernetes#140716.
            "OOMKilled" when end.ExitCode == 143 => Failed(Reason.Lost, "Its container was told to stop by somebody.", end.ExitCode),
            "OOMKilled" => Failed(
                Reason.OomKilled,
                "It, or something that it started, used more memory than it may: the kernel ended it.",
                end.ExitCode
            ),
            "StartError" or "ContainerCannotRun" => Failed(
                Reason.ExecutorError,
                $"Its container could not be started: {end.Message}",
                end.ExitCode
            ),
            // Ended before it began: what kept it from beginning is the cause.
            "ContainerStatusUnknown" => First(pod)
                ?? (block is not null ? Failed(block.Cause.Reason, block.Cause.Sentence) : null)
                ?? Failed(Reason.Lost, $"Its container is gone: {end.Message}"),
            "Unknown" => Failed(Reason.Lost, "Its node was restarted, or lost its container."),
            _ => Failed(
                Reason.ExitCode,
                string.Create(CultureInfo.InvariantCulture, $"Its container ended with exit code {end.ExitCode}."),
                end.ExitCode
            ),
        };

    /// <summary>What went wrong before the steps: the checkout.</summary>
    private static ExecutionStatus? First(V1Pod pod)
    {
        var end = Find(pod.Status?.InitContainerStatuses, WorkerManifest.Prepare)?.State?.Terminated;
        return end is null or { ExitCode: 0 } ? null
            : end.Reason == "OOMKilled" ? Failed(Reason.OomKilled, "The checkout used more memory than it may.")
            : end.Reason is "Unknown" or "ContainerStatusUnknown"
                ? Failed(Reason.Lost, "Its node was restarted, or lost its container, during the checkout.")
            : Failed(
                Reason.ExecutorError,
                $"Its workspace could not be made ready: {(string.IsNullOrWhiteSpace(end.Message) ? $"exit code {end.ExitCode.ToString(CultureInfo.InvariantCulture)} ({end.Reason})" : end.Message.Trim())}"
            );
    }

    private static ExecutionStatus Pending(
        WorkerView view,
        V1Pod pod,
        V1ContainerStatus? own,
        Block? block,
        KubernetesOptions options,
        DateTimeOffset now
    )
    {
        var scheduled = pod.Status?.Conditions?.FirstOrDefault(c => c.Type == "PodScheduled");
        if (scheduled is not { Status: "True" })
        {
            var words = scheduled?.Message is { Length: > 0 } sentence ? $"A node: {sentence}" : "A node.";
            return now - pod.Metadata.CreationTimestamp > options.PendingTimeout
                ? Failed(
                    Reason.Unschedulable,
                    $"No node took it within {options.PendingTimeout.InWords()}: {scheduled?.Message}".TrimEnd(' ', ':')
                )
                : Waiting(words);
        }

        if (own?.State?.Running is not null)
        {
            return Waiting("Its container to take the step.");
        }

        if (Services.Waiting(pod, now) is { } service)
        {
            return service;
        }

        var since = now - Latest(Begun(pod, block?.Container ?? own?.Name, scheduled), block?.Since);
        if (block is not null)
        {
            if (block.IsMisconfigured)
            {
                return Failed(block.Cause.Reason, block.Cause.Sentence);
            }

            if (block.IsPulling)
            {
                return since > options.ImagePullTimeout
                    ? Failed(
                        Reason.ImagePull,
                        $"The image {block.Image} could not be pulled within {options.ImagePullTimeout.InWords()}: {block.Message}"
                    )
                    : Waiting($"The image {block.Image}: {block.Message ?? block.Reason}");
            }

            return since > options.PendingTimeout
                ? Failed(block.Cause.Reason, block.Cause.Sentence)
                : Waiting($"Container {block.Container} ({block.Reason}): {block.Message}".TrimEnd(' ', ':'));
        }

        var preparing = Find(pod.Status?.InitContainerStatuses, WorkerManifest.Prepare);
        if (preparing?.State?.Running is not null)
        {
            return Waiting("The checkout of its source.");
        }

        // What keeps the first container from starting is of the past once it has.
        var trouble = preparing?.State?.Terminated is null ? view.Trouble : null;
        return since > options.PendingTimeout
            ? Failed(
                trouble is { Reason: "FailedMount" } && trouble.Words.Contains("not found", StringComparison.Ordinal)
                    ? Reason.ConfigError
                    : Reason.ExecutorError,
                $"Its containers did not start within {options.PendingTimeout.InWords()}. {trouble?.Words}".TrimEnd()
            )
            : Waiting(trouble is null ? "Its containers to start." : $"Its node to start it: {trouble.Words}");
    }

    /// <summary>When it became this container's turn: the first containers start one after the other, the steps' when those are done.</summary>
    private static DateTimeOffset? Begun(V1Pod pod, string? container, V1PodCondition scheduled)
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

    /// <summary>What keeps the step from starting: the first containers come before its own, the services' among them.</summary>
    private static Block? FirstBlock(WorkerView view, V1Pod pod, V1ContainerStatus? own, string container)
    {
        var blocks = Blocks.Follow(view.Blocks, pod, null);
        return own?.State?.Running is not null
            ? null
            : (pod.Status?.InitContainerStatuses ?? []).Select(c => blocks.GetValueOrDefault(c.Name)).FirstOrDefault(b => b is not null)
                ?? blocks.GetValueOrDefault(container);
    }

    /// <summary>
    /// What no waiting helps against: the namespace's security standard, limits that its quota demands or that its range forbids, a pod
    /// that is not valid.
    /// </summary>
    [GeneratedRegex(
        "violates PodSecurity|must specify (limits|requests)|(maximum|minimum) \\S+ usage per|max limit to request ratio| is invalid: "
    )]
    private static partial Regex NeverAllowed();

    private static V1JobCondition? Ended(V1Job? job) =>
        job?.Status?.Conditions?.FirstOrDefault(c => c.Type is "Failed" or "FailureTarget" && c.Status == "True");

    private static V1ContainerStatus? Find(IList<V1ContainerStatus>? all, string name) => all?.FirstOrDefault(c => c.Name == name);

    public static ExecutionStatus Waiting(string words) => new() { Status = Status.Submitted, WaitingFor = WaitReason.Other(words) };

    public static ExecutionStatus Failed(Reason reason, string detail, int? exitCode = null) =>
        new()
        {
            Status = Status.Failed,
            Reason = reason,
            Detail = detail,
            ExitCode = exitCode,
        };
}
