using System.Security.Cryptography;

namespace Shipinator.KubernetesBattery;

/// <summary>The cluster through kubectl, in a namespace of the battery's own.</summary>
internal sealed class Cluster(string kubeconfig)
{
    public string Namespace { get; } = "shipinator-e2e-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));

    public string Kubeconfig => kubeconfig;

    public async Task CreateNamespaceAsync(bool restricted)
    {
        await KubectlAsync("create", "namespace", Namespace);
        // No pod can be made before a controller has given it its account.
        await Until.TrueAsync(async () => (await AsyncIn("get", "serviceaccount", "default", "--ignore-not-found", "--output", "name")).Length > 0, TimeSpan.FromSeconds(60), "the namespace's service account");
        if (restricted)
        {
            await KubectlAsync("label", "namespace", Namespace, "pod-security.kubernetes.io/enforce=restricted");
        }
    }

    public Task DeleteNamespaceAsync() => KubectlAsync("delete", "namespace", Namespace, "--wait=true", "--timeout=120s", "--ignore-not-found");

    /// <summary>In the namespace. Errors: <see cref="BatteryException"/>.</summary>
    public Task<string> AsyncIn(params string[] arguments) => KubectlAsync(["--namespace", Namespace, .. arguments]);

    public Task ApplyAsync(string manifest) =>
        Tool.RunAsync("kubectl", ["--kubeconfig", kubeconfig, "--namespace", Namespace, "apply", "--filename", "-"], input: manifest);

    public Task EvictAsync(string pod) => Tool.RunAsync(
        "kubectl",
        ["--kubeconfig", kubeconfig, "create", "--raw", $"/api/v1/namespaces/{Namespace}/pods/{pod}/eviction", "--filename", "-"],
        input: $$$"""{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"{{{pod}}}","namespace":"{{{Namespace}}}"},"deleteOptions":{"gracePeriodSeconds":1}}""");

    /// <summary>A <c>jsonpath</c> of a run's Jobs or pods.</summary>
    public Task<string> AboutAsync(string kind, string run, string path) => AsyncIn("get", kind, "--selector", $"shipinator.io/run-id={run}", "--output", "jsonpath=" + path);

    /// <summary>The names of a run's Jobs or pods.</summary>
    public async Task<string[]> NamesAsync(string kind, string run) =>
        (await AsyncIn("get", kind, "--selector", $"shipinator.io/run-id={run}", "--output", "jsonpath={.items[*].metadata.name}"))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private Task<string> KubectlAsync(params string[] arguments) => Tool.RunAsync("kubectl", ["--kubeconfig", kubeconfig, .. arguments]);
}
