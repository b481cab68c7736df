using Microsoft.Extensions.DependencyInjection;
using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// From the manifest to the reason: what the executor says when the cluster's kubelet has run its pod to an end of some kind.
/// </summary>
public sealed class KubernetesReasonTests : IAsyncLifetime
{
    private static readonly TimeSpan Ages = TimeSpan.FromDays(30);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);
    private readonly Agenda _agenda = new();
    private readonly ExecutorWorld _world = new();
    private FakeCluster _cluster = null!;
    private ServiceProvider? _services;
    private IWorkerExecutor _executor = null!;

    public async ValueTask InitializeAsync() => _cluster = await FakeCluster.StartAsync(_agenda);

    public async ValueTask DisposeAsync()
    {
        if (_services is not null)
        {
            await ExecutorWorld.StopAsync(_services);
        }

        await _cluster.DisposeAsync();
    }

    [Theory]
    [InlineData("true", null, null, 0)]
    [InlineData("exit 3", null, Reason.ExitCode, 3)]
    [InlineData("no-such-program", null, Reason.ExitCode, 127)]
    [InlineData("tail /dev/zero", "16Mi", Reason.OomKilled, 137)]
    public async Task Container_Ended_HasItsReason(string script, string? memory, Reason? reason, int code)
    {
        var end = await UntilAsync(await SubmitAsync(script, memory), s => s.Status.IsTerminal());
        Assert.Equal((reason is null ? Status.Success : Status.Failed, reason, (int?)code), (end.Status, end.Reason, end.ExitCode));
    }

    [Theory]
    [InlineData("eviction", Reason.Evicted)]
    [InlineData("pod", Reason.Lost)]
    [InlineData("job", Reason.Lost)]
    public async Task Pod_DisruptedWhileRunning_WaitsThenEndsWithTheReason(string what, Reason reason)
    {
        var spec = await SubmitAsync("sleep 100000");
        await UntilAsync(spec, s => s.WaitingFor == WaitReason.Runner);
        var pod = _cluster.Store.List("pods", "ci").Single().Name();
        using var client = new HttpClient { BaseAddress = _cluster.Url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", Access.Admin);
        using var answer = what switch
        {
            "eviction" => await client.PostAsync(
                $"/api/v1/namespaces/ci/pods/{pod}/eviction",
                new StringContent("{}", new System.Net.Http.Headers.MediaTypeHeaderValue("application/json"))
            ),
            "pod" => await client.DeleteAsync($"/api/v1/namespaces/ci/pods/{pod}"),
            _ => await client.DeleteAsync($"/apis/batch/v1/namespaces/ci/jobs/{spec.Worker.ExternalName}?propagationPolicy=Background"),
        };
        Assert.True(answer.IsSuccessStatusCode);
        while (!_cluster.Store.List("pods", "ci").Single().IsDeleting())
        {
            Assert.True(_agenda.Step());
        }

        // While its containers still have their grace.
        var early = await UntilAsync(spec, s => s.Reason is not null, timeStands: true);
        Assert.Equal((Status.Submitted, reason), (early.Status, early.Reason!.Value));
        var end = await UntilAsync(spec, s => s.Status.IsTerminal());
        Assert.Equal((Status.Failed, reason), (end.Status, end.Reason!.Value));
    }

    [Theory]
    [InlineData("alpine:local", Reason.Timeout)]
    [InlineData("registry.example/none:1", Reason.ImagePull)]
    public async Task Pod_ThatReachesItsDeadline_StaysAndShowsWhetherItStarted(string image, Reason reason)
    {
        var spec = await SubmitAsync("sleep 100000", image: image);
        await UntilAsync(
            spec,
            s =>
                s.WaitingFor?.Describe()
                    .Contains(
                        image.Contains("none", StringComparison.Ordinal) ? "not found" : "its runner to claim it",
                        StringComparison.Ordinal
                    ) == true
        );
        _agenda.Pass(TimeSpan.FromHours(2));
        var end = await UntilAsync(spec, s => s.Status.IsTerminal());
        Assert.Equal((Status.Failed, reason, true), (end.Status, end.Reason!.Value, end.StillPresent));
        Assert.Equal("DeadlineExceeded", _cluster.Store.List("pods", "ci").Single().Text("status", "reason"));
    }

    [Fact]
    public async Task Job_FinishedBeforeItsPodIsSeen_HasThePodsReason()
    {
        var never = new TaskCompletionSource();
        _cluster.Before = request => request == "GET pods watch" ? never.Task : Task.CompletedTask;
        var spec = await SubmitAsync("exit 3", listed: true);
        _agenda.Pass(TimeSpan.FromSeconds(30));
        var end = await UntilAsync(spec, s => s.Status.IsTerminal(), timeStands: true);
        Assert.Equal((Status.Failed, Reason.ExitCode, (int?)3), (end.Status, end.Reason!.Value, end.ExitCode));
    }

    /// <summary>What a watch tells late is not news after a list that was asked for meanwhile.</summary>
    [Fact]
    public async Task Pod_SeenInAList_IsNotOverwrittenByALaggingWatch()
    {
        var watch = new TaskCompletionSource();
        _cluster.Before = request => request == "GET pods watch" ? watch.Task : Task.CompletedTask;
        var spec = await SubmitAsync("exit 3", listed: true);
        _agenda.Pass(TimeSpan.FromSeconds(30));
        await UntilAsync(spec, s => s.Status.IsTerminal(), timeStands: true);
        var cache = _services!.GetRequiredService<WorkerCache>();
        var (told, phases) = (0, new HashSet<string?>(StringComparer.Ordinal));
        cache.Changed += name =>
        {
            lock (phases)
            {
                phases.Add(cache.Find(name)?.Pod?.Status.Phase);
                told++;
            }
        };
        watch.SetResult();
        // Made, given a node, its containers step by step, its end.
        await UntilAsync(() => Task.FromResult(Volatile.Read(ref told) >= 9), timeStands: true);
        Assert.Equal(["Failed"], phases);
    }

    /// <summary>Whoever deletes a Job without saying what is to become of its pod lets it run on: the executor always says.</summary>
    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public async Task Job_Deleted_DeletesItsPodOnlyWithAPropagationPolicy(bool byExecutor, int left)
    {
        var spec = await SubmitAsync("sleep 100000");
        await UntilAsync(spec, s => s.WaitingFor == WaitReason.Runner);
        using var client = new HttpClient { BaseAddress = _cluster.Url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", Access.Admin);
        if (byExecutor)
        {
            await _executor.Cancel(Given.Handle(spec), default);
        }
        else
        {
            using var _ = await client.DeleteAsync($"/apis/batch/v1/namespaces/ci/jobs/{spec.Worker.ExternalName}");
        }

        await UntilAsync(() => Task.FromResult(_cluster.Count("jobs") == 0));
        Assert.Equal(left, _cluster.Count("pods"));
        Assert.Equal(0, _cluster.Store.List("pods", "ci").Count(p => p.IsDeleting()));
    }

    [Fact]
    public async Task Secret_OfAWorker_IsDeletedWithItsJob()
    {
        var spec = await SubmitAsync("true");
        await UntilAsync(spec, s => s.Status.IsTerminal());
        Assert.Equal(1, _cluster.Count("secrets"));
        await _executor.Release(spec.Worker.JobId, spec.Worker.Attempt, default);
        await UntilAsync(() => Task.FromResult(_cluster.Count("jobs") + _cluster.Count("pods") + _cluster.Count("secrets") == 0));
    }

    [Fact]
    public async Task Manifest_OfTheExecutor_HasNoUnknownField()
    {
        var spec = await SubmitAsync("true", memory: "1Gi");
        var job = _cluster.Get("jobs", spec.Worker.ExternalName)!;
        job.Meta().Remove("uid");
        job.Meta().Remove("resourceVersion");
        job.Meta()["name"] = "again";
        using var client = new HttpClient { BaseAddress = _cluster.Url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", Access.Admin);
        using var strict = await client.PostAsync(
            "/apis/batch/v1/namespaces/ci/jobs?fieldValidation=Strict",
            new StringContent(job.ToJsonString(), new System.Net.Http.Headers.MediaTypeHeaderValue("application/json"))
        );
        Assert.True(strict.IsSuccessStatusCode, await strict.Content.ReadAsStringAsync());
        Assert.False(strict.Headers.Contains("Warning"));
    }

    /// <summary>
    /// The runner's first container puts into the step's what it does. <paramref name="listed"/>: all it is to tell is told by watches.
    /// </summary>
    private async Task<ExecutionSpec> SubmitAsync(string script, string? memory = null, string image = "alpine:local", bool listed = false)
    {
        (_services, _executor) = await _world.StartAsync(
            _cluster,
            _agenda,
            o =>
            {
                (o.RunnerImage, o.RunnerCommand) = ("runner:local", ["sh", "-c", $"echo {script} > /shipinator/bin/runner"]);
                // The cluster's clock may run ahead of a slow machine.
                (o.ImagePullTimeout, o.SweepPeriod) = (Ages, Ages);
            }
        );
        var spec = Given.Execution(
            Given.Worker(Given.Step(0, "compile", memory: memory, image: image)) with
            {
                JobId = JobId.New(TimeProvider.System),
            }
        );
        if (listed)
        {
            var informer = _services.GetRequiredService<Informer>();
            await UntilAsync(() => Task.FromResult(informer.IsSynced()), timeStands: true);
        }

        await _executor.Submit(spec, default);
        return spec;
    }

    private async Task<ExecutionStatus> UntilAsync(ExecutionSpec spec, Func<ExecutionStatus, bool> condition, bool timeStands = false)
    {
        ExecutionStatus last = null!;
        string? error = null;
        await UntilAsync(IsSoAsync, timeStands, () => $"Last seen: {last} {error}");
        return last;

        async Task<bool> IsSoAsync()
        {
            try
            {
                return condition(last = await _executor.Status(Given.Handle(spec), default));
            }
            catch (ExecutorException e) when (e.IsTransient)
            {
                error = e.Message;
                return false;
            }
        }
    }

    /// <summary>The cluster's clock moves a little with each poll, and never by much: responses take real time.</summary>
    private async Task UntilAsync(Func<Task<bool>> condition, bool timeStands = false, Func<string>? said = null)
    {
        var start = TimeProvider.System.GetTimestamp();
        do
        {
            Assert.True(
                TimeProvider.System.GetElapsedTime(start) < Patience,
                "The expected state was not reached in time. " + "" + said?.Invoke()
            );
            _agenda.Pass(timeStands ? TimeSpan.Zero : Look);
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
        } while (!await condition());
    }
}
