using System.Security.Cryptography;

namespace Shipinator.KubernetesBattery;

/// <summary>The cluster, through kubectl, in a namespace of the battery's own.</summary>
internal sealed class Cluster(string kubeconfig)
{
    public string Namespace { get; } = "shipinator-e2e-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));

    public string Kubeconfig => kubeconfig;

    /// <summary>Whether there is a namespace to delete at the end.</summary>
    public bool IsMade { get; private set; }

    public async Task CreateNamespaceAsync(bool restricted)
    {
        await KubectlAsync("create", "namespace", Namespace);
        IsMade = true;
        // No pod can be created before a controller has created the service account.
        await Until.TrueAsync(
            async () => (await AsyncIn("get", "serviceaccount", "default", "--ignore-not-found", "--output", "name")).Length > 0,
            TimeSpan.FromSeconds(60),
            "the namespace's service account"
        );
        if (restricted)
        {
            await KubectlAsync("label", "namespace", Namespace, "pod-security.kubernetes.io/enforce=restricted");
        }
    }

    /// <summary>Deletes the namespace and waits until it is gone. Errors: <see cref="BatteryException"/>.</summary>
    public Task DeleteNamespaceAsync() =>
        Tool.RunAsync(
            "kubectl",
            ["--kubeconfig", kubeconfig, "delete", "namespace", Namespace, "--timeout=120s", "--ignore-not-found"],
            patience: TimeSpan.FromSeconds(150)
        );

    /// <summary>Runs kubectl in the namespace. Errors: <see cref="BatteryException"/>.</summary>
    public Task<string> AsyncIn(params string[] arguments) => KubectlAsync(["--namespace", Namespace, .. arguments]);

    public Task ApplyAsync(string manifest) => KubectlAsync(["--namespace", Namespace, "apply", "--filename", "-"], manifest);

    public Task EvictAsync(string pod) =>
        KubectlAsync(
            ["create", "--raw", $"/api/v1/namespaces/{Namespace}/pods/{pod}/eviction", "--filename", "-"],
            $$$"""
            {
              "apiVersion": "policy/v1",
              "kind": "Eviction",
              "metadata": { "name": "{{{pod}}}", "namespace": "{{{Namespace}}}" },
              "deleteOptions": { "gracePeriodSeconds": 1 }
            }
            """
        );

    /// <summary>Evaluates a <c>jsonpath</c> over a run's Jobs or pods.</summary>
    public Task<string> AboutAsync(string kind, string run, string path) =>
        AsyncIn("get", kind, "--selector", $"shipinator.io/run-id={run}", "--output", "jsonpath=" + path);

    /// <summary>The names of a run's Jobs or pods.</summary>
    public async Task<string[]> NamesAsync(string kind, string run) =>
        (await AsyncIn("get", kind, "--selector", $"shipinator.io/run-id={run}", "--output", "jsonpath={.items[*].metadata.name}")).Split(
            ' ',
            StringSplitOptions.RemoveEmptyEntries
        );

    private Task<string> KubectlAsync(params string[] arguments) => KubectlAsync(arguments, null);

    /// <summary>With a timeout: an API server that does not respond is an error.</summary>
    private Task<string> KubectlAsync(string[] arguments, string? input) =>
        Tool.RunAsync("kubectl", ["--kubeconfig", kubeconfig, "--request-timeout=30s", .. arguments], input: input);
}
