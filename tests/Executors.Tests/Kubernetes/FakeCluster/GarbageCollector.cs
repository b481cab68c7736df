using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Deletes dependents of deleted owners: after them, before them (foreground), or not at all (orphan).</summary>
internal sealed class GarbageCollector
{
    private static readonly string[] Kinds = ["pods", "secrets", "configmaps"];
    private readonly World _world;

    private GarbageCollector(World world) => _world = world;

    public static void Start(World world) => world.Store.Changed += new GarbageCollector(world).See;

    private void See(Change change)
    {
        var uid = change.Object.Text("metadata", "uid");
        if (change.Type == "DELETED")
        {
            if (uid is not null && !change.Object.Finalizers().Contains("orphan"))
            {
                _world.After(5, () => DeleteOwned(uid));
            }

            // Its owner may wait for this deletion.
            foreach (var owner in change.Object.Items("metadata", "ownerReferences"))
            {
                _world.After(1, () => Attend(new("jobs", change.Key.Namespace, owner.Text("name")!)));
            }
        }
        else if (change.Type == "ADDED" && Kinds.Contains(change.Key.Kind) && change.Object.Items("metadata", "ownerReferences").Any())
        {
            // Its owner may have been deleted before it was created.
            _world.After(1000, () => DeleteWhenAlone(change.Key));
        }
        else if (change.Object.IsDeleting() && change.Before?.IsDeleting() != true)
        {
            if (change.Key.Kind == "namespaces")
            {
                _world.After(1000, () => Empty(change.Key));
            }
            else if (change.Object.Finalizers().Count > 0)
            {
                _world.After(20, () => Attend(change.Key));
            }
        }
    }

    private void Attend(ObjectKey key)
    {
        if (_world.Store.Find(key) is not { } owner || !owner.IsDeleting())
        {
            return;
        }

        var uid = owner.Text("metadata", "uid")!;
        if (owner.Finalizers().Contains("orphan"))
        {
            foreach (var (kind, found) in Owned(uid))
            {
                found.Meta().Remove("ownerReferences");
                _world.Store.Save(kind, found);
            }

            _world.Store.Remove(key);
        }
        else if (owner.Finalizers().Contains("foregroundDeletion"))
        {
            DeleteOwned(uid);
            if (!Owned(uid).Any())
            {
                _world.Store.Remove(key);
            }
        }
    }

    private void DeleteOwned(string uid)
    {
        foreach (var (kind, found) in Owned(uid).ToList())
        {
            if (kind == "pods")
            {
                if (!found.IsDeleting())
                {
                    _world.Deleting.DeletePod(found);
                }
            }
            else
            {
                _world.Store.Remove(new(kind, found.Text("metadata", "namespace")!, found.Name()));
            }
        }
    }

    private void DeleteWhenAlone(ObjectKey key)
    {
        if (
            _world.Store.Find(key) is { } found
            && !found.IsDeleting()
            && found.Items("metadata", "ownerReferences").ToList() is { Count: > 0 } owners
            && owners.All(r => _world.Store.Find(new("jobs", key.Namespace, r.Text("name")!))?.Text("metadata", "uid") != r.Text("uid"))
        )
        {
            if (key.Kind == "pods")
            {
                _world.Deleting.DeletePod(found);
            }
            else
            {
                _world.Store.Remove(key);
            }
        }
    }

    private void Empty(ObjectKey key)
    {
        foreach (var kind in Kind.All.Where(k => k.HasNamespace))
        {
            foreach (var found in _world.Store.List(kind.Plural, key.Name))
            {
                _world.Store.Remove(new(kind.Plural, key.Name, found.Name()));
            }
        }

        _world.Store.Remove(key);
    }

    private IEnumerable<(string Kind, JsonObject Object)> Owned(string uid) =>
        Kinds.SelectMany(k => _world.Owned(k, uid).Select(o => (k, o)));
}
