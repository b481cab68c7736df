using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A cancel stops executions in any state, gracefully, and is confirmed when nothing of them exists in the cluster.</summary>
public sealed class KubernetesCancelTests : ClusterAtWork
{
    public enum Moment
    {
        /// <summary>Not handed over yet.</summary>
        Unsubmitted,

        /// <summary>No node takes it.</summary>
        Pending,

        /// <summary>Its image is not there.</summary>
        Pulling,

        /// <summary>Its containers run.</summary>
        Running,

        /// <summary>Its container has ended, its pod and its Job have not.</summary>
        Finishing,
    }

    [Theory]
    [InlineData(Moment.Unsubmitted)]
    [InlineData(Moment.Pending)]
    [InlineData(Moment.Pulling)]
    [InlineData(Moment.Running)]
    [InlineData(Moment.Finishing)]
    public async Task Cancel_AtAnyMoment_IsGracefulAndConfirmedWhenNothingExists(Moment moment)
    {
        await ExecutorWorld.StopAsync(Services);
        (Services, Executor) = await StartAsync(script: moment == Moment.Finishing ? "exit 3" : "sleep 100000");
        var spec = Execution(moment == Moment.Pulling ? Absent : "alpine:local");
        if (moment == Moment.Pending)
        {
            spec = spec with { Worker = spec.Worker with { Steps = [spec.Worker.Steps[0] with { Resources = new("100", null) }] } };
        }

        var graces = new List<long?>();
        var states = new List<string>();
        Cluster.Store.Changed += change =>
        {
            if (change is { Key.Kind: "pods", Type: "MODIFIED" } && change.Object.IsDeleting())
            {
                graces.Add(change.Object.Number("metadata", "deletionGracePeriodSeconds"));
                states.Add(
                    change
                        .Object.Items("status", "containerStatuses")
                        .FirstOrDefault()
                        ?["state"]?.AsObject()
                        .Select(s => s.Key)
                        .FirstOrDefault()
                        ?? "none"
                );
            }
        };
        if (moment != Moment.Unsubmitted)
        {
            await Executor.Submit(spec, default);
            await UntilAsync(
                spec,
                s =>
                    moment switch
                    {
                        Moment.Pending => s.WaitingFor?.Describe().Contains("Insufficient cpu", StringComparison.Ordinal) == true,
                        Moment.Pulling => s.WaitingFor?.Describe().Contains(Absent, StringComparison.Ordinal) == true,
                        Moment.Running => s.WaitingFor == WaitReason.Runner,
                        _ => s.Status.IsTerminal(),
                    }
            );
        }

        await RetryAsync(() => Executor.Cancel(Given.Handle(spec), default));
        var early = moment == Moment.Unsubmitted ? null : await StatusAsync(spec);
        Assert.True(early is null or { StillPresent: true });
        await UntilAsync(async () =>
        {
            try
            {
                var status = await Executor.Status(Given.Handle(spec), default);
                // A status that says that it is gone is correct.
                Assert.True(status.StillPresent || Cluster.Count("jobs") + Cluster.Count("pods") == 0);
                return status.Status.IsTerminal() && !status.StillPresent;
            }
            catch (ExecutorException e) when (e.IsTransient)
            {
                return false;
            }
        });
        await UntilAsync(() => Cluster.Count("secrets") == 0);
        if (moment == Moment.Running)
        {
            // SIGTERM with a grace, and the container runs on in it.
            Assert.Equal(("running", 30L), (states[0], graces[0]!.Value));
        }
    }

    /// <summary>
    /// The API server is slow, the client gives up and the run is canceled; then the API server creates the Job after all.
    /// </summary>
    [Fact]
    public async Task Cancel_OfACreateThatTakesEffectLater_LeavesNothing()
    {
        await ExecutorWorld.StopAsync(Services);
        (Services, Executor) = await StartAsync(script: "sleep 100000", sweep: TimeSpan.FromSeconds(30));
        var (asked, late) = (new TaskCompletionSource(), new TaskCompletionSource());
        Cluster.Before = request =>
        {
            if (request != "POST jobs")
            {
                return Task.CompletedTask;
            }

            asked.TrySetResult();
            return late.Task;
        };
        var spec = Execution("alpine:local");
        var submit = Assert.ThrowsAsync<ExecutorException>(() => Executor.Submit(spec, default));
        await asked.Task;
        Assert.True((await submit).IsTransient);
        await RetryAsync(() => Executor.Cancel(Given.Handle(spec), default));
        var end = await UntilAsync(spec, s => !s.StillPresent);
        Assert.True(end.Status.IsTerminal());
        World.Orphans.Add(spec.Worker.JobId);

        late.SetResult();
        await UntilAsync(() => Cluster.Count("jobs") == 1);
        await UntilAsync(() => Cluster.Count("jobs") + Cluster.Count("pods") == 0);
    }

    /// <summary>A pod whose Job was deleted with policy Orphan keeps running: the executor must stop it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Pod_OfADeletedJob_IsStoppedByCancelAndByRelease(bool cancel)
    {
        await ExecutorWorld.StopAsync(Services);
        (Services, Executor) = await StartAsync(script: "sleep 100000");
        var spec = Execution("alpine:local");
        await Executor.Submit(spec, default);
        await UntilAsync(spec, s => s.WaitingFor == WaitReason.Runner);
        Cluster.Deleting.Delete(Kind.Of("jobs"), "ci", spec.Worker.ExternalName, new JsonObject { ["propagationPolicy"] = "Orphan" });
        await UntilAsync(() => Cluster.Count("jobs") == 0);
        Assert.Equal(1, Cluster.Count("pods"));
        Assert.Equal(Status.Submitted, (await StatusAsync(spec)).Status);
        if (cancel)
        {
            await UntilAsync(async () =>
            {
                await Executor.Cancel(Given.Handle(spec), default);
                return !(await Executor.Status(Given.Handle(spec), default)).StillPresent;
            });
        }
        else
        {
            await UntilAsync(async () =>
            {
                await Executor.Release(spec.Worker.JobId, spec.Worker.Attempt, default);
                return Cluster.Count("pods") == 0;
            });
        }

        Assert.Equal(0, Cluster.Count("pods"));
    }
}
