using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Creating and changing objects, as the API server's registry does.</summary>
internal sealed class Writing(Store store, TimeProvider time, bool anyNamespace)
{
    private const string Letters = "bcdfghjklmnpqrstvwxz2456789";
    private int _names;

    /// <summary>Five unused letters; the same sequence each time.</summary>
    public string Suffix()
    {
        var number = (Interlocked.Increment(ref _names) * 7_368_787L) % (27L * 27 * 27 * 27 * 27);
        return string.Create(
            5,
            number,
            (text, left) =>
            {
                foreach (ref var letter in text)
                {
                    (letter, left) = (Letters[(int)(left % Letters.Length)], left / Letters.Length);
                }
            }
        );
    }

    /// <summary>Creates an object for a controller or a client (POST, or PUT where allowed).</summary>
    public JsonObject Create(Kind kind, string? @namespace, JsonObject made, bool dryRun = false)
    {
        var given = made.Text("metadata", "namespace");
        if (given is not null && @namespace is not null && given != @namespace)
        {
            throw Refusal.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        }

        made["metadata"] ??= new JsonObject();
        var meta = made.Meta();
        if (meta.Text("name") is null && meta.Text("generateName") is { } prefix)
        {
            meta["name"] = prefix + Suffix();
        }

        lock (store.Gate)
        {
            var name = meta.Text("name") ?? "";
            if (kind.HasNamespace)
            {
                meta["namespace"] = @namespace;
            }

            meta.Remove("resourceVersion");
            meta["uid"] = Guid.CreateVersion7().ToString();
            meta["creationTimestamp"] = Json.Time(time.GetUtcNow());
            if (kind.Name is "Job" or "Pod")
            {
                meta["generation"] = 1;
            }

            Defaults.Apply(kind, made);
            if (kind.HasNamespace)
            {
                // The namespace and the name are checked before the content.
                if (store.Find(new("namespaces", "", @namespace!)) is not { } found || found.IsDeleting())
                {
                    Quotas.Check(store, kind, @namespace!, name, made, anyNamespace);
                }
            }

            Validation.Check(kind, made, before: null);
            if (kind.HasNamespace && store.Find(Key(kind, @namespace, name)) is null)
            {
                if (kind.Name == "Pod")
                {
                    PodAdmission.Admit(store, @namespace!, made);
                }

                Quotas.Check(store, kind, @namespace!, name, made, anyNamespace);
            }

            if (store.Find(Key(kind, @namespace, name)) is { } taken)
            {
                throw Refusal.Exists(kind, name, taken.IsDeleting());
            }

            return dryRun ? made : store.Save(kind.Plural, made);
        }
    }

    /// <summary>PUT: the version must be the latest; a missing Lease is created.</summary>
    public (int Code, JsonObject Object) Replace(Kind kind, string @namespace, string name, JsonObject made)
    {
        lock (store.Gate)
        {
            made["metadata"] ??= new JsonObject();
            made.Meta()["name"] ??= name;
            if (store.Find(Key(kind, @namespace, name)) is not { } before)
            {
                return kind.Name == "Lease" ? (201, Create(kind, @namespace, made)) : throw Refusal.NotFound(kind, name);
            }

            var version = made.Text("metadata", "resourceVersion");
            if (version is null && kind.Name == "Lease")
            {
                throw Refusal.Invalid(
                    $"{kind.Qualified} \"{name}\"",
                    kind.Details(name),
                    [Fault.Invalid("metadata.resourceVersion", "0", "must be specified for an update")]
                );
            }

            if (version is not null && version != before.Text("metadata", "resourceVersion"))
            {
                throw Refusal.Stale(kind, name);
            }

            return (200, Update(kind, before, made));
        }
    }

    /// <summary>A merge patch: nulls remove, objects are merged, other values replace.</summary>
    public JsonObject Patch(Kind kind, string @namespace, string name, JsonObject patch)
    {
        lock (store.Gate)
        {
            var before = store.Find(Key(kind, @namespace, name)) ?? throw Refusal.NotFound(kind, name);
            var made = before.Copy();
            Merge(made, patch);
            return Update(kind, before, made);
        }
    }

    public static ObjectKey Key(Kind kind, string? @namespace, string name) =>
        new(kind.Plural, kind.HasNamespace ? @namespace ?? "" : "", name);

    private JsonObject Update(Kind kind, JsonObject before, JsonObject made)
    {
        // Name, UID and status can't be changed here.
        foreach (
            var own in new[]
            {
                "name",
                "namespace",
                "uid",
                "creationTimestamp",
                "generation",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
            }
        )
        {
            if (before.At("metadata", own) is { } value)
            {
                made.Meta()[own] = value.DeepClone();
            }
        }

        if (before["status"] is { } status)
        {
            made["status"] = status.DeepClone();
        }

        Validation.Check(kind, made, before);
        if (kind.Name is "Job" or "Pod" && !JsonNode.DeepEquals(before["spec"], made["spec"]))
        {
            made.Meta()["generation"] = (before.Number("metadata", "generation") ?? 1) + 1;
        }

        return store.Save(kind.Plural, made);
    }

    private static void Merge(JsonObject found, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null)
            {
                found.Remove(name);
            }
            else if (value is JsonObject inner)
            {
                if (found[name] is not JsonObject deeper)
                {
                    found[name] = deeper = [];
                }

                Merge(deeper, inner);
            }
            else
            {
                found[name] = value.DeepClone();
            }
        }
    }
}
