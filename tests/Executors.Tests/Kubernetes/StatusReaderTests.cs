using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// What pods of a real cluster (Kubernetes 1.36, recorded) mean: every state that they went through, one after the other.
/// </summary>
public sealed class StatusReaderTests
{
    [Theory]
    [InlineData("success", "ok", null, null, 0)]
    [InlineData("exit-3", "no", Reason.ExitCode, "exited with code 3", 3)]
    [InlineData("start-error", "no", Reason.ExecutorError, "/no/such/binary", 128)]
    [InlineData("oom-killed", "no", Reason.OomKilled, "memory", 137)]
    [InlineData("pod-deleted", "no", Reason.Lost, "deleted by someone other than Shipinator", 137)]
    [InlineData("evicted", "no", Reason.Evicted, "evicted", 137)]
    [InlineData("init-fails", "no", Reason.ExecutorError, "exit code 7", null)]
    [InlineData("image-missing", "no", Reason.ImagePull, "no-such-image:1 could not be pulled", null)]
    [InlineData("secret-missing", "no", Reason.ConfigError, "absent", null)]
    public void Read_RecordedPod_EndsWithItsReason(string recording, string end, Reason? reason, string? words, int? code)
    {
        var seen = Read(recording, Given.Options);
        Assert.All(seen.TakeWhile(s => s.Status == Status.Submitted), s => Assert.NotNull(s.WaitingFor));
        var last = seen[^1];
        Assert.Equal(end == "ok" ? Status.Success : Status.Failed, last.Status);
        Assert.Equal(reason, last.Reason);
        Assert.Equal(code, last.ExitCode);
        Assert.Contains(words ?? "", last.Detail ?? "", StringComparison.Ordinal);
        // What is over stays over, in every later state of the pod.
        Assert.All(seen.SkipWhile(s => !s.Status.IsTerminal()), s => Assert.Equal(last.Status, s.Status));
    }

