using Shipinator.Client;

namespace Shipinator.KubernetesBattery;

/// <summary>What the cases need before they begin.</summary>
internal static class Setup
{
    /// <summary>A project with one repository; returns its manual pipeline.</summary>
    public static async Task<string> RegisterAsync(ShipinatorClient api, string name, string cloneUrl)
    {
        var project = await api.CreateProjectAsync(new() { Name = name });
        var repository = await api.CreateRepositoryAsync(project.Id, new() { VcsProvider = "git", CloneUrl = cloneUrl, DefaultBranch = "main", Executor = "kubernetes" });
        return (await api.SyncAsync(repository.Id)).Items.Single(p => p.TriggerType == "manual").Id;
    }

    /// <summary>A claim for the cache volume; which volume backs it is the storage class' matter.</summary>
    public static Task CacheClaimAsync(Cluster cluster, string storageClass) => cluster.ApplyAsync($$"""
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: { name: {{Battery.CacheClaim}} }
        spec:
          storageClassName: {{storageClass}}
          accessModes: [ReadWriteOnce]
          resources: { requests: { storage: 1Gi } }
        """);
}
