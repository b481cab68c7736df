using Microsoft.Extensions.DependencyInjection;
using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>An API server that is away, overloaded, or silent, and watches that break.</summary>
public sealed class KubernetesOutageTests : ClusterAtWork
{
    [Fact]
    public async Task Throttling_OfManyRequests_LosesNothingAndCausesNoRetryStorm()
    {
        await UntilAsync(() =>
            Cluster.Requests.GetValueOrDefault("GET pods watch") > 0 && Cluster.Requests.GetValueOrDefault("GET jobs watch") > 0
        );
        Cluster.CutWatches();
        Cluster.TooMany = 100;
        var specs = Enumerable.Range(0, 20).Select(_ => Execution()).ToList();
        foreach (var spec in specs)
        {
            await RetryAsync(() => Executor.Submit(spec, default));
        }

        Assert.Equal((20, 20), (Cluster.Count("jobs"), Cluster.Count("secrets")));
        await UntilAsync(specs[^1], s => s.WaitingFor is not null);
        var began = Agenda.GetUtcNow();
        Cluster.CutWatches();
        var before = Lists();
        Cluster.TooMany = 40;
        await UntilAsync(() => Cluster.TooMany <= 0 || Agenda.GetUtcNow() - began > TimeSpan.FromMinutes(2));
        // At a second apart and slower, whatever the server says to all the others.
        Assert.InRange(Lists() - before, 0, 2 + (2 * (int)(Agenda.GetUtcNow() - began).TotalSeconds));
        Cluster.TooMany = 0;
        Cluster.Remove("jobs", specs[0].Worker.ExternalName);
        await UntilAsync(specs[0], s => !s.StillPresent);

        int Lists() =>
            Cluster
                .Requests.Where(r =>
                    r.Key.StartsWith("GET jobs", StringComparison.Ordinal) || r.Key.StartsWith("GET pods", StringComparison.Ordinal)
                )
                .Sum(r => r.Value);
    }

    [Fact]
    public async Task ApiServer_AwayForAMinute_IsRetriedAndWhatHappenedMeanwhileIsSeen()
    {
        var (stays, goes) = (Execution(), Execution());
        foreach (var spec in new[] { stays, goes })
        {
            await Executor.Submit(spec, default);
            await UntilAsync(spec, s => s.WaitingFor?.Describe().Contains(Absent, StringComparison.Ordinal) == true);
        }

        await Cluster.GoAwayAsync();
        var back = Agenda.GetUtcNow() + TimeSpan.FromMinutes(1);
        var refused = await Assert.ThrowsAsync<ExecutorException>(() => Executor.Submit(Execution(), default));
        Assert.True(refused.IsTransient);
        // The cluster lives on: one of the two is removed while nobody sees it.
        Cluster.Remove(
            "pods",
            Cluster.Store.List("pods", "ci").Single(p => p.Name().StartsWith(goes.Worker.ExternalName, StringComparison.Ordinal)).Name()
        );
        Cluster.Remove("jobs", goes.Worker.ExternalName);
        while (Agenda.GetUtcNow() < back)
        {
            var meanwhile = await Executor.Status(Given.Handle(stays), default);
            Assert.Equal((Status.Submitted, true), (meanwhile.Status, meanwhile.StillPresent));
            await PassAsync();
        }

        Cluster.Forget();
        await Cluster.ComeBackAsync();
        var end = await UntilAsync(goes, s => !s.StillPresent);
        Assert.Equal(Status.Failed, end.Status);
        Assert.Equal(Status.Submitted, (await UntilAsync(stays, s => s.StillPresent)).Status);
        await RetryAsync(() => Executor.Submit(Execution(), default));
        Assert.Equal(2, Cluster.Count("jobs"));
    }