    [Fact]
    public void Read_Unschedulable_WaitsWithTheSchedulersMessageUntilTheTimeout()
    {
        Assert.Contains(
            Read("unschedulable", Given.Options),
            s =>
                s.WaitingFor is { Kind: WaitKind.Scheduling, Detail: { } why } && why.Contains("Insufficient cpu", StringComparison.Ordinal)
        );
        var options = Given.Options;
        options.PendingTimeout = TimeSpan.FromSeconds(1);
        Assert.Contains(
            Read("unschedulable", options, TimeSpan.FromSeconds(5)),
            s =>
                s is { Status: Status.Failed, Reason: Reason.Unschedulable }
                && s.Detail!.Contains("Insufficient cpu", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Read_ImageMissing_WaitsWithTheRegistrysMessageUntilTheTimeout()
    {
        Assert.Contains(
            Read("image-missing", Given.Options),
            s => s.WaitingFor is { Kind: WaitKind.Image, Subject: { } image } && image.Contains("no-such-image", StringComparison.Ordinal)
        );
        var options = Given.Options;
        options.ImagePullTimeout = TimeSpan.FromSeconds(1);
        Assert.Contains(
            Read("image-missing", options, TimeSpan.FromSeconds(5)),
            s => s.Reason == Reason.ImagePull && s.Detail!.Contains("no-such-image", StringComparison.Ordinal)
        );
    }

    /// <summary>The image is pulled when the checkout is done, perhaps after others: the time before that is not its own.</summary>
    [Theory]
    [InlineData(6, 1, null, false)]
    [InlineData(6, 6, null, true)]
    [InlineData(6, 6, 8, false)]
    [InlineData(6, 8, 8, true)]
    public void Read_ImagePull_TimeoutCountsFromItsFirstAttempt(int cloned, int after, int? seen, bool over)
    {
        var pod = Pod(
            $$"""
            { "phase": "Pending", "conditions": [ { "type": "PodScheduled", "status": "True",
              "lastTransitionTime": "2026-01-01T00:00:00Z" }, { "type": "Initialized", "status": "True",
              "lastTransitionTime": "2026-01-01T00:0{{cloned}}:00Z" } ],
              "initContainerStatuses": [ { "name": "prepare", "state": { "terminated": { "exitCode": 0,
                "reason": "Completed", "finishedAt": "2026-01-01T00:0{{cloned}}:00Z" } } } ],
              "containerStatuses": [ { "name": "s0", "image": "x", "state": { "waiting": { "reason": "ErrImagePull",
                "message": "503 try again" } } } ] }
            """
        );
        var view = View(pod) with
        {
            StartFailures = StartFailures.Update(StartFailures.None, pod, seen is { } at ? At.AddMinutes(at) : null),
        };
        var status = StatusReader.Read(view, 0, Given.Options, At.AddMinutes(cloned + after).AddSeconds(1));
        Assert.Equal(over ? Status.Failed : Status.Submitted, status.Status);
        Assert.Contains("503 try again", status.Detail ?? status.WaitingFor?.Describe(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("FailedMount", "MountVolume.SetUp failed for volume \"secret\" : secret \"ship-1\" not found", Reason.ConfigError)]
    [InlineData("FailedCreatePodSandBox", "no IP addresses", Reason.ExecutorError)]
    public void Read_PodThatTheNodeNeverStarts_FailsWithTheNodesMessage(string reason, string words, Reason expected)
    {
        var pod = Pod(
            """
            { "phase": "Pending", "conditions": [ { "type": "PodScheduled", "status": "True",
            "lastTransitionTime": "2026-01-01T00:00:00Z" } ] }
            """
        );
        var end = StatusReader.Read(View(pod) with { NodeWarning = new(reason, words) }, 0, Given.Options, At.AddMinutes(31));
        Assert.Equal((Status.Failed, expected), (end.Status, end.Reason));
        Assert.EndsWith(words, end.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SecretMissing_IsAConfigErrorAtOnce() =>
        Assert.Contains(
            Read("secret-missing", Given.Options),
            s => s is { Status: Status.Failed, Reason: Reason.ConfigError } && s.Detail!.Contains("absent", StringComparison.Ordinal)
        );

    [Fact]
    public void Read_OneOfTwoContainersEnded_IsTerminalWhileTheOtherRuns()
    {
        var first = Read("two-containers", Given.Options, rename: ("a", "s0"));
        Assert.Equal(Status.Success, first[^1].Status);
        var second = Read("two-containers", Given.Options, rename: ("b", "s0"));
        Assert.Equal((Status.Failed, (int?)4), (second[^1].Status, second[^1].ExitCode));
        Assert.Contains(first.Zip(second), p => p.First.Status == Status.Success && !p.Second.Status.IsTerminal());
    }

    [Theory]
    [InlineData("InvalidImageName", Reason.ConfigError)]
    [InlineData("CreateContainerConfigError", Reason.ConfigError)]
    public void Read_Misconfigured_FailsAtOnce(string why, Reason reason) =>
        Assert.Equal(
            reason,
            StatusReader
                .Read(
                    View(
                        Pod(
                            $$"""
                            { "phase": "Pending", "conditions": [ { "type": "PodScheduled", "status": "True",
                              "lastTransitionTime": "2026-01-01T00:00:00Z" } ],
                              "containerStatuses": [ { "name": "s0", "image": "X",
                                "state": { "waiting": { "reason": "{{why}}", "message": "no" } } } ] }
                            """
                        )
                    ),
                    0,
                    Given.Options,
                    At
                )
                .Reason
        );

    [Theory]
    [InlineData("PreemptionByScheduler", Reason.Evicted)]
    [InlineData("DeletionByTaintManager", Reason.Evicted)]
    [InlineData("DeletionByPodGC", Reason.Lost)]
    [InlineData("TerminationByKubelet", Reason.Evicted)]
    public void Read_DisruptedBeforeItsEnd_HasTheReasonAndIsNotTerminal(string why, Reason reason)
    {
        const string status = """
            { "phase": "PHASE", "conditions": [ { "type": "DisruptionTarget", "status": "True", "reason": "WHY",
            "message": "m" } ], "containerStatuses": [ { "name": "s0", "state": STATE } ] }
            """;
        var running = StatusReader.Read(
            View(
                Pod(
                    status
                        .Replace("PHASE", "Running", StringComparison.Ordinal)
                        .Replace("WHY", why, StringComparison.Ordinal)
                        .Replace("STATE", """{ "running": {} }""", StringComparison.Ordinal)
                )
            ),
            0,
            Given.Options,
            At
        );
        Assert.Equal((Status.Submitted, reason), (running.Status, running.Reason!.Value));
        var ended = StatusReader.Read(
            View(
                Pod(
                    status
                        .Replace("PHASE", "Failed", StringComparison.Ordinal)
                        .Replace("WHY", why, StringComparison.Ordinal)
                        .Replace("STATE", """{ "terminated": { "exitCode": 137, "reason": "Error" } }""", StringComparison.Ordinal)
                )
            ),
            0,
            Given.Options,
            At
        );
        Assert.Equal((Status.Failed, reason), (ended.Status, ended.Reason!.Value));
    }

    /// <summary>One signal alone misleads: a code, a reason and what was done to the pod are read together.</summary>
    [Theory]
    // Exit code 0 and killed for want of memory: kubernetes/kubernetes#131530.
    [InlineData("OOMKilled", 0, null, Reason.OomKilled, 0)]
    [InlineData("OOMKilled", 137, null, Reason.OomKilled, 137)]
    // Drained, and told as killed for want of memory: kubernetes/kubernetes#140716.
    [InlineData("OOMKilled", 143, "EvictionByEvictionAPI", Reason.Evicted, 143)]
    [InlineData("OOMKilled", 143, null, Reason.Lost, 143)]
    [InlineData("OOMKilled", 137, "TerminationByKubelet", Reason.Evicted, 137)]
    // After a restart of the node.
    [InlineData("Unknown", 255, null, Reason.Lost, null)]
    [InlineData("Unknown", 255, "DeletionByTaintManager", Reason.Evicted, 255)]
    [InlineData("ContainerStatusUnknown", 137, null, Reason.Lost, null)]
    [InlineData("ContainerStatusUnknown", 137, "PreemptionByScheduler", Reason.Evicted, 137)]
    [InlineData("ContainerStatusUnknown", 0, null, Reason.Lost, null)]
    [InlineData("StartError", 128, null, Reason.ExecutorError, 128)]
    [InlineData("ContainerCannotRun", 127, null, Reason.ExecutorError, 127)]
    [InlineData("Error", 143, null, Reason.ExitCode, 143)]
    [InlineData("Error", 255, null, Reason.ExitCode, 255)]
    [InlineData("Completed", 0, "EvictionByEvictionAPI", null, 0)]
    [InlineData("DeadlineExceeded", 137, null, Reason.ExitCode, 137)]
    public void Read_End_UsesAllSignals(string why, int code, string? disruption, Reason? reason, int? seen)
    {
        var condition = disruption is null
            ? ""
            : $$""" { "type": "DisruptionTarget", "status": "True", "reason": "{{disruption}}", "message": "m" } """;
        var end = StatusReader.Read(
            View(
                Pod(
                    $$"""
                    { "phase": "Failed", "conditions": [ {{condition}} ],
                      "containerStatuses": [ { "name": "s0", "state": { "terminated": { "exitCode": {{code}}, "reason": "{{why}}" } } } ] }
                    """
                )
            ),
            0,
            Given.Options,
            At
        );
        Assert.Equal((reason is null ? Status.Success : Status.Failed, reason, seen), (end.Status, end.Reason, end.ExitCode));
    }

    [Theory]
    [InlineData("Evicted", Reason.Evicted)]
    [InlineData("Preempting", Reason.Evicted)]
    [InlineData("Terminated", Reason.Evicted)]
    [InlineData("OutOfcpu", Reason.Evicted)]
    [InlineData("UnexpectedAdmissionError", Reason.Evicted)]
    [InlineData("NodeLost", Reason.Lost)]
    [InlineData("DeadlineExceeded", Reason.Timeout)]
    [InlineData("SomethingNew", Reason.Lost)]
    public void Read_PodStoppedByItsNode_HasTheReason(string why, Reason reason)
    {
        var end = StatusReader.Read(
            View(Pod($$"""{ "phase": "Failed", "reason": "{{why}}", "message": "the node's words" }""")),
            0,
            Given.Options,
            At
        );
        Assert.Equal((Status.Failed, reason), (end.Status, end.Reason));
        Assert.True(reason == Reason.Timeout || end.Detail!.Contains("the node's words", StringComparison.Ordinal), end.Detail);
    }

    [Fact]
    public void Read_PrepareContainerOfARestartedNode_IsLostAndNoCheckoutError() =>
        Assert.Equal(
            Reason.Lost,
            StatusReader
                .Read(
                    View(
                        Pod(
                            """
                            { "phase": "Failed", "initContainerStatuses": [ { "name": "prepare",
                              "state": { "terminated": { "exitCode": 255, "reason": "Unknown" } } } ],
                              "containerStatuses": [ { "name": "s0", "state": { "waiting": { "reason": "PodInitializing" } } } ] }
                            """
                        )
                    ),
                    0,
                    Given.Options,
                    At
                )
                .Reason
        );

    [Fact]
    public void Read_PodOnAnUnresponsiveNode_IsLostAndStillPresent()
    {
        var pod = Pod(
            """
            { "phase": "Running", "conditions": [ { "type": "DisruptionTarget", "status": "True",
            "reason": "DeletionByTaintManager", "message": "m" } ], "containerStatuses": [ { "name": "s0",
            "state": { "running": {} } } ] }
            """
        );
        pod.Metadata.DeletionTimestamp = At.UtcDateTime;
        var soon = StatusReader.Read(View(pod), 0, Given.Options, At + TimeSpan.FromMinutes(4));
        Assert.Equal((Status.Submitted, Reason.Evicted), (soon.Status, soon.Reason!.Value));
        var late = StatusReader.Read(View(pod), 0, Given.Options, At + TimeSpan.FromMinutes(6));
        Assert.Equal((Status.Failed, Reason.Lost, true), (late.Status, late.Reason!.Value, late.StillPresent));
    }

    [Theory]
    [InlineData("""{ "running": {} }""", "{}", 0, 300, null)]
    [InlineData(
        """{ "waiting": { "reason": "CrashLoopBackOff" } }""",
        """{ "terminated": { "exitCode": 1, "reason": "Error", "message": "no room" } }""",
        1,
        10,
        null
    )]
    [InlineData(
        """{ "waiting": { "reason": "CrashLoopBackOff" } }""",
        """{ "terminated": { "exitCode": 1, "reason": "Error", "message": "no room" } }""",
        1,
        41,
        Reason.ExecutorError
    )]
    [InlineData("""{ "running": {} }""", """{ "terminated": { "exitCode": 137, "reason": "Error" } }""", 1, 41, Reason.ExecutorError)]
    public void Read_ServiceNotReady_FailsAfterItsOwnTimeoutWithItsMessage(
        string state,
        string last,
        int restarts,
        int seconds,
        Reason? reason
    )
    {
        var pod = Pod(
            $$"""
            { "phase": "Pending", "conditions": [ { "type": "PodScheduled", "status": "True",
              "lastTransitionTime": "2026-01-01T00:00:00Z" } ],
              "initContainerStatuses": [
                { "name": "prepare", "state": { "terminated": { "exitCode": 0, "reason": "Completed",
                  "finishedAt": "2026-01-01T00:00:00Z" } } },
                { "name": "svc-db", "started": false, "restartCount": {{restarts}}, "state": {{state}}, "lastState": {{last}} } ],
              "containerStatuses": [ { "name": "s0", "state": { "waiting": { "reason": "PodInitializing" } } } ] }
            """
        );
        pod.Spec = new()
        {
            InitContainers =
            [
                new()
                {
                    Name = "svc-db",
                    StartupProbe = new() { PeriodSeconds = 1, FailureThreshold = 40 },
                },
            ],
        };
        var seen = StatusReader.Read(View(pod), 0, Given.Options, At + TimeSpan.FromSeconds(seconds));
        Assert.Equal((reason is null ? Status.Submitted : Status.Failed, reason), (seen.Status, seen.Reason));
        Assert.Contains(
            reason is null ? "Waiting for service db to become ready" : "Service db was not ready within 40 s",
            seen.WaitingFor?.Describe() ?? seen.Detail,
            StringComparison.Ordinal
        );
        Assert.Equal(
            last.Contains("no room", StringComparison.Ordinal),
            (seen.WaitingFor?.Describe() ?? seen.Detail)!.Contains("exited with code 1 (Error): no room", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Read_PodDisappeared_IsLostAndNeverSuccess()
    {
        var running = Pod(
            """
            { "phase": "Running", "conditions": [ { "type": "PodScheduled", "status": "True" } ],
            "containerStatuses": [ { "name": "s0", "state": { "running": {} } } ] }
            """
        );
        var gone = StatusReader.Read(View(running) with { HasPod = false, HasJob = false }, 0, Given.Options, At);
        Assert.Equal((Status.Failed, Reason.Lost, false), (gone.Status, gone.Reason!.Value, gone.StillPresent));
    }

    [Fact]
    public void Read_QuotaExhausted_WaitsWithTheClustersMessage()
    {
        var view = new WorkerSnapshot("w", "ci")
        {
            HasJob = true,
            Job = new() { Metadata = new() { CreationTimestamp = At.UtcDateTime } },
            CreateError = "pods \"w\" is forbidden: exceeded quota: q",
        };
        Assert.Equal(WaitReason.Worker(view.CreateError), StatusReader.Read(view, 0, Given.Options, At).WaitingFor);
        var late = StatusReader.Read(view, 0, Given.Options, At + TimeSpan.FromHours(1));
        Assert.Equal(Reason.Unschedulable, late.Reason);
    }

    [Theory]
    [InlineData("pods \"w\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false")]
    [InlineData("pods \"w\" is forbidden: failed quota: q: must specify limits.cpu for: prepare,s0")]
    [InlineData("pods \"w\" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi")]
    [InlineData("Pod \"w\" is invalid: spec.containers[0].resources.requests: Invalid value")]
    public void Read_PodThatTheNamespaceNeverAllows_FailsAtOnceWithTheClustersMessage(string words)
    {
        var view = new WorkerSnapshot("w", "ci")
        {
            HasJob = true,
            Job = new() { Metadata = new() { CreationTimestamp = At.UtcDateTime } },
            CreateError = "Error creating: " + words,
        };
        var end = StatusReader.Read(view, 0, Given.Options, At);
        Assert.Equal((Status.Failed, Reason.ConfigError), (end.Status, end.Reason));
        Assert.Contains(words, end.Detail, StringComparison.Ordinal);
    }

    private static DateTimeOffset At => new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static WorkerSnapshot View(V1Pod pod) =>
        new("w", "ci")
        {
            HasJob = true,
            HasPod = true,
            Pod = pod,
            Job = new() { Metadata = new() },
        };

    private static V1Pod Pod(string status) =>
        KubernetesJson.Deserialize<V1Pod>(
            $$"""{ "metadata": { "name": "w-x", "creationTimestamp": "2026-01-01T00:00:00Z" }, "status": {{status}} }"""
        );

    /// <summary>The pod's states; each as it was seen, or <paramref name="after"/> its making.</summary>
    private static List<ExecutionStatus> Read(
        string recording,
        KubernetesOptions options,
        TimeSpan? after = null,
        (string From, string To)? rename = null
    )
    {
        var seen = new List<ExecutionStatus>();
        var blocks = StartFailures.None;
        foreach (var line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Kubernetes", "Data", $"{recording}.pods.ndjson")))
        {
            var entry = JsonNode.Parse(line)!;
            var pod = KubernetesJson.Deserialize<V1Pod>(entry["object"]!.ToJsonString());
            foreach (var status in pod.Status.ContainerStatuses ?? [])
            {
                status.Name = rename is var (from, to) ? (status.Name == from ? to : status.Name) : "s0";
            }

            foreach (var status in pod.Status.InitContainerStatuses ?? [])
            {
                status.Name = "prepare";
            }

            var gone = (string?)entry["type"] == "DELETED";
            var now = new DateTimeOffset(pod.Metadata.CreationTimestamp!.Value, TimeSpan.Zero) + (after ?? TimeSpan.Zero);
            blocks = StartFailures.Update(blocks, pod, null);
            seen.Add(StatusReader.Read(View(pod) with { HasPod = !gone, StartFailures = blocks }, 0, options, now));
        }

        return seen;
    }
}
