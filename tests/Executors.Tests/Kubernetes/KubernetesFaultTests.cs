using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// The executor in a cluster whose controllers, scheduler and kubelet are at work, in the cluster's own time, while things go wrong.
/// </summary>
public sealed class KubernetesFaultTests : IAsyncLifetime
{
    /// <summary>An image that no registry has: what runs it waits for as long as it is let.</summary>
    private const string Absent = "registry.example/none:1";
    private static readonly TimeSpan Ages = TimeSpan.FromDays(30);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Agenda _agenda = new();
    private readonly ExecutorWorld _world = new();
    private FakeCluster _cluster = null!;
    private ServiceProvider _services = null!;
    private IWorkerExecutor _executor = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await FakeCluster.StartAsync(_agenda);
        (_services, _executor) = await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await ExecutorWorld.StopAsync(_services);
        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task Image_ThatIsNotThere_IsOneSteadyReasonAlsoWhenThePodIsDeleted()
    {
        var spec = Execution();
        await _executor.Submit(spec, default);
        var words = new HashSet<string>(StringComparer.Ordinal);
        await UntilAsync(spec, s => s.WaitingFor?.Contains(Absent, StringComparison.Ordinal) == true);
        // Through two tries and the pause between them.
        for (var end = _agenda.GetUtcNow() + TimeSpan.FromSeconds(40); _agenda.GetUtcNow() < end;)
        {
            words.Add((await UntilAsync(spec, s => s.WaitingFor is not null)).WaitingFor!);
        }

        var steady = Assert.Single(words);
        Assert.Contains("not found", steady, StringComparison.Ordinal);
        Assert.DoesNotContain("Back-off", steady, StringComparison.Ordinal);

        await _executor.Cancel(Given.Handle(spec), default);
        var seen = await UntilAsync(spec, s => !s.StillPresent);
        Assert.Equal((Status.Failed, Reason.ImagePull), (seen.Status, seen.Reason!.Value));
        Assert.Contains(Absent, seen.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Command_ThatTheImageDoesNotHave_EndsWithTheRuntimesWords()
    {
        var spec = Execution("alpine:local");
        await _executor.Submit(spec, default);
        var end = await UntilAsync(spec, s => s.Status.IsTerminal());
        Assert.Equal((Status.Failed, Reason.ExecutorError, 128), (end.Status, end.Reason!.Value, end.ExitCode!.Value));
        Assert.Contains("no such file or directory", end.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, Reason.Evicted)]
    [InlineData(false, Reason.ImagePull)]
    public async Task Pod_TakenAwayBeforeItBegan_TellsTheCause(bool evict, Reason reason)
    {
        var spec = Execution();
        await _executor.Submit(spec, default);
        await UntilAsync(spec, s => s.WaitingFor?.Contains(Absent, StringComparison.Ordinal) == true);
        var pod = _cluster.Store.List("pods", "ci").Single().Name();
        using var client = new HttpClient { BaseAddress = _cluster.Url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", Access.Admin);
        using var answer = evict
            ? await client.PostAsync($"/api/v1/namespaces/ci/pods/{pod}/eviction", new StringContent("{}", new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")))
            : await client.DeleteAsync($"/api/v1/namespaces/ci/pods/{pod}");
        Assert.True(answer.IsSuccessStatusCode);
        var end = await UntilAsync(spec, s => s.Status.IsTerminal());
        Assert.Equal(reason, end.Reason);
        await UntilAsync(() => _cluster.Count("pods") == 0);
        Assert.Equal(reason, (await UntilAsync(spec, s => s.Status.IsTerminal())).Reason);
    }

    [Fact]
    public async Task Pod_TooBigForAnyNode_WaitsInTheSchedulersWords()
    {
        var worker = Given.Worker(Given.Step(0, "compile", cpu: "100")) with { JobId = JobId.New(TimeProvider.System) };
        await _executor.Submit(Given.Execution(worker), default);
        await UntilAsync(Given.Execution(worker), s => s.WaitingFor?.Contains("Insufficient cpu", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task Quota_OfPods_IsWhatItWaitsFor_AndOfJobs_IsTransientUntilThereIsRoom()
    {
        Quota("pods", "0");
        var spec = Execution();
        await _executor.Submit(spec, default);
        await UntilAsync(spec, s => s.WaitingFor?.Contains("exceeded quota: few", StringComparison.Ordinal) == true);

        Quota("count/jobs.batch", "1");
        var more = Execution();
        var refused = await Assert.ThrowsAsync<ExecutorException>(() => _executor.Submit(more, default));
        Assert.True(refused.IsTransient);
        Assert.Contains("quota of namespace ci is full", refused.Message, StringComparison.Ordinal);
        await _executor.Cancel(Given.Handle(spec), default);
        await UntilAsync(spec, s => !s.StillPresent);
        await _executor.Submit(more, default);
        Assert.Equal(1, _cluster.Count("jobs"));
    }

    [Fact]
    public async Task Namespace_ThatGoesAway_EndsItsWorkAndTakesNoMore()
    {
        var spec = Execution();
        await _executor.Submit(spec, default);
        await UntilAsync(spec, s => s.StillPresent && _cluster.Count("pods") == 1);
        using var client = new HttpClient { BaseAddress = _cluster.Url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", Access.Admin);
        using var deleted = await client.DeleteAsync("/api/v1/namespaces/ci");
        var refused = await Assert.ThrowsAsync<ExecutorException>(() => _executor.Submit(Execution(), default));
        Assert.False(refused.IsTransient);
        Assert.Contains("being deleted", refused.Message, StringComparison.Ordinal);
        var end = await UntilAsync(spec, s => !s.StillPresent);
        Assert.Equal(Status.Failed, end.Status);
        await Assert.ThrowsAsync<ExecutorException>(() => _executor.Submit(Execution(), default));
    }

    [Fact]
    public async Task Submit_ManyAtOnceByTwoServers_MakesOneJobAndOneSecret()
    {
        var (services, other) = await StartAsync();
        var spec = Execution();
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() => (i % 2 == 0 ? _executor : other).Submit(spec, default))));
        Assert.Equal((1, 1), (_cluster.Count("jobs"), _cluster.Count("secrets")));
        await ExecutorWorld.StopAsync(services);
    }

    [Fact]
    public async Task Throttling_AStormOfIt_LosesNothingAndIsNotAnsweredWithAStorm()
    {
        await UntilAsync(() => _cluster.Requests.GetValueOrDefault("GET pods watch") > 0 && _cluster.Requests.GetValueOrDefault("GET jobs watch") > 0);
        _cluster.CutWatches();
        _cluster.TooMany = 100;
        var specs = Enumerable.Range(0, 20).Select(_ => Execution()).ToList();
        foreach (var spec in specs)
        {
            await RetryAsync(() => _executor.Submit(spec, default));
        }

        Assert.Equal((20, 20), (_cluster.Count("jobs"), _cluster.Count("secrets")));
        await UntilAsync(specs[^1], s => s.WaitingFor is not null);
        var began = _agenda.GetUtcNow();
        _cluster.CutWatches();
        var before = Lists();
        _cluster.TooMany = 40;
        await UntilAsync(() => _cluster.TooMany <= 0 || _agenda.GetUtcNow() - began > TimeSpan.FromMinutes(2));
        // At a second apart and slower, whatever the server says to all the others.
        Assert.InRange(Lists() - before, 0, 2 + (2 * (int)(_agenda.GetUtcNow() - began).TotalSeconds));
        _cluster.TooMany = 0;
        _cluster.Remove("jobs", specs[0].Worker.ExternalName);
        await UntilAsync(specs[0], s => !s.StillPresent);

        int Lists() => _cluster.Requests.Where(r => r.Key.StartsWith("GET jobs", StringComparison.Ordinal) || r.Key.StartsWith("GET pods", StringComparison.Ordinal)).Sum(r => r.Value);
    }

    [Fact]
    public async Task ApiServer_AwayForAMinute_IsWaitedForAndWhatHappenedMeanwhileIsSeen()
    {
        var (stays, goes) = (Execution(), Execution());
        foreach (var spec in new[] { stays, goes })
        {
            await _executor.Submit(spec, default);
            await UntilAsync(spec, s => s.WaitingFor?.Contains(Absent, StringComparison.Ordinal) == true);
        }

        await _cluster.GoAwayAsync();
        var back = _agenda.GetUtcNow() + TimeSpan.FromMinutes(1);
        var refused = await Assert.ThrowsAsync<ExecutorException>(() => _executor.Submit(Execution(), default));
        Assert.True(refused.IsTransient);
        // The cluster lives on: one of the two is taken away while nobody sees it.
        _cluster.Remove("pods", _cluster.Store.List("pods", "ci").Single(p => p.Name().StartsWith(goes.Worker.ExternalName, StringComparison.Ordinal)).Name());
        _cluster.Remove("jobs", goes.Worker.ExternalName);
        while (_agenda.GetUtcNow() < back)
        {
            var meanwhile = await _executor.Status(Given.Handle(stays), default);
            Assert.Equal((Status.Submitted, true), (meanwhile.Status, meanwhile.StillPresent));
            await PassAsync();
        }

        _cluster.Forget();
        await _cluster.ComeBackAsync();
        var end = await UntilAsync(goes, s => !s.StillPresent);
        Assert.Equal(Status.Failed, end.Status);
        Assert.Equal(Status.Submitted, (await UntilAsync(stays, s => s.StillPresent)).Status);
        await RetryAsync(() => _executor.Submit(Execution(), default));
        Assert.Equal(2, _cluster.Count("jobs"));
    }

    [Fact]
    public async Task ApiServer_AwayLongerThanADeadline_NothingIsJudgedByWhatWasSeenBefore()
    {
        await ExecutorWorld.StopAsync(_services);
        (_services, _executor) = await StartAsync(imagePull: TimeSpan.FromHours(1));
        var spec = Execution();
        await _executor.Submit(spec, default);
        await UntilAsync(spec, s => s.WaitingFor?.Contains(Absent, StringComparison.Ordinal) == true);
        await _cluster.GoAwayAsync();
        var informer = _services.GetRequiredService<Informer>();
        await UntilAsync(() => informer.BlindSince is not null);
        _agenda.Pass(TimeSpan.FromHours(2));
        Assert.Equal(Status.Submitted, (await _executor.Status(Given.Handle(spec), default)).Status);
        await _cluster.ComeBackAsync();
        var end = await UntilAsync(spec, s => s.Status.IsTerminal());
        Assert.Equal(Reason.ImagePull, end.Reason);
        await UntilAsync(() => informer.BlindSince is null);
    }

    [Fact]
    public async Task Watch_ThatBreaks_GoesOnWithoutTellingThePastAgain()
    {
        var spec = Execution();
        await _executor.Submit(spec, default);
        await UntilAsync(spec, s => s.WaitingFor?.Contains(Absent, StringComparison.Ordinal) == true);
        var (seen, cache) = (new List<long>(), _services.GetRequiredService<WorkerCache>());
        cache.Changed += name =>
        {
            lock (seen)
            {
                seen.Add(Version(cache.Find(name)?.Pod?.Metadata.ResourceVersion));
            }
        };
        var last = Version(cache.Find(spec.Worker.ExternalName)!.Pod!.Metadata.ResourceVersion);
        var watches = _cluster.Requests["GET pods watch"];
        _cluster.CutWatches();
        await UntilAsync(() => _cluster.Requests["GET pods watch"] > watches);
        _cluster.Remove("jobs", spec.Worker.ExternalName);
        await UntilAsync(() => cache.Find(spec.Worker.ExternalName) is { HasPod: false });
        lock (seen)
        {
            Assert.All(seen, v => Assert.InRange(v, last, long.MaxValue));
        }

        static long Version(string? text) => long.Parse(text!, System.Globalization.CultureInfo.InvariantCulture);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Watch_ThatIsTornOrFallsSilent_IsTakenUpAgain(bool silent)
    {
        var spec = Execution();
        await _executor.Submit(spec, default);
        await UntilAsync(spec, s => s.WaitingFor?.Contains(Absent, StringComparison.Ordinal) == true);
        if (silent)
        {
            _cluster.MuteWatches();
        }
        else
        {
            _cluster.CutWatches(torn: true);
        }

        _cluster.Remove("pods", _cluster.Store.List("pods", "ci").Single().Name());
        _cluster.Remove("jobs", spec.Worker.ExternalName);
        var began = _agenda.GetUtcNow();
        await UntilAsync(spec, s => !s.StillPresent);
        Assert.InRange(_agenda.GetUtcNow() - began, TimeSpan.Zero, TimeSpan.FromMinutes(silent ? 30 : 5));
    }

    private static ExecutionSpec Execution(string image = Absent) =>
        Given.Execution(Given.Worker(Given.Step(0, "compile", image: image)) with { JobId = JobId.New(TimeProvider.System) });

    /// <summary>With a runner whose part is done at once.</summary>
    private Task<(ServiceProvider Services, IWorkerExecutor Executor)> StartAsync(TimeSpan? imagePull = null) => _world.StartAsync(_cluster, _agenda, o =>
    {
        (o.RunnerImage, o.RunnerCommand) = ("runner:local", ["sh", "-c", "true"]);
        // The cluster's time may run ahead of a slow machine.
        (o.ImagePullTimeout, o.PendingTimeout, o.SweepPeriod) = (imagePull ?? Ages, Ages, Ages);
    });

    private void Quota(string resource, string hard)
    {
        _cluster.Store.RemoveAnywhere("resourcequotas", "few");
        _cluster.Writing.Create(Kind.Of("resourcequotas"), "ci", new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ResourceQuota",
            ["metadata"] = new JsonObject { ["name"] = "few" },
            ["spec"] = new JsonObject { ["hard"] = new JsonObject { [resource] = hard } },
        });
    }

    private Task RetryAsync(Func<Task> action) => UntilAsync(async () =>
    {
        try
        {
            await action();
            return true;
        }
        catch (ExecutorException e) when (e.IsTransient)
        {
            return false;
        }
    });

    private async Task<ExecutionStatus> UntilAsync(ExecutionSpec spec, Func<ExecutionStatus, bool> condition)
    {
        ExecutionStatus last = null!;
        await UntilAsync(async () =>
        {
            try
            {
                return condition(last = await _executor.Status(Given.Handle(spec), default));
            }
            catch (ExecutorException e) when (e.IsTransient)
            {
                return false;
            }
        });
        return last;
    }

    private Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    /// <summary>The cluster's time passes a little with each look; that answers arrive takes real time.</summary>
    private async Task UntilAsync(Func<Task<bool>> condition)
    {
        var start = TimeProvider.System.GetTimestamp();
        do
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, "It did not get there.");
            await PassAsync();
        }
        while (!await condition());
    }

    private async Task PassAsync()
    {
        _agenda.Step();
        await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
    }
}
