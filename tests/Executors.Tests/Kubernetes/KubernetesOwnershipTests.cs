using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>What is ours in a namespace that others use, too, and what is left alone.</summary>
public sealed class KubernetesOwnershipTests : IAsyncLifetime
{
    private const string Scheduled = """{ "type": "PodScheduled", "status": "True" }""";
    private readonly ExecutorWorld _world = new();
    private FakeCluster _cluster = null!;
    private ServiceProvider _services = null!;
    private IWorkerExecutor _executor = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await FakeCluster.StartAsync();
        (_services, _executor) = await _world.StartAsync(_cluster);
    }

    public async ValueTask DisposeAsync()
    {
        await ExecutorWorld.StopAsync(_services);
        await _cluster.DisposeAsync();
    }

    [Theory]
    [InlineData("""{ "app": "theirs" }""", "Release")]
    [InlineData("""{ "app": "theirs" }""", "Cancel")]
    [InlineData("other", "Release")]
    [InlineData("other", "Cancel")]
    public async Task SomebodyElsesJob_OfOurName_IsNotTouched(string labels, string verb)
    {
        var spec = Spec();
        var worker = spec.Worker;
        var theirs = labels == "other"
            ? new JsonObject { ["app.kubernetes.io/managed-by"] = "shipinator", ["shipinator.io/instance"] = "staging", ["shipinator.io/job-id"] = worker.JobId.ToString(), ["shipinator.io/attempt"] = "1" }
            : JsonNode.Parse(labels);
        _cluster.Put("jobs", new JsonObject { ["metadata"] = new JsonObject { ["name"] = worker.ExternalName, ["namespace"] = "ci", ["uid"] = "u", ["labels"] = theirs }, ["spec"] = new JsonObject() });
        Assert.False((await Assert.ThrowsAsync<ExecutorException>(() => _executor.Submit(spec, default))).IsTransient);
        await (verb == "Cancel" ? _executor.Cancel(Given.Handle(spec), default) : _executor.Release(worker.JobId, worker.Attempt, default));
        Assert.False(_cluster.Get("jobs", worker.ExternalName)!.IsDeleting());
        Assert.Equal(Reason.Lost, (await _executor.Status(Given.Handle(spec), default)).Reason);
    }

    /// <summary>A restored database may name a Job that was deleted and made again by somebody meanwhile.</summary>
    [Fact]
    public async Task Cancel_OfAJobThatIsAnotherOneByNow_DoesNotDeleteThat()
    {
        var spec = Spec();
        await _executor.Submit(spec, default);
        await Until.TrueAsync(async () => (await _executor.Status(Given.Handle(spec), default)).StillPresent);
        _cluster.Before = request =>
        {
            if (request == "DELETE jobs")
            {
                var another = (JsonObject)_cluster.Get("jobs", spec.Worker.ExternalName)!.DeepClone();
                another["metadata"]!["uid"] = "another";
                _cluster.Put("jobs", another);
            }

            return Task.CompletedTask;
        };
        Assert.True((await Assert.ThrowsAsync<ExecutorException>(() => _executor.Cancel(Given.Handle(spec), default))).IsTransient);
        Assert.False(_cluster.Get("jobs", spec.Worker.ExternalName)!.IsDeleting());
    }

    [Fact]
    public async Task Stray_WithOurLabelsAndAnotherName_IsNotTakenForOurs()
    {
        var spec = Spec();
        await _executor.Submit(spec, default);
        var labels = _cluster.Get("jobs", spec.Worker.ExternalName)!["metadata"]!["labels"]!;
        _cluster.Put("pods", new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "stray", ["namespace"] = "ci", ["uid"] = "stray", ["creationTimestamp"] = "2095-01-01T00:00:00Z", ["labels"] = labels.DeepClone() },
            ["status"] = JsonNode.Parse("""{ "phase": "Succeeded", "containerStatuses": [ { "name": "s0", "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } } ] }"""),
        });
        _cluster.Put("jobs", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "stray", ["namespace"] = "ci", ["uid"] = "stray-job", ["labels"] = labels.DeepClone() }, ["spec"] = new JsonObject() });
        // Seen after both.
        _cluster.PutPod(spec.Worker.ExternalName, $$"""{ "phase": "Running", "conditions": [ {{Scheduled}} ], "containerStatuses": [ { "name": "s0", "state": { "running": {} } } ] }""");
        await Until.TrueAsync(async () => (await _executor.Status(Given.Handle(spec), default)).WaitingFor == "Its container to take the step.");
        Assert.Equal([$"Job {spec.Worker.ExternalName} in namespace ci"], ((IWorkerInventory)_executor).FindWorkers().Select(w => w.Where));
    }

    [Fact]
    public async Task Submit_WhosePredecessorVanishesBetweenTheQuestions_IsTriedAgain()
    {
        var spec = Spec();
        await _executor.Submit(spec, default);
        var (services, other) = await _world.StartAsync(_cluster);
        await Until.TrueAsync(async () => (await other.Status(Given.Handle(spec), default)).StillPresent);
        _cluster.Before = request =>
        {
            if (request == "GET jobs")
            {
                _cluster.Remove("jobs", spec.Worker.ExternalName);
            }

            return Task.CompletedTask;
        };
        Assert.True((await Assert.ThrowsAsync<ExecutorException>(() => other.Submit(spec, default))).IsTransient);
        _cluster.Before = null;
        await ExecutorWorld.StopAsync(services);
    }

    /// <summary>Deleted by somebody in the background, and kept by a finalizer of theirs: nothing ends its pod but us.</summary>
    [Fact]
    public async Task Cancel_OfAJobWhoseDeletionSomebodyHolds_EndsItsPod()
    {
        var spec = Spec();
        await _executor.Submit(spec, default);
        _cluster.PutPod(spec.Worker.ExternalName, $$"""{ "phase": "Running", "conditions": [ {{Scheduled}} ], "containerStatuses": [ { "name": "s0", "state": { "running": {} } } ] }""");
        var held = (JsonObject)_cluster.Get("jobs", spec.Worker.ExternalName)!.DeepClone();
        (held["metadata"]!["deletionTimestamp"], held["metadata"]!["finalizers"]) = ("2030-01-01T00:00:00Z", new JsonArray("theirs.example/hold"));
        _cluster.Put("jobs", held);
        await Until.TrueAsync(async () => (await _executor.Status(Given.Handle(spec), default)).WaitingFor == "Its container to take the step.");
        await _executor.Cancel(Given.Handle(spec), default);
        var pod = _cluster.Get("pods", $"{spec.Worker.ExternalName}-x");
        Assert.True(pod is null || pod.IsDeleting());
    }

    /// <summary>What a node can't do before the first container stands in events alone.</summary>
    [Theory]
    [InlineData("FailedMount", "MountVolume.SetUp failed for volume \"cache\" : mount failed: exit status 32", true)]
    [InlineData("FailedCreatePodSandBox", "Failed to create pod sandbox: plugin type=\"bridge\" failed: no IP addresses", true)]
    [InlineData("BackOff", "Back-off restarting failed container", false)]
    public async Task WhatKeepsANodeFromStartingIt_IsWhatItWaitsFor(string reason, string words, bool told)
    {
        var spec = Spec();
        await _executor.Submit(spec, default);
        _cluster.PutPod(spec.Worker.ExternalName, $$"""{ "phase": "Pending", "conditions": [ {{Scheduled}} ], "initContainerStatuses": [ { "name": "prepare", "state": { "waiting": { "reason": "PodInitializing" } } } ], "containerStatuses": [ { "name": "s0", "state": { "waiting": { "reason": "PodInitializing" } } } ] }""");
        _cluster.Put("events", new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "e", ["namespace"] = "ci", ["uid"] = "e" },
            ["type"] = "Warning",
            ["reason"] = reason,
            ["message"] = words,
            ["involvedObject"] = new JsonObject { ["kind"] = "Pod", ["namespace"] = "ci", ["name"] = $"{spec.Worker.ExternalName}-x" },
        });
        await Until.TrueAsync(async () => (await _executor.Status(Given.Handle(spec), default)).WaitingFor is { } waits && waits == (told ? $"Its node to start it: {words}" : "Its containers to start."));
        _cluster.PutPod(spec.Worker.ExternalName, $$"""{ "phase": "Pending", "conditions": [ {{Scheduled}} ], "initContainerStatuses": [ { "name": "prepare", "state": { "running": {} } } ], "containerStatuses": [ { "name": "s0", "state": { "waiting": { "reason": "PodInitializing" } } } ] }""");
        await Until.TrueAsync(async () => (await _executor.Status(Given.Handle(spec), default)).WaitingFor == "The checkout of its source.");
    }

    private static ExecutionSpec Spec() => Given.Execution(Given.Worker() with { JobId = JobId.New(TimeProvider.System) });

    private static class Until
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

        public static async Task TrueAsync(Func<Task<bool>> condition)
        {
            var start = TimeProvider.System.GetTimestamp();
            while (!await Try(condition))
            {
                Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, "It did not get there.");
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
            }
        }

        private static async Task<bool> Try(Func<Task<bool>> condition)
        {
            try
            {
                return await condition();
            }
            catch (ExecutorException e) when (e.IsTransient)
            {
                return false;
            }
        }
    }
}
