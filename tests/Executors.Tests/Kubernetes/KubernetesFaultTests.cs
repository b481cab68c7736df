using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Work that the cluster can't or won't do, and several servers that want the same of it.</summary>
public sealed class KubernetesFaultTests : ClusterAtWork
{
    [Fact]
    public async Task Image_Missing_KeepsItsReasonWhenThePodIsDeleted()
    {
        var spec = Execution();
        await Executor.Submit(spec, default);
        var words = new HashSet<string>(StringComparer.Ordinal);
        await UntilAsync(spec, s => s.WaitingFor?.Describe().Contains(Absent, StringComparison.Ordinal) == true);
        // Through two tries and the pause between them.
        for (var end = Agenda.GetUtcNow() + TimeSpan.FromSeconds(40); Agenda.GetUtcNow() < end; )
        {
            words.Add((await UntilAsync(spec, s => s.WaitingFor is not null)).WaitingFor!.Describe());
        }

        var steady = Assert.Single(words);
        Assert.Contains("not found", steady, StringComparison.Ordinal);
        Assert.DoesNotContain("Back-off", steady, StringComparison.Ordinal);

        await Executor.Cancel(Given.Handle(spec), default);
        var seen = await UntilAsync(spec, s => !s.StillPresent);
        Assert.Equal((Status.Failed, Reason.ImagePull), (seen.Status, seen.Reason!.Value));
        Assert.Contains(Absent, seen.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Command_MissingInTheImage_FailsWithTheRuntimesMessage()
    {
        var spec = Execution("alpine:local");
        await Executor.Submit(spec, default);
        var end = await UntilAsync(spec, s => s.Status.IsTerminal());
        Assert.Equal((Status.Failed, Reason.ExecutorError, 128), (end.Status, end.Reason!.Value, end.ExitCode!.Value));
        Assert.Contains("no such file or directory", end.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, Reason.Evicted)]
    [InlineData(false, Reason.ImagePull)]
    public async Task Pod_StoppedBeforeItStarted_HasTheReason(bool evict, Reason reason)
    {
        var spec = Execution();
        await Executor.Submit(spec, default);
        await UntilAsync(spec, s => s.WaitingFor?.Describe().Contains(Absent, StringComparison.Ordinal) == true);
        var pod = Cluster.Store.List("pods", "ci").Single().Name();
        using var client = new HttpClient { BaseAddress = Cluster.Url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", Access.Admin);
        using var answer = evict
            ? await client.PostAsync(
                $"/api/v1/namespaces/ci/pods/{pod}/eviction",
                new StringContent("{}", new System.Net.Http.Headers.MediaTypeHeaderValue("application/json"))
            )
            : await client.DeleteAsync($"/api/v1/namespaces/ci/pods/{pod}");
        Assert.True(answer.IsSuccessStatusCode);
        var end = await UntilAsync(spec, s => s.Status.IsTerminal());
        Assert.Equal(reason, end.Reason);
        await UntilAsync(() => Cluster.Count("pods") == 0);
        Assert.Equal(reason, (await UntilAsync(spec, s => s.Status.IsTerminal())).Reason);
    }

    [Fact]
    public async Task Pod_TooBigForAnyNode_WaitsWithTheSchedulersMessage()
    {
        var worker = Given.Worker(Given.Step(0, "compile", cpu: "100")) with { JobId = JobId.New(TimeProvider.System) };
        await Executor.Submit(Given.Execution(worker), default);
        await UntilAsync(
            Given.Execution(worker),
            s => s.WaitingFor?.Describe().Contains("Insufficient cpu", StringComparison.Ordinal) == true
        );
    }

    [Fact]
    public async Task Quota_OfPods_IsWaitedFor_AndOfJobs_IsTransient()
    {
        Quota("pods", "0");
        var spec = Execution();
        await Executor.Submit(spec, default);
        await UntilAsync(
            spec,
            s => s.WaitingFor is { Kind: WaitKind.Worker, Detail: { } why } && why.Contains("exceeded quota: few", StringComparison.Ordinal)
        );

        Quota("count/jobs.batch", "1");
        var more = Execution();
        var refused = await Assert.ThrowsAsync<ExecutorException>(() => Executor.Submit(more, default));
        Assert.True(refused.IsTransient);
        Assert.Contains("quota of namespace ci is exhausted", refused.Message, StringComparison.Ordinal);
        await Executor.Cancel(Given.Handle(spec), default);
        await UntilAsync(spec, s => !s.StillPresent);
        await Executor.Submit(more, default);
        Assert.Equal(1, Cluster.Count("jobs"));
    }

    [Fact]
    public async Task Namespace_Deleted_EndsItsExecutionsAndRejectsMore()
    {
        var spec = Execution();
        await Executor.Submit(spec, default);
        await UntilAsync(spec, s => s.StillPresent && Cluster.Count("pods") == 1);
        using var client = new HttpClient { BaseAddress = Cluster.Url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", Access.Admin);
        using var deleted = await client.DeleteAsync("/api/v1/namespaces/ci");
        var refused = await Assert.ThrowsAsync<ExecutorException>(() => Executor.Submit(Execution(), default));
        Assert.False(refused.IsTransient);
        Assert.Contains("being deleted", refused.Message, StringComparison.Ordinal);
        var end = await UntilAsync(spec, s => !s.StillPresent);
        Assert.Equal(Status.Failed, end.Status);
        await Assert.ThrowsAsync<ExecutorException>(() => Executor.Submit(Execution(), default));
    }

    [Fact]
    public async Task Submit_ConcurrentlyByTwoServers_CreatesOneJobAndOneSecret()
    {
        var (services, other) = await StartAsync();
        var spec = Execution();
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() => (i % 2 == 0 ? Executor : other).Submit(spec, default))));
        Assert.Equal((1, 1), (Cluster.Count("jobs"), Cluster.Count("secrets")));
        await ExecutorWorld.StopAsync(services);
    }

    private void Quota(string resource, string hard)
    {
        Cluster.Store.RemoveAnywhere("resourcequotas", "few");
        Cluster.Writing.Create(
            Kind.Of("resourcequotas"),
            "ci",
            new()
            {
                ["apiVersion"] = "v1",
                ["kind"] = "ResourceQuota",
                ["metadata"] = new JsonObject { ["name"] = "few" },
                ["spec"] = new JsonObject { ["hard"] = new JsonObject { [resource] = hard } },
            }
        );
    }
}
