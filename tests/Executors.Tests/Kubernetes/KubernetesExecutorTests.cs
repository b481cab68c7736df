namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The executor against an API server over real HTTP that misbehaves when told to.</summary>
public sealed class KubernetesExecutorTests : ClusterAtRest
{
    private const string Scheduled = """{ "type": "PodScheduled", "status": "True", "lastTransitionTime": "2030-01-01T00:00:00Z" }""";

    [Fact]
    public async Task Submit_RepeatedByAnotherServer_CreatesOneJobAndItsSecret()
    {
        var worker = Worker();
        await Executor.Submit(Given.Execution(worker), default);
        await Executor.Submit(Given.Execution(worker), default);
        var (services, other) = await World.StartAsync(Cluster);
        await other.Submit(Given.Execution(worker), default);
        await ExecutorWorld.StopAsync(services);
        Assert.Equal((1, 1), (Cluster.Count("jobs"), Cluster.Count("secrets")));
        Assert.Equal(
            (string)Cluster.Get("jobs", worker.ExternalName)!["metadata"]!["uid"]!,
            (string)Cluster.Get("secrets", worker.ExternalName)!["metadata"]!["ownerReferences"]![0]!["uid"]!
        );
    }

    [Fact]
    public async Task Submit_ResponseLost_IsTransientAndTheNextOneFindsTheJob()
    {
        Cluster.LoseAnswers = 1;
        var worker = Worker();
        Assert.True((await Assert.ThrowsAsync<ExecutorException>(() => Executor.Submit(Given.Execution(worker), default))).IsTransient);
        Cluster.LoseAnswers = 0;
        await Executor.Submit(Given.Execution(worker), default);
        Assert.Equal((1, 1), (Cluster.Count("jobs"), Cluster.Count("secrets")));
    }

