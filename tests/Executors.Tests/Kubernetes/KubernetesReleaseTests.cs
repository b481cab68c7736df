using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// What becomes of workers whose job attempt is over: at once, after a while for inspection, or when somebody finds them.
/// </summary>
public sealed class KubernetesReleaseTests : ClusterAtWork
{
    /// <summary>A runner's report comes before the cluster has seen its container end.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Release_WithKeepFinished_KeepsAJobThatFinishesByItself(bool seen)
    {
        await RestartAsync(o => o.KeepFinished = TimeSpan.FromMinutes(10), script: "sleep 5");
        var spec = Execution("alpine:local");
        await Executor.Submit(spec, default);
        await UntilAsync(spec, s => seen ? s.Status.IsTerminal() : s.WaitingFor == WaitReason.Runner);
        Assert.Null(Cluster.Get("jobs", spec.Worker.ExternalName).Number("spec", "ttlSecondsAfterFinished"));
        await Executor.Release(spec.Worker.JobId, spec.Worker.Attempt, default);
        Assert.Equal(600, Cluster.Get("jobs", spec.Worker.ExternalName).Number("spec", "ttlSecondsAfterFinished"));
        World.Orphans.Add(spec.Worker.JobId);
        await UntilAsync(() => Cluster.Get("jobs", spec.Worker.ExternalName) is { } job && JobStatus.IsFinished(job));
        Agenda.Pass(TimeSpan.FromMinutes(9));
        Assert.False(Cluster.Get("jobs", spec.Worker.ExternalName)!.IsDeleting());
        Agenda.Pass(TimeSpan.FromMinutes(2));
        await UntilAsync(() => Cluster.Count("jobs") + Cluster.Count("pods") + Cluster.Count("secrets") == 0);
    }

    [Theory]
    [InlineData(Absent, "sleep 5")]
    [InlineData("alpine:local", "sleep 100000")]
    public async Task Release_WithKeepFinished_DeletesAJobThatDoesNotFinish(string image, string script)
    {
        await RestartAsync(o => (o.KeepFinished, o.SweepPeriod) = (TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(1)), script: script);
        var spec = Execution(image);
        await Executor.Submit(spec, default);
        await UntilAsync(
            spec,
            s => s.WaitingFor?.Describe().Contains(image == Absent ? Absent : "its runner to claim it", StringComparison.Ordinal) == true
        );
        World.Orphans.Add(spec.Worker.JobId);
        await Executor.Release(spec.Worker.JobId, spec.Worker.Attempt, default);
        await UntilAsync(() => Cluster.Count("jobs") + Cluster.Count("pods") + Cluster.Count("secrets") == 0);
    }

    [Fact]
    public async Task Sweep_AsksTheOwner_RemovesAndCountsOrphansOnly()
    {
        var counted = new ConcurrentBag<(long Count, string? Executor)>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter.Name == WorkerSweep.MeterName && instrument.Name == WorkerSweep.OrphansName)
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>(
            (_, count, tags, _) => counted.Add((count, tags.ToArray().FirstOrDefault(t => t.Key == "executor").Value as string))
        );
        listener.Start();
        var (needed, unanswered, orphan, unknown, alone) = (
            Execution("alpine:local"),
            Execution("alpine:local"),
            Execution("alpine:local"),
            Execution("alpine:local"),
            Execution("alpine:local")
        );
        await RestartAsync(o => o.SweepPeriod = TimeSpan.FromSeconds(10), script: "sleep 100000");
        World.Unanswered.Add(unanswered.Worker.JobId);
        foreach (var spec in new[] { needed, unanswered, orphan, unknown, alone })
        {
            await Executor.Submit(spec, default);
            await UntilAsync(spec, s => s.WaitingFor == WaitReason.Runner);
        }

        // A pod without its Job, as after a delete without a propagation policy.
        Cluster.Deleting.Delete(Kind.Of("jobs"), "ci", alone.Worker.ExternalName, new JsonObject { ["propagationPolicy"] = "Orphan" });
        await UntilAsync(() => Cluster.Get("jobs", alone.Worker.ExternalName) is null);
        World.Orphans.Add(orphan.Worker.JobId);
        World.Orphans.Add(alone.Worker.JobId);
        World.Unknown.Add(unknown.Worker.JobId);
        await UntilAsync(() => Cluster.Count("jobs") == 2 && Cluster.Count("pods") == 2 && Cluster.Count("secrets") == 2);
        for (var end = Agenda.GetUtcNow() + TimeSpan.FromSeconds(60); Agenda.GetUtcNow() < end; )
        {
            await PassAsync();
        }

        Assert.All(new[] { needed, unanswered }, s => Assert.False(Cluster.Get("jobs", s.Worker.ExternalName)!.IsDeleting()));
        // Other tests sweep at the same time, of other executors.
        Assert.Contains((1L, "kubernetes"), counted);
        Assert.InRange(counted.Where(c => c.Executor == "kubernetes").Sum(c => c.Count), 3, long.MaxValue);
    }

    /// <summary>The Secret comes a moment after the Job: the kubelet tries its mount again.</summary>
    [Fact]
    public async Task Secret_CreatedLate_IsWaitedForByThePod()
    {
        await RestartAsync(_ => { }, script: "exit 3");
        var (asked, late) = (new TaskCompletionSource(), new TaskCompletionSource());
        Cluster.Before = request =>
        {
            if (request != "POST secrets")
            {
                return Task.CompletedTask;
            }

            asked.TrySetResult();
            return late.Task;
        };
        var spec = Execution("alpine:local");
        var submit = Executor.Submit(spec, default);
        await asked.Task;
        Agenda.Pass(TimeSpan.FromMilliseconds(1500));
        await UntilAsync(() => Cluster.Store.List("pods", "ci").SingleOrDefault()?.Text("spec", "nodeName") is not null);
        Assert.Equal("Pending", Cluster.Store.List("pods", "ci").Single().Text("status", "phase"));
        late.SetResult();
        await submit;
        Assert.Equal(Reason.ExitCode, (await UntilAsync(spec, s => s.Status.IsTerminal())).Reason);
    }
}
