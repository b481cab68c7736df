using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>What pods of a real cluster (Kubernetes 1.36, recorded) mean: every state that they went through, one after the other.</summary>
public sealed class StatusReaderTests
{
    [Theory]
    [InlineData("success", "ok", null, null, 0)]
    [InlineData("exit-3", "no", Reason.ExitCode, "exit code 3", 3)]
    [InlineData("start-error", "no", Reason.ExecutorError, "/no/such/binary", 128)]
    [InlineData("oom-killed", "no", Reason.OomKilled, "memory", 137)]
    [InlineData("pod-deleted", "no", Reason.Lost, "deleted by somebody", 137)]
    [InlineData("evicted", "no", Reason.Evicted, "evicted", 137)]
    [InlineData("init-fails", "no", Reason.ExecutorError, "exit code 7", null)]
    [InlineData("image-missing", "no", Reason.ImagePull, "no-such-image:1 could not be pulled", null)]
    [InlineData("secret-missing", "no", Reason.ConfigError, "absent", null)]
    public void Read_ARecordedPodToItsEnd_EndsWithItsReason(string recording, string end, Reason? reason, string? words, int? code)
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
    public void Read_SchedulersSentence_IsWhatItWaitsForUntilTheDeadline()
    {
        Assert.Contains(Read("unschedulable", Given.Options), s => s.WaitingFor?.Contains("Insufficient cpu", StringComparison.Ordinal) == true);
        var options = Given.Options;
        options.PendingTimeout = TimeSpan.FromSeconds(1);
        Assert.Contains(
            Read("unschedulable", options, TimeSpan.FromSeconds(5)),
            s => s is { Status: Status.Failed, Reason: Reason.Unschedulable } && s.Detail!.Contains("Insufficient cpu", StringComparison.Ordinal));
    }

    [Fact]
    public void Read_ImageThatIsNotThere_WaitsWithTheRegistrysWordsUntilTheDeadline()
    {
        Assert.Contains(Read("image-missing", Given.Options), s => s.WaitingFor?.Contains("no-such-image", StringComparison.Ordinal) == true);
        var options = Given.Options;
        options.ImagePullTimeout = TimeSpan.FromSeconds(1);
        Assert.Contains(Read("image-missing", options, TimeSpan.FromSeconds(5)), s => s.Reason == Reason.ImagePull && s.Detail!.Contains("no-such-image", StringComparison.Ordinal));
    }

    [Fact]
    public void Read_MissingSecret_IsAConfigurationErrorAtOnce() =>
        Assert.Contains(Read("secret-missing", Given.Options), s => s is { Status: Status.Failed, Reason: Reason.ConfigError } && s.Detail!.Contains("absent", StringComparison.Ordinal));

    [Fact]
    public void Read_OneOfTwoContainersEnded_IsOverWhileTheOtherRuns()
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
    public void Read_WhatCanNeverStart_FailsAtOnce(string why, Reason reason) => Assert.Equal(reason, StatusReader.Read(View(Pod($$"""
        { "phase": "Pending", "conditions": [ { "type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" } ],
          "containerStatuses": [ { "name": "s0", "image": "X", "state": { "waiting": { "reason": "{{why}}", "message": "no" } } } ] }
        """)), 0, Given.Options, At).Reason);

    [Theory]
    [InlineData("PreemptionByScheduler", Reason.Evicted)]
    [InlineData("DeletionByTaintManager", Reason.Evicted)]
    [InlineData("DeletionByPodGC", Reason.Lost)]
    [InlineData("TerminationByKubelet", Reason.Evicted)]
    public void Read_DisruptedBeforeItsEnd_KnowsWhyAndIsNotOver(string why, Reason reason)
    {
        const string status = """{ "phase": "PHASE", "conditions": [ { "type": "DisruptionTarget", "status": "True", "reason": "WHY", "message": "m" } ], "containerStatuses": [ { "name": "s0", "state": STATE } ] }""";
        var running = StatusReader.Read(View(Pod(status.Replace("PHASE", "Running", StringComparison.Ordinal).Replace("WHY", why, StringComparison.Ordinal).Replace("STATE", """{ "running": {} }""", StringComparison.Ordinal))), 0, Given.Options, At);
        Assert.Equal((Status.Submitted, reason), (running.Status, running.Reason!.Value));
        var ended = StatusReader.Read(View(Pod(status.Replace("PHASE", "Failed", StringComparison.Ordinal).Replace("WHY", why, StringComparison.Ordinal).Replace("STATE", """{ "terminated": { "exitCode": 137, "reason": "Error" } }""", StringComparison.Ordinal))), 0, Given.Options, At);
        Assert.Equal((Status.Failed, reason), (ended.Status, ended.Reason!.Value));
    }

    [Fact]
    public void Read_VanishedPod_IsLostAndNeverSuccess()
    {
        var running = Pod("""{ "phase": "Running", "conditions": [ { "type": "PodScheduled", "status": "True" } ], "containerStatuses": [ { "name": "s0", "state": { "running": {} } } ] }""");
        var gone = StatusReader.Read(View(running) with { HasPod = false, HasJob = false }, 0, Given.Options, At);
        Assert.Equal((Status.Failed, Reason.Lost, false), (gone.Status, gone.Reason!.Value, gone.StillPresent));
    }

    [Fact]
    public void Read_QuotaFull_WaitsInTheClustersWords()
    {
        var view = new WorkerView("w", "ci") { HasJob = true, Job = new() { Metadata = new() { CreationTimestamp = At.UtcDateTime } }, CreateError = "pods \"w\" is forbidden: exceeded quota: q" };
        Assert.Contains("exceeded quota", StatusReader.Read(view, 0, Given.Options, At).WaitingFor, StringComparison.Ordinal);
        var late = StatusReader.Read(view, 0, Given.Options, At + TimeSpan.FromHours(1));
        Assert.Equal(Reason.Unschedulable, late.Reason);
    }

    private static DateTimeOffset At => new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static WorkerView View(V1Pod pod) => new("w", "ci") { HasJob = true, HasPod = true, Pod = pod, Job = new() { Metadata = new() } };

    private static V1Pod Pod(string status) => KubernetesJson.Deserialize<V1Pod>($$"""{ "metadata": { "name": "w-x", "creationTimestamp": "2026-01-01T00:00:00Z" }, "status": {{status}} }""");

    /// <summary>The pod's states; each as it was seen, or <paramref name="after"/> its making.</summary>
    private static List<ExecutionStatus> Read(string recording, KubernetesOptions options, TimeSpan? after = null, (string From, string To)? rename = null)
    {
        var seen = new List<ExecutionStatus>();
        var blocks = Blocks.None;
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
            blocks = Blocks.Follow(blocks, pod);
            seen.Add(StatusReader.Read(View(pod) with { HasPod = !gone, Blocks = blocks }, 0, options, now));
        }

        return seen;
    }
}
