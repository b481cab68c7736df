using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>What is ours in a namespace that others use, too, and what is left alone.</summary>
public sealed class KubernetesOwnershipTests : ClusterAtRest
{
    private const string Scheduled = """{ "type": "PodScheduled", "status": "True" }""";

    [Theory]
    [InlineData("""{ "app": "theirs" }""", "Release")]
    [InlineData("""{ "app": "theirs" }""", "Cancel")]
    [InlineData("other", "Release")]
    [InlineData("other", "Cancel")]
    public async Task ForeignJob_WithOurName_IsNotTouched(string labels, string verb)
    {
        var spec = Spec();
        var worker = spec.Worker;
        var theirs =
            labels == "other"
                ? new JsonObject
                {
                    ["app.kubernetes.io/managed-by"] = "shipinator",
                    ["shipinator.io/instance"] = "staging",
                    ["shipinator.io/job-id"] = worker.JobId.ToString(),
                    ["shipinator.io/attempt"] = "1",
                }
                : JsonNode.Parse(labels);
        Cluster.Put(
            "jobs",
            new JsonObject
            {
                ["metadata"] = new JsonObject
                {
                    ["name"] = worker.ExternalName,
                    ["namespace"] = "ci",
                    ["uid"] = "u",
                    ["labels"] = theirs,
                },
                ["spec"] = new JsonObject(),
            }
        );
        Assert.False((await Assert.ThrowsAsync<ExecutorException>(() => Executor.Submit(spec, default))).IsTransient);
        await (verb == "Cancel" ? Executor.Cancel(Given.Handle(spec), default) : Executor.Release(worker.JobId, worker.Attempt, default));
        Assert.False(Cluster.Get("jobs", worker.ExternalName)!.IsDeleting());
        await UntilAsync(spec, s => s.Reason == Reason.Lost);
    }

    /// <summary>A restored database may name a Job that was deleted and created again by someone else meanwhile.</summary>
    [Fact]
    public async Task Cancel_OfAJobThatWasReplaced_DoesNotDeleteTheNewOne()
    {
        var spec = Spec();
        await Executor.Submit(spec, default);
        await UntilAsync(spec, s => s.StillPresent);
        Cluster.Before = request =>
        {
            if (request == "DELETE jobs")
            {
                var another = (JsonObject)Cluster.Get("jobs", spec.Worker.ExternalName)!.DeepClone();
                another["metadata"]!["uid"] = "another";
                Cluster.Put("jobs", another);
            }

            return Task.CompletedTask;
        };
        Assert.True((await Assert.ThrowsAsync<ExecutorException>(() => Executor.Cancel(Given.Handle(spec), default))).IsTransient);
        Assert.False(Cluster.Get("jobs", spec.Worker.ExternalName)!.IsDeleting());
    }

    [Fact]
    public async Task Object_WithOurLabelsAndAnotherName_IsNotOurs()
    {
        var spec = Spec();
        await Executor.Submit(spec, default);
        var labels = Cluster.Get("jobs", spec.Worker.ExternalName)!["metadata"]!["labels"]!;
        Cluster.Put(
            "pods",
            new JsonObject
            {
                ["metadata"] = new JsonObject
                {
                    ["name"] = "stray",
                    ["namespace"] = "ci",
                    ["uid"] = "stray",
                    ["creationTimestamp"] = "2095-01-01T00:00:00Z",
                    ["labels"] = labels.DeepClone(),
                },
                ["status"] = JsonNode.Parse(
                    """
                    { "phase": "Succeeded", "containerStatuses": [ { "name": "s0",
                    "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } } ] }
                    """
                ),
            }
        );
        Cluster.Put(
            "jobs",
            new JsonObject
            {
                ["metadata"] = new JsonObject
                {
                    ["name"] = "stray",
                    ["namespace"] = "ci",
                    ["uid"] = "stray-job",
                    ["labels"] = labels.DeepClone(),
                },
                ["spec"] = new JsonObject(),
            }
        );
        // Seen after both.
        Cluster.PutPod(
            spec.Worker.ExternalName,
            $$"""
            { "phase": "Running", "conditions": [ {{Scheduled}} ], "containerStatuses": [ { "name": "s0",
            "state": { "running": {} } } ] }
            """
        );
        await UntilAsync(spec, s => s.WaitingFor == WaitReason.Runner);
        Assert.Equal([$"Job {spec.Worker.ExternalName} in namespace ci"], ((IWorkerInventory)Executor).FindWorkers().Select(w => w.Where));
    }