    [Fact]
    public async Task ApiServer_AwayLongerThanADeadline_DeadlinesStandStill()
    {
        await ExecutorWorld.StopAsync(Services);
        (Services, Executor) = await StartAsync(imagePull: TimeSpan.FromHours(1));
        var spec = Execution();
        await Executor.Submit(spec, default);
        await UntilAsync(spec, s => s.WaitingFor?.Describe().Contains(Absent, StringComparison.Ordinal) == true);
        await Cluster.GoAwayAsync();
        var informer = Services.GetRequiredService<Informer>();
        await UntilAsync(() => informer.OutageSince() is not null);
        Agenda.Pass(TimeSpan.FromHours(2));
        Assert.Equal(Status.Submitted, (await Executor.Status(Given.Handle(spec), default)).Status);
        await Cluster.ComeBackAsync();
        var end = await UntilAsync(spec, s => s.Status.IsTerminal());
        Assert.Equal(Reason.ImagePull, end.Reason);
        await UntilAsync(() => informer.OutageSince() is null);
    }

    [Fact]
    public async Task Watch_ThatBreaks_ResumesWithoutRepeatingOldEvents()
    {
        var spec = Execution();
        await Executor.Submit(spec, default);
        await UntilAsync(spec, s => s.WaitingFor?.Describe().Contains(Absent, StringComparison.Ordinal) == true);
        var (seen, cache) = (new List<long>(), Services.GetRequiredService<WorkerCache>());
        cache.Changed += name =>
        {
            lock (seen)
            {
                seen.Add(Version(cache.Find(name)?.Pod?.Metadata.ResourceVersion));
            }
        };
        var last = Version(cache.Find(spec.Worker.ExternalName)!.Pod!.Metadata.ResourceVersion);
        var watches = Cluster.Requests["GET pods watch"];
        Cluster.CutWatches();
        await UntilAsync(() => Cluster.Requests["GET pods watch"] > watches);
        Cluster.Remove("jobs", spec.Worker.ExternalName);
        await UntilAsync(() => cache.Find(spec.Worker.ExternalName) is { HasPod: false });
        lock (seen)
        {
            Assert.All(seen, v => Assert.InRange(v, last, long.MaxValue));
        }

        static long Version(string? text) => long.Parse(text!, System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Watch_CutTogetherWithItsHistory_IsReplacedByAList()
    {
        var spec = Execution();
        await Executor.Submit(spec, default);
        await UntilAsync(spec, s => s.WaitingFor?.Describe().Contains(Absent, StringComparison.Ordinal) == true);
        var (pods, jobs) = (Cluster.Requests["GET pods"], Cluster.Requests["GET jobs"]);
        // Both are gone before any handler of a watch notices that it was cut.
        lock (Cluster.Store.Gate)
        {
            Cluster.Forget();
            Cluster.Remove("pods", Cluster.Store.List("pods", "ci").Single().Name());
            Cluster.Remove("jobs", spec.Worker.ExternalName);
        }

        await UntilAsync(spec, s => !s.StillPresent);
        Assert.InRange(Cluster.Requests["GET pods"], pods + 1, int.MaxValue);
        Assert.InRange(Cluster.Requests["GET jobs"], jobs + 1, int.MaxValue);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Watch_TornOrSilent_IsRestarted(bool silent)
    {
        var spec = Execution();
        await Executor.Submit(spec, default);
        await UntilAsync(spec, s => s.WaitingFor?.Describe().Contains(Absent, StringComparison.Ordinal) == true);
        if (silent)
        {
            Cluster.MuteWatches();
        }
        else
        {
            Cluster.CutWatches(torn: true);
        }

        Cluster.Remove("pods", Cluster.Store.List("pods", "ci").Single().Name());
        Cluster.Remove("jobs", spec.Worker.ExternalName);
        var began = Agenda.GetUtcNow();
        await UntilAsync(spec, s => !s.StillPresent);
        Assert.InRange(Agenda.GetUtcNow() - began, TimeSpan.Zero, TimeSpan.FromMinutes(silent ? 30 : 5));
    }
}
