using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Namespaces that demand something, several of them, and several installations in one.</summary>
public sealed class KubernetesNamespaceTests : ClusterAtWork
{
    [Fact]
    public async Task Namespace_WithTheRestrictedStandard_AllowsPodsWithoutRootAndExplainsRefusals()
    {
        var found = Cluster.Store.Find(new("namespaces", "", "ci"))!;
        found["metadata"]!["labels"]!["pod-security.kubernetes.io/enforce"] = "restricted";
        Cluster.Store.Save("namespaces", found);
        var refused = WithService();
        await Executor.Submit(refused, default);
        var end = await UntilAsync(refused, s => s.Status.IsTerminal());
        Assert.Equal(Reason.ConfigError, end.Reason);
        Assert.Contains("violates PodSecurity \"restricted:latest\"", end.Detail, StringComparison.Ordinal);
        Assert.Contains("Set Shipinator:Kubernetes:RunAsNonRoot", end.Detail, StringComparison.Ordinal);

        await RestartAsync(o => (o.RunAsNonRoot, o.RunAsUser) = (true, 1000));
        var taken = WithService();
        await Executor.Submit(taken, default);
        await UntilAsync(taken, s => s.WaitingFor == WaitReason.Service("db"));
    }

    [Fact]
    public async Task Namespace_WithAQuotaOfLimits_AllowsPodsWithLimits()
    {
        Cluster.Writing.Create(
            Kind.Of("resourcequotas"),
            "ci",
            new()
            {
                ["apiVersion"] = "v1",
                ["kind"] = "ResourceQuota",
                ["metadata"] = new JsonObject { ["name"] = "demands" },
                ["spec"] = new JsonObject
                {
                    ["hard"] = new JsonObject
                    {
                        ["limits.cpu"] = "100",
                        ["limits.memory"] = "100Gi",
                        ["requests.cpu"] = "100",
                        ["requests.memory"] = "100Gi",
                    },
                },
            }
        );
        var refused = WithService();
        await Executor.Submit(refused, default);
        var end = await UntilAsync(refused, s => s.Status.IsTerminal());
        Assert.Equal(Reason.ConfigError, end.Reason);
        Assert.Contains("must specify limits.cpu for: prepare,svc-db,s0", end.Detail, StringComparison.Ordinal);
        Assert.Contains("LimitEveryContainer", end.Detail, StringComparison.Ordinal);

        await RestartAsync(o => (o.LimitEveryContainer, o.DefaultCpu, o.DefaultMemory) = (true, "1", "1Gi"));
        var taken = WithService();
        await Executor.Submit(taken, default);
        await UntilAsync(taken, s => s.WaitingFor == WaitReason.Service("db"));
    }

    [Fact]
    public async Task Namespaces_OfProjects_HaveTheirOwnJobs_AndAMissingOneAffectsNoOther()
    {
        var (shop, gone) = (ProjectId.New(TimeProvider.System), ProjectId.New(TimeProvider.System));
        Cluster.Writing.Create(
            Kind.Of("namespaces"),
            null,
            new()
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Namespace",
                ["metadata"] = new JsonObject { ["name"] = "ci-shop" },
            }
        );
        await RestartAsync(o =>
        {
            o.ProjectNamespaces[shop.ToString()] = "ci-shop";
            o.ProjectNamespaces[gone.ToString()] = "ci-gone";
        });
        var (usual, own, lost) = (Execution(), Execution(), Execution());
        own = own with { Worker = own.Worker with { ProjectId = shop } };
        lost = lost with { Worker = lost.Worker with { ProjectId = gone } };
        await Executor.Submit(usual, default);
        await Executor.Submit(own, default);
        var refused = await Assert.ThrowsAsync<ExecutorException>(() => Executor.Submit(lost, default));
        Assert.False(refused.IsTransient);
        Assert.Contains("Namespace ci-gone does not exist", refused.Message, StringComparison.Ordinal);
        await UntilAsync(usual, s => s.WaitingFor?.Describe().Contains(Absent, StringComparison.Ordinal) == true);
        await UntilAsync(own, s => s.WaitingFor?.Describe().Contains(Absent, StringComparison.Ordinal) == true);
        Assert.Equal(("ci", "ci-shop"), (Place(usual), Place(own)));
        await Executor.Cancel(Given.Handle(own), default);
        await UntilAsync(own, s => !s.StillPresent);
        Assert.Equal(1, Cluster.Count("jobs"));

        string? Place(ExecutionSpec spec) => Cluster.Get("jobs", spec.Worker.ExternalName).Text("metadata", "namespace");
    }

    /// <summary>Each sees its own alone, and takes nothing of the other's for an orphan.</summary>
    [Theory]
    [InlineData("other", "http://ship")]
    // By mistake: the same id. Then it is the job that is not known, and the address that is another's.
    [InlineData("shipinator", "http://other-ship")]
    public async Task Installations_InOneNamespace_DoNotTouchEachOthersJobs(string instance, string url)
    {
        var mine = Execution();
        await RestartAsync(o => o.SweepPeriod = TimeSpan.FromSeconds(10));
        await Executor.Submit(mine, default);
        var theirWorld = new ExecutorWorld { PublicUrl = new(url) };
        theirWorld.Unknown.Add(mine.Worker.JobId);
        var (services, theirs) = await theirWorld.StartAsync(
            Cluster,
            Agenda,
            o =>
            {
                (o.InstanceId, o.RunnerImage, o.RunnerCommand, o.SweepPeriod) = (
                    instance,
                    "runner:local",
                    ["sh", "-c", "true"],
                    TimeSpan.FromSeconds(10)
                );
            }
        );
        var other = Execution();
        World.Unknown.Add(other.Worker.JobId);
        await theirs.Submit(other, default);
        var orphan = Execution();
        World.Orphans.Add(orphan.Worker.JobId);
        await Executor.Submit(orphan, default);
        for (var end = Agenda.GetUtcNow() + TimeSpan.FromSeconds(60); Agenda.GetUtcNow() < end; )
        {
            await PassAsync();
        }

        await UntilAsync(() => Cluster.Get("jobs", orphan.Worker.ExternalName) is null);
        Assert.All(new[] { mine, other }, s => Assert.False(Cluster.Get("jobs", s.Worker.ExternalName)!.IsDeleting()));
        await ExecutorWorld.StopAsync(services);
    }

    private static ExecutionSpec WithService()
    {
        var spec = Execution("alpine:local");
        return spec with
        {
            Worker = spec.Worker with
            {
                Services = ImmutableSortedDictionary<string, ServicePlan>.Empty.Add(
                    "db",
                    new()
                    {
                        Image = "db:local",
                        Command = ["sh", "-c", "sleep 100000"],
                        ReadyTcp = 5432,
                    }
                ),
            },
        };
    }
}