    [Fact]
    public async Task Submit_ExistingJobDisappearsBetweenRequests_IsTransient()
    {
        var spec = Spec();
        await Executor.Submit(spec, default);
        var (services, other) = await World.StartAsync(Cluster);
        await UntilAsync(spec, s => s.StillPresent, other);
        Cluster.Before = request =>
        {
            if (request == "GET jobs")
            {
                Cluster.Remove("jobs", spec.Worker.ExternalName);
            }

            return Task.CompletedTask;
        };
        Assert.True((await Assert.ThrowsAsync<ExecutorException>(() => other.Submit(spec, default))).IsTransient);
        Cluster.Before = null;
        await ExecutorWorld.StopAsync(services);
    }

    /// <summary>Deleted by someone else in the background, and kept by a finalizer of theirs: nothing ends its pod but us.</summary>
    [Fact]
    public async Task Cancel_OfAJobHeldByAFinalizer_StopsItsPod()
    {
        var spec = Spec();
        await Executor.Submit(spec, default);
        Cluster.PutPod(
            spec.Worker.ExternalName,
            $$"""
            { "phase": "Running", "conditions": [ {{Scheduled}} ], "containerStatuses": [ { "name": "s0",
            "state": { "running": {} } } ] }
            """
        );
        var held = (JsonObject)Cluster.Get("jobs", spec.Worker.ExternalName)!.DeepClone();
        (held["metadata"]!["deletionTimestamp"], held["metadata"]!["finalizers"]) = (
            "2030-01-01T00:00:00Z",
            new JsonArray("theirs.example/hold")
        );
        Cluster.Put("jobs", held);
        await UntilAsync(spec, s => s.WaitingFor == WaitReason.Runner);
        await Executor.Cancel(Given.Handle(spec), default);
        var pod = Cluster.Get("pods", $"{spec.Worker.ExternalName}-x");
        Assert.True(pod is null || pod.IsDeleting());
    }

    /// <summary>What a node can't do before the first container stands in events alone.</summary>
    [Theory]
    [InlineData("FailedMount", "MountVolume.SetUp failed for volume \"cache\" : mount failed: exit status 32", true)]
    [InlineData("FailedCreatePodSandBox", "Failed to create pod sandbox: plugin type=\"bridge\" failed: no IP addresses", true)]
    [InlineData("BackOff", "Back-off restarting failed container", false)]
    public async Task NodeWarning_BeforeTheFirstContainer_IsWaitedFor(string reason, string words, bool told)
    {
        var spec = Spec();
        await Executor.Submit(spec, default);
        Cluster.PutPod(
            spec.Worker.ExternalName,
            $$"""
            { "phase": "Pending", "conditions": [ {{Scheduled}} ], "initContainerStatuses": [ { "name": "prepare",
            "state": { "waiting": { "reason": "PodInitializing" } } } ], "containerStatuses": [ { "name": "s0",
            "state": { "waiting": { "reason": "PodInitializing" } } } ] }
            """
        );
        Cluster.Put(
            "events",
            new JsonObject
            {
                ["metadata"] = new JsonObject
                {
                    ["name"] = "e",
                    ["namespace"] = "ci",
                    ["uid"] = "e",
                },
                ["type"] = "Warning",
                ["reason"] = reason,
                ["message"] = words,
                ["involvedObject"] = new JsonObject
                {
                    ["kind"] = "Pod",
                    ["namespace"] = "ci",
                    ["name"] = $"{spec.Worker.ExternalName}-x",
                },
            }
        );
        await UntilAsync(spec, s => s.WaitingFor == WaitReason.Container(detail: told ? words : null));
        Cluster.PutPod(
            spec.Worker.ExternalName,
            $$"""
            { "phase": "Pending", "conditions": [ {{Scheduled}} ], "initContainerStatuses": [ { "name": "prepare",
            "state": { "running": {} } } ], "containerStatuses": [ { "name": "s0",
            "state": { "waiting": { "reason": "PodInitializing" } } } ] }
            """
        );
        await UntilAsync(spec, s => s.WaitingFor == WaitReason.Checkout);
    }

    private static ExecutionSpec Spec() => Given.Execution(Worker());
}
