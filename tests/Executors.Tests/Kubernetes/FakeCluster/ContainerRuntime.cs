using System.Text;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Runs containers as <see cref="Shell"/> predicts from their commands, variables and Secrets.</summary>
internal sealed class ContainerRuntime(World world)
{
    /// <summary>Starts a container, or fails; its output appears at the predicted times.</summary>
    public void Start(PodLife life, ContainerLife container)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (
            var data in container
                .Spec.Items("envFrom")
                .Select(e => e.Text("secretRef", "name"))
                .OfType<string>()
                .Select(s => Find(life, s)!["data"]!.AsObject())
        )
        {
            data.ToList().ForEach(d => variables[d.Key] = Decode(d.Value));
        }

        foreach (var mount in container.Spec.Items("volumeMounts"))
        {
            var volume = life.Pod.Items("spec", "volumes").FirstOrDefault(v => v.Text("name") == mount.Text("name"));
            if (volume.Text("secret", "secretName") is { } secret)
            {
                Find(life, secret)!["data"]!
                    .AsObject()
                    .ToList()
                    .ForEach(d => life.Files[$"{mount.Text("mountPath")}/{d.Key}"] = Decode(d.Value));
            }
        }

        container.StartedAt = world.Now;
        container.Course = new Shell(variables, life.Files, container.Spec.At("resources", "limits", "memory") is not null).Run([
            .. (container.Spec["command"] ?? container.Spec["args"])!.AsArray().Select(c => (string)c!),
        ]);
        foreach (var (at, text) in container.Course.Said)
        {
            world.After(
                at,
                () =>
                {
                    if (at == TimeSpan.Zero || container.IsRunning)
                    {
                        world.Logs.Write(life.Key.Namespace, life.Key.Name, container.Name, text);
                    }
                }
            );
        }

        Say(
            life,
            container,
            "Normal",
            "Pulled",
            $"Container image \"{container.Image}\" already present on machine and can be accessed by the pod"
        );
        Say(life, container, "Normal", "Created", "Container created");
        if (container.Course.StartError is { } error)
        {
            container.End(128, "StartError", world.Now, error);
            Say(life, container, "Warning", "Failed", $"Error: {error}");
        }
        else
        {
            container.Run();
            Say(life, container, "Normal", "Started", "Container started");
        }
    }

    private void Say(PodLife life, ContainerLife container, string type, string reason, string message) =>
        world.Say(life.Pod, "kubelet", type, reason, message, container.Path);

    /// <summary>The sources of a container's variables.</summary>
    public static IEnumerable<string> Secrets(ContainerLife container) =>
        container.Spec.Items("envFrom").Select(e => e.Text("secretRef", "name")).OfType<string>();

    /// <summary>The sources of a pod's volumes.</summary>
    public static IEnumerable<string> Volumes(PodLife life) =>
        life.Pod.Items("spec", "volumes").Select(v => v.Text("secret", "secretName")).OfType<string>();

    /// <summary>A Secret of the pod's namespace.</summary>
    public JsonObject? Find(PodLife life, string secret) => world.Store.Find(new("secrets", life.Key.Namespace, secret));

    private static string Decode(JsonNode? data) => Encoding.UTF8.GetString(Convert.FromBase64String((string)data!));
}
