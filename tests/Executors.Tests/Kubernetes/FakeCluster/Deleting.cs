using System.Globalization;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// Deletion of objects: at once, after a grace period, or when their finalizers are removed. Deleting dependents is the
/// garbage collector's task.
/// </summary>
internal sealed class Deleting(Store store, TimeProvider time, bool hasControllers)
{
    /// <summary>The response: the object while it still exists, otherwise a <c>Status</c>.</summary>
    public JsonObject Delete(Kind kind, string? @namespace, string name, JsonObject options)
    {
        JsonObject answer;
        lock (store.Gate)
        {
            var found = store.Find(Writing.Key(kind, @namespace, name)) ?? throw Refusal.NotFound(kind, name);
            CheckPreconditions(kind, found, options);
            var policy = options.Text("propagationPolicy") ?? (kind.Name == "Job" ? "Orphan" : "Background");
            switch (kind.Name, policy)
            {
                case ("Namespace", _):
                    Mark(found, null);
                    found["status"] = new JsonObject { ["phase"] = "Terminating" };
                    answer = store.Save(kind.Plural, found);
                    break;
                case ("Pod", _):
                    answer = DeletePod(found, options.Number("gracePeriodSeconds"));
                    break;
                case (_, "Foreground") when kind.Name == "Job" || hasControllers:
                    answer = Hold(kind, found, "foregroundDeletion");
                    break;
                case (_, "Orphan") when hasControllers:
                    answer = Hold(kind, found, "orphan");
                    break;
                default:
                    store.Remove(Writing.Key(kind, @namespace, name));
                    var details = kind.Details(name);
                    details["uid"] = found.Text("metadata", "uid");
                    answer = new()
                    {
                        ["kind"] = "Status",
                        ["apiVersion"] = "v1",
                        ["metadata"] = new JsonObject(),
                        ["status"] = "Success",
                        ["details"] = details,
                    };
                    break;
            }
        }

        return answer;
    }

    /// <summary>Marks the object as being deleted; a pod keeps running for its grace period.</summary>
    public JsonObject DeletePod(JsonObject pod, long? grace = null)
    {
        grace =
            pod.Text("spec", "nodeName") is null || pod.Text("status", "phase") is "Succeeded" or "Failed"
                ? 0
                : grace ?? pod.Number("spec", "terminationGracePeriodSeconds") ?? 30;
        if (!pod.IsDeleting())
        {
            Mark(pod, grace);
        }

        return Settle("pods", pod);
    }

    /// <summary>Evicts a pod: sets its condition, then deletes it.</summary>
    public void Evict(string @namespace, string name, long? grace = null)
    {
        lock (store.Gate)
        {
            var pod = store.Find(new("pods", @namespace, name)) ?? throw Refusal.NotFound(Kind.Of("pods"), name);
            if (pod.At("status", "conditions") is not JsonArray conditions)
            {
                pod["status"]!["conditions"] = conditions = [];
            }

            conditions.Add(
                new JsonObject
                {
                    ["type"] = "DisruptionTarget",
                    ["status"] = "True",
                    ["lastProbeTime"] = null,
                    ["lastTransitionTime"] = Json.Time(time.GetUtcNow()),
                    ["reason"] = "EvictionByEvictionAPI",
                    ["message"] = "Eviction API: evicting",
                }
            );
            DeletePod(store.Save("pods", pod), grace);
        }
    }

    /// <summary>Saves the object, or removes it when it has no finalizers. A pod on a node is held by its kubelet.</summary>
    public JsonObject Settle(string kind, JsonObject found)
    {
        lock (store.Gate)
        {
            if (
                found.IsDeleting()
                && found.Number("metadata", "deletionGracePeriodSeconds") == 0
                && found.Finalizers().Count == 0
                && found.Text("spec", "nodeName") is null
            )
            {
                store.Remove(new(kind, found.Text("metadata", "namespace") ?? "", found.Name()));
                return found;
            }

            return store.Save(kind, found);
        }
    }

    private JsonObject Hold(Kind kind, JsonObject found, string finalizer)
    {
        if (!found.IsDeleting())
        {
            Mark(found, 0);
        }

        found.SetFinalizers(found.Finalizers().Union([finalizer]));
        return store.Save(kind.Plural, found);
    }

    private void Mark(JsonObject found, long? grace)
    {
        var meta = found.Meta();
        meta["deletionTimestamp"] = Json.Time(time.GetUtcNow() + TimeSpan.FromSeconds(grace ?? 0));
        if (grace is not null)
        {
            meta["deletionGracePeriodSeconds"] = grace;
        }

        if (meta.Number("generation") is { } generation)
        {
            meta["generation"] = generation + 1;
        }
    }

    private static void CheckPreconditions(Kind kind, JsonObject found, JsonObject options)
    {
        foreach (
            var (field, name, why) in new[]
            {
                ("uid", "UID", "The object might have been deleted and then recreated"),
                ("resourceVersion", "ResourceVersion", "The object might have been modified"),
            }
        )
        {
            var (wanted, actual) = (options.Text("preconditions", field), found.Text("metadata", field));
            if (wanted is not null && wanted != actual)
            {
                throw new Refusal(
                    409,
                    "Conflict",
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"Operation cannot be fulfilled on {kind.QualifiedName} \"{found.Name()}\": the {name} in the "
                            + $"precondition ({wanted}) does not match the {name} in record ({actual}). {why}"
                    ),
                    kind.Details(found.Name(), kind.Name)
                );
            }
        }
    }
}
