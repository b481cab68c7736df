using System.Globalization;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>What a cluster's controllers share: its objects, its clock, and how they record events.</summary>
internal sealed class World(Store store, Writing writing, Deleting deleting, PodLogs logs, ClusterTime time)
{
    private int _events;

    public Store Store => store;

    public Writing Writing => writing;

    public Deleting Deleting => deleting;

    public PodLogs Logs => logs;

    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>Writes what the kubelet knows of a pod, if that still exists.</summary>
    public void Publish(PodLife life)
    {
        if (store.Find(life.Key) is { } pod)
        {
            pod["status"] = life.Status(pod["status"], Now);
            store.Save("pods", pod);
        }
    }

    public void After(TimeSpan delay, Action action) =>
        time.After(
            delay,
            () =>
            {
                lock (store.Gate)
                {
                    action();
                }
            }
        );

    public void After(int milliseconds, Action action) => After(TimeSpan.FromMilliseconds(milliseconds), action);

    public IReadOnlyList<JsonObject> Owned(string kind, string uid) =>
        [.. store.List(kind, null).Where(o => o.Items("metadata", "ownerReferences").Any(r => r.Text("uid") == uid))];

    /// <summary>Records an event about an object, or about one of its containers.</summary>
    public void Say(JsonObject about, string component, string type, string reason, string message, string? container = null)
    {
        var involved = new JsonObject
        {
            ["kind"] = about.Text("kind"),
            ["namespace"] = about.Text("metadata", "namespace"),
            ["name"] = about.Name(),
            ["uid"] = about.Text("metadata", "uid"),
            ["apiVersion"] = about.Text("apiVersion"),
        };
        if (container is not null)
        {
            involved["fieldPath"] = container;
        }

        store.Save(
            "events",
            new()
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Event",
                ["metadata"] = new JsonObject
                {
                    ["name"] = string.Create(CultureInfo.InvariantCulture, $"{about.Name()}.{++_events:x16}"),
                    ["namespace"] = about.Text("metadata", "namespace"),
                    ["creationTimestamp"] = Json.Time(Now),
                },
                ["involvedObject"] = involved,
                ["type"] = type,
                ["reason"] = reason,
                ["message"] = message,
                ["source"] = new JsonObject { ["component"] = component },
                ["count"] = 1,
                ["firstTimestamp"] = Json.Time(Now),
                ["lastTimestamp"] = Json.Time(Now),
            }
        );
    }
}
