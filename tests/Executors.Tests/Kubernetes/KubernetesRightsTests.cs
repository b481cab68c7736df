using System.Text.Json.Nodes;
using k8s;
using k8s.Models;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// The Role of the documentation is what the executor needs, no more and no less: seen by an API server that notes each verb.
/// </summary>
public sealed class KubernetesRightsTests : ClusterAtWork
{
    private static string Docs => Path.Combine(Root(), "docs");

    [Fact]
    public async Task Role_InTheDocumentation_IsExactlyWhatTheExecutorUses()
    {
        await RestartAsync(o => (o.KeepFinished, o.SweepPeriod) = (TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(10)), script: "sleep 5");
        // To its end, and left for inspection.
        var kept = Execution("alpine:local");
        await Executor.Submit(kept, default);
        await UntilAsync(kept, s => s.Status.IsTerminal());
        await Executor.Release(kept.Worker.JobId, kept.Worker.Attempt, default);
        // Canceled, and asked for once more, by a server that has never seen it.
        var canceled = Execution();
        await Executor.Submit(canceled, default);
        await UntilAsync(canceled, s => s.WaitingFor?.Describe().Contains(Absent, StringComparison.Ordinal) == true);
        await Executor.Submit(canceled, default);
        await Executor.Cancel(Given.Handle(canceled), default);
        await UntilAsync(canceled, s => !s.StillPresent);
        await UntilAsync(Execution(), s => s.Reason == Reason.Lost);
        // Its Job removed by someone else, and its pod left.
        var orphaned = Execution();
        await Executor.Submit(orphaned, default);
        await UntilAsync(orphaned, s => s.WaitingFor?.Describe().Contains(Absent, StringComparison.Ordinal) == true);
        Cluster.Deleting.Delete(Kind.Of("jobs"), "ci", orphaned.Worker.ExternalName, new JsonObject { ["propagationPolicy"] = "Orphan" });
        World.Orphans.Add(orphaned.Worker.JobId);
        await UntilAsync(() => Cluster.Count("secrets") == 1 && Cluster.Count("pods") == 1);

        Assert.Equal(
            Granted(await File.ReadAllTextAsync(Path.Combine(Docs, "kubernetes-rbac.yaml"))),
            Cluster.Rights.Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public void Documentation_ShowsTheManifestFile()
    {
        var file = File.ReadAllText(Path.Combine(Docs, "kubernetes-rbac.yaml"));
        Assert.Contains(
            file[file.IndexOf("apiVersion", StringComparison.Ordinal)..],
            File.ReadAllText(Path.Combine(Docs, "kubernetes.md")),
            StringComparison.Ordinal
        );
        Assert.Equal(["Role", "RoleBinding"], KubernetesYaml.LoadAllFromString(file).OfType<IKubernetesObject>().Select(o => o.Kind));
    }

    private static IEnumerable<string> Granted(string yaml) =>
        KubernetesYaml
            .LoadAllFromString(yaml)
            .OfType<V1Role>()
            .Single()
            .Rules.SelectMany(r => r.ApiGroups.SelectMany(g => r.Resources.SelectMany(p => r.Verbs.Select(v => $"{g}/{p} {v}"))))
            .Order(StringComparer.Ordinal);

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Shipinator.sln")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }
}