    [Theory]
    [InlineData(403, "Forbidden", "jobs.batch \"x\" is forbidden: exceeded quota: q, requested: count/jobs.batch=1", true, "quota")]
    [InlineData(403, "Forbidden", "unable to create new content in namespace ci because it is being terminated", false, "being deleted")]
    [InlineData(403, "Forbidden", "User \"x\" cannot create resource \"jobs\"", false, "docs/kubernetes.md")]
    [InlineData(401, "Unauthorized", "Unauthorized", false, "credentials")]
    [InlineData(404, "NotFound", "namespaces \"ci\" not found", false, "does not exist")]
    [InlineData(422, "Invalid", "spec.template.spec.containers[0].image: Required value", false, "Required value")]
    [InlineData(409, "Conflict", "the object has been modified", true, "409")]
    [InlineData(500, "InternalError", "etcd is away", true, "etcd is away")]
    [InlineData(429, "TooManyRequests", "slow down", true, "slow down")]
    public async Task Submit_Refused_IsTransientOrRejected(int code, string reason, string message, bool transient, string words)
    {
        Cluster.Refuse = (code, reason, message);
        var refused = await Assert.ThrowsAsync<ExecutorException>(() => Executor.Submit(Given.Execution(Worker()), default));
        Assert.Equal(transient, refused.IsTransient);
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_Throttled_HasTheServersRetryAfter()
    {
        (Cluster.RetryAfter, Cluster.TooMany) = (7, 1_000);
        var refused = await Assert.ThrowsAsync<ExecutorException>(() => Executor.Submit(Given.Execution(Worker()), default));
        Assert.Equal((true, TimeSpan.FromSeconds(7)), (refused.IsTransient, refused.RetryAfter));
        var cancel = await Assert.ThrowsAsync<ExecutorException>(() => Executor.Cancel(Given.Handle(Given.Execution(Worker())), default));
        Assert.Equal((true, TimeSpan.FromSeconds(7)), (cancel.IsTransient, cancel.RetryAfter));
        Cluster.TooMany = 0;
    }

    [Fact]
    public async Task Submit_ForeignJobOfThatName_IsRejectedAndOneBeingDeletedIsTransient()
    {
        var worker = Worker();
        var foreign = new System.Text.Json.Nodes.JsonObject
        {
            ["metadata"] = new System.Text.Json.Nodes.JsonObject
            {
                ["name"] = worker.ExternalName,
                ["namespace"] = "ci",
                ["uid"] = "u",
            },
            ["spec"] = new System.Text.Json.Nodes.JsonObject(),
        };
        Cluster.Put("jobs", foreign);
        var refused = await Assert.ThrowsAsync<ExecutorException>(() => Executor.Submit(Given.Execution(worker), default));
        Assert.False(refused.IsTransient);
        Assert.Contains("does not belong to this installation", refused.Message, StringComparison.Ordinal);

        var ours = Worker();
        await Executor.Submit(Given.Execution(ours), default);
        var (services, other) = await World.StartAsync(Cluster);
        await Executor.Cancel(Given.Handle(Given.Execution(ours)), default);
        Assert.True((await Assert.ThrowsAsync<ExecutorException>(() => other.Submit(Given.Execution(ours), default))).IsTransient);
        await ExecutorWorld.StopAsync(services);
    }

    [Fact]
    public async Task Status_OfAnEviction_SignalsTheExecutionWithTheReason()
    {
        var spec = Given.Execution(Worker());
        await Executor.Submit(spec, default);
        Cluster.PutPod(
            spec.Worker.ExternalName,
            """
            { "phase": "Failed", "conditions": [ { "type": "DisruptionTarget", "status": "True",
            "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting" } ],
            "containerStatuses": [ { "name": "s0", "state": { "terminated": { "exitCode": 137,
            "reason": "Error" } } } ] }
            """
        );
        var end = await UntilAsync(spec, s => s.Status.IsTerminal());
        Assert.Equal((Status.Failed, Reason.Evicted, true), (end.Status, end.Reason!.Value, end.StillPresent));
        Assert.Contains(spec.ExecutionId, World.Signals);
    }

    [Fact]
    public async Task Watch_CutAndExpiredDuringAnOutage_SeesWhatHappenedMeanwhile()
    {
        var spec = Given.Execution(Worker());
        await Executor.Submit(spec, default);
        Cluster.PutPod(
            spec.Worker.ExternalName,
            $$"""
            { "phase": "Running", "conditions": [ {{Scheduled}} ], "containerStatuses": [ { "name": "s0",
            "state": { "running": {} } } ] }
            """
        );
        await UntilAsync(spec, s => s.WaitingFor == WaitReason.Runner);
        Cluster.CutWatches();
        Cluster.PutPod(
            spec.Worker.ExternalName,
            $$"""
            { "phase": "Pending", "conditions": [ {{Scheduled}} ], "containerStatuses": [ { "name": "s0",
            "image": "i", "state": { "waiting": { "reason": "ErrImagePull", "message": "after the cut" } } } ] }
            """
        );
        await UntilAsync(spec, s => s.WaitingFor?.Describe().Contains("after the cut", StringComparison.Ordinal) == true);
        Cluster.PutPod(
            spec.Worker.ExternalName,
            $$"""
            { "phase": "Running", "conditions": [ {{Scheduled}} ], "containerStatuses": [ { "name": "s0",
            "state": { "running": {} } } ] }
            """
        );
        await UntilAsync(spec, s => s.WaitingFor == WaitReason.Runner);

        await Cluster.GoAwayAsync();
        Cluster.Remove("pods", $"{spec.Worker.ExternalName}-x");
        Cluster.Remove("jobs", spec.Worker.ExternalName);
        Cluster.Forget();
        await Cluster.ComeBackAsync();
        var end = await UntilAsync(spec, s => s.Status.IsTerminal() && !s.StillPresent);
        Assert.Equal((Status.Failed, Reason.Lost, false), (end.Status, end.Reason!.Value, end.StillPresent));
    }

    [Fact]
    public async Task Cancel_DeletesInTheForeground_AndIsConfirmedWhenAllIsGone()
    {
        var spec = Given.Execution(Worker());
        await Executor.Submit(spec, default);
        Cluster.PutPod(
            spec.Worker.ExternalName,
            $$"""
            { "phase": "Running", "conditions": [ {{Scheduled}} ], "containerStatuses": [ { "name": "s0",
            "state": { "running": {} } } ] }
            """
        );
        await UntilAsync(spec, s => s.WaitingFor == WaitReason.Runner);
        await Executor.Cancel(Given.Handle(spec), default);
        await Executor.Cancel(Given.Handle(spec), default);
        Assert.NotNull(Cluster.Get("jobs", spec.Worker.ExternalName)!["metadata"]!["deletionTimestamp"]);
        Assert.True((await Executor.Status(Given.Handle(spec), default)).StillPresent);
        Cluster.Remove("pods", $"{spec.Worker.ExternalName}-x");
        Cluster.Remove("jobs", spec.Worker.ExternalName);
        var end = await UntilAsync(spec, s => !s.StillPresent);
        Assert.True(end.Status.IsTerminal());
        // What never came to be is canceled all the same.
        await Executor.Cancel(Given.Handle(Given.Execution(Worker())), default);
    }

    [Fact]
    public async Task Submit_AfterItsJobDisappeared_DoesNotRunItAgain()
    {
        var spec = Given.Execution(Worker());
        await Executor.Submit(spec, default);
        await UntilAsync(spec, s => s.StillPresent);
        Cluster.Remove("jobs", spec.Worker.ExternalName);
        await UntilAsync(spec, s => !s.StillPresent);
        await Executor.Submit(spec, default);
        Assert.Equal(0, Cluster.Count("jobs"));
        Assert.Equal(Reason.Lost, (await Executor.Status(Given.Handle(spec), default)).Reason);
    }

    [Fact]
    public async Task Submit_OfALaterStepByANewServer_DoesNotRecreateTheWorkspace()
    {
        var worker = Worker(Given.Step(0, "a"), Given.Step(1, "b"));
        await Executor.Submit(Given.Execution(worker), default);
        Cluster.Remove("jobs", worker.ExternalName);
        var (services, other) = await World.StartAsync(Cluster);
        var later = Given.Execution(worker, 1) with { JoinsWorker = true };
        await UntilAsync(async () =>
        {
            try
            {
                await other.Submit(later, default);
                return (await other.Status(Given.Handle(later, 1), default)).Reason == Reason.Lost;
            }
            catch (ExecutorException e) when (e.IsTransient)
            {
                return false;
            }
        });
        Assert.Equal(0, Cluster.Count("jobs"));
        await ExecutorWorld.StopAsync(services);
    }
}
