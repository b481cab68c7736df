using System.Globalization;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

internal readonly record struct ObjectKey(string Kind, string Namespace, string Name);

/// <summary>One version of the store: what happened to which object, and its state before.</summary>
internal sealed record Change(long Version, string Type, ObjectKey Key, JsonObject Object, JsonObject? Before);

/// <summary>All objects and their history, as in etcd: one sequence of versions for all kinds.</summary>
internal sealed class Store
{
    private readonly Dictionary<ObjectKey, JsonObject> _objects = [];
    private readonly List<Change> _changes = [];
    private TaskCompletionSource _grown = New();

    /// <summary>Held while reading and then writing.</summary>
    public Lock Gate { get; } = new();

    public long Version { get; private set; } = 100;

    /// <summary>Changes before this version were compacted.</summary>
    public long Oldest { get; private set; } = 100;

    /// <summary>Raised while the gate is held: listeners schedule work, they don't do it.</summary>
    public event Action<Change>? Changed;

    public Task Grown
    {
        get
        {
            lock (Gate)
            {
                return _grown.Task;
            }
        }
    }

    public JsonObject? Find(ObjectKey key)
    {
        lock (Gate)
        {
            return _objects.GetValueOrDefault(key)?.Copy();
        }
    }

    public JsonObject? FindAnywhere(string kind, string name)
    {
        lock (Gate)
        {
            return _objects.FirstOrDefault(o => o.Key.Kind == kind && o.Key.Name == name).Value?.Copy();
        }
    }

    public int Count(string kind, string? @namespace = null)
    {
        lock (Gate)
        {
            return _objects.Keys.Count(k => k.Kind == kind && (@namespace is null || k.Namespace == @namespace));
        }
    }

    /// <summary>By name, as etcd's keys are; a null namespace is all of them.</summary>
    public IReadOnlyList<JsonObject> List(string kind, string? @namespace, long? version = null)
    {
        lock (Gate)
        {
            var all = version is null || version == Version ? _objects : At(version.Value);
            return
            [
                .. all.Where(o => o.Key.Kind == kind && (@namespace is null || o.Key.Namespace == @namespace))
                    .OrderBy(o => o.Key.Namespace, StringComparer.Ordinal)
                    .ThenBy(o => o.Key.Name, StringComparer.Ordinal)
                    .Select(o => o.Value.Copy()),
            ];
        }
    }

    public IReadOnlyList<Change> Since(long version)
    {
        lock (Gate)
        {
            var first = _changes.Count;
            while (first > 0 && _changes[first - 1].Version > version)
            {
                first--;
            }

            return _changes[first..];
        }
    }

    /// <summary>Creates or changes an object; the returned copy has its version. An unchanged object keeps its version.</summary>
    public JsonObject Save(string kind, JsonObject found)
    {
        lock (Gate)
        {
            var key = new ObjectKey(kind, found.Text("metadata", "namespace") ?? "", found.Name());
            var before = _objects.GetValueOrDefault(key);
            if (before is not null)
            {
                found.Meta()["resourceVersion"] = before.Text("metadata", "resourceVersion");
                if (JsonNode.DeepEquals(before, found))
                {
                    return found;
                }
            }

            var saved = found.Copy();
            Tell(before is null ? "ADDED" : "MODIFIED", key, saved, before);
            _objects[key] = saved;
            found.Meta()["resourceVersion"] = saved.Text("metadata", "resourceVersion");
            return found;
        }
    }

    public bool Remove(ObjectKey key)
    {
        lock (Gate)
        {
            if (!_objects.Remove(key, out var before))
            {
                return false;
            }

            Tell("DELETED", key, before.Copy(), before);
            return true;
        }
    }

    public void RemoveAnywhere(string kind, string name)
    {
        lock (Gate)
        {
            foreach (var key in _objects.Keys.Where(k => k.Kind == kind && k.Name == name).ToList())
            {
                Remove(key);
            }
        }
    }

    /// <summary>Drops the history so far, like etcd's compaction.</summary>
    public void Compact()
    {
        lock (Gate)
        {
            Oldest = ++Version;
            _changes.Clear();
        }
    }

    /// <summary>Wakes everyone who waits for a change.</summary>
    public void Wake()
    {
        TaskCompletionSource grown;
        lock (Gate)
        {
            (grown, _grown) = (_grown, New());
        }

        grown.SetResult();
    }

    private void Tell(string type, ObjectKey key, JsonObject found, JsonObject? before)
    {
        found.Meta()["resourceVersion"] = (++Version).ToString(CultureInfo.InvariantCulture);
        var change = new Change(Version, type, key, found, before);
        _changes.Add(change);
        Changed?.Invoke(change);
        Wake();
    }

    private Dictionary<ObjectKey, JsonObject> At(long version)
    {
        var all = new Dictionary<ObjectKey, JsonObject>(_objects);
        for (var i = _changes.Count - 1; i >= 0 && _changes[i].Version > version; i--)
        {
            if (_changes[i].Before is { } before)
            {
                all[_changes[i].Key] = before;
            }
            else
            {
                all.Remove(_changes[i].Key);
            }
        }

        return all;
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
