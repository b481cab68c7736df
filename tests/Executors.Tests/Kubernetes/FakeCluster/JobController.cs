using System.Globalization;
using System.Text.Json.Nodes;
using static Shipinator.Executors.Tests.Kubernetes.JobStatus;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// Creates the pods of Jobs and counts them: a Job ends in two steps, and a pod keeps a finalizer until it is counted.
/// </summary>
internal sealed class JobController
{
    private const string Tracking = "batch.kubernetes.io/job-tracking";
    private const string Component = "job-controller";
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(10);

    /// <summary>Changes of pods are processed in batches.</summary>
    private static readonly TimeSpan Batch = TimeSpan.FromSeconds(1);
    private readonly World _world;
    private readonly Dictionary<string, DateTimeOffset> _due = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _refused = new(StringComparer.Ordinal);

    private JobController(World world) => _world = world;

    public static void Start(World world) => world.Store.Changed += new JobController(world).See;

    private void See(Change change)
    {
        var isDeletionNews = change.Object.IsDeleting() && change.Before?.IsDeleting() != true;
        if (change.Key.Kind == "jobs")
        {
            if (change.Type == "DELETED")
            {
                // No one counts its pods any more.
                var uid = change.Object.Text("metadata", "uid")!;
                _world.After(Soon, () => Release(_world.Owned("pods", uid)));
            }
            else if (change.Type == "ADDED" || isDeletionNews)
            {
                Enqueue(change.Key, Soon);
            }
        }
        else if (change.Key.Kind == "pods" && change.Object.Items("metadata", "ownerReferences").FirstOrDefault() is { } owner)
        {
            Enqueue(new("jobs", change.Key.Namespace, owner.Text("name")!), change.Type == "DELETED" || isDeletionNews ? Soon : Batch);
        }
        else if (change is { Key.Kind: "pods", Type: "MODIFIED" } && change.Object.Finalizers().Contains(Tracking))
        {
            // Orphaned by its Job: no one counts it.
            _world.After(Soon, () => Release([change.Object]));
        }
    }

    private void Enqueue(ObjectKey key, TimeSpan delay)
    {
        var (id, due) = ($"{key.Namespace}/{key.Name}", _world.Now + delay);
        if (_due.TryGetValue(id, out var earlier) && earlier <= due)
        {
            return;
        }

        _due[id] = due;
        _world.After(
            delay,
            () =>
            {
                if (_due.TryGetValue(id, out var mine) && mine == due)
                {
                    _due.Remove(id);
                    Sync(key);
                }
            }
        );
    }

    private void Sync(ObjectKey key)
    {
        if (_world.Store.Find(key) is not { } job)
        {
            return;
        }

        var pods = _world.Owned("pods", job.Text("metadata", "uid")!);
        if (job.IsDeleting())
        {
            if (!IsFinished(job))
            {
                Count(job, pods);
                Save(job);
            }

            Release(pods);
        }
        else if (IsFinished(job))
        {
            Expire(job);
        }
        else
        {
            Advance(key, job, pods);
        }
    }

    private void Advance(ObjectKey key, JsonObject job, IReadOnlyList<JsonObject> pods)
    {
        var status = job["status"]!.AsObject();
        var spec = job["spec"]!;
        if (status["startTime"] is null)
        {
            status["startTime"] = Json.Time(_world.Now);
            if (spec.Number("activeDeadlineSeconds") is { } seconds)
            {
                _world.After(TimeSpan.FromSeconds(seconds), () => Sync(key));
            }
        }

        var failed = pods.Where(p =>
                p.Finalizers().Contains(Tracking) && (Phase(p) == "Failed" || (p.IsDeleting() && Phase(p) != "Succeeded"))
            )
            .ToList();
        var succeeded = pods.Where(p => p.Finalizers().Contains(Tracking) && Phase(p) == "Succeeded").ToList();
        if (Condition(job, "FailureTarget") is null && Condition(job, "SuccessCriteriaMet") is null)
        {
            if (status.Time("startTime") + TimeSpan.FromSeconds(spec.Number("activeDeadlineSeconds") ?? int.MaxValue) <= _world.Now)
            {
                failed = [.. failed, .. DeleteActive(job, pods)];
                Add(job, "FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline", _world.Now);
            }
            else if ((status.Number("failed") ?? 0) + failed.Count > spec.Number("backoffLimit"))
            {
                failed = [.. failed, .. DeleteActive(job, pods)];
                Add(job, "FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit", _world.Now);
            }
            else if ((status.Number("succeeded") ?? 0) + succeeded.Count >= spec.Number("completions"))
            {
                Add(job, "SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods", _world.Now);
            }
            else if (!pods.Any(IsActive) && failed.Count + succeeded.Count == 0)
            {
                pods = CreatePod(key, job);
            }
        }

        pods = [.. pods.Select(p => _world.Store.Find(new("pods", key.Namespace, p.Name()))).OfType<JsonObject>()];
        var before = job["status"]!.DeepClone();
        Count(job, pods);
        if (failed.Count + succeeded.Count > 0)
        {
            CountEnded(key, job, failed, succeeded);
            return;
        }

        var changed =
            !JsonNode.DeepEquals(before, job["status"])
            || _world.Store.Find(key)!["status"] is { } stored && !JsonNode.DeepEquals(stored, job["status"]);
        Save(job);
        if (changed)
        {
            Enqueue(key, Batch);
        }
        else if (status.Number("terminating") == 0)
        {
            Finish(job);
        }
    }

    /// <summary>Records which pods will be counted, removes their finalizers, then counts them.</summary>
    private void CountEnded(ObjectKey key, JsonObject job, IReadOnlyList<JsonObject> failed, IReadOnlyList<JsonObject> succeeded)
    {
        var uncounted = job["status"]!["uncountedTerminatedPods"]!.AsObject();
        foreach (var (name, ended) in new[] { ("failed", failed), ("succeeded", succeeded) })
        {
            if (ended.Count > 0)
            {
                uncounted[name] = Json.Array(ended.Select(p => (JsonNode)p.Text("metadata", "uid")!));
            }
        }

        Save(job);
        _world.After(
            5,
            () =>
            {
                Release([.. failed.Concat(succeeded)]);
                if (_world.Store.Find(key) is not { } latest || latest.IsDeleting())
                {
                    return;
                }

                var status = latest["status"]!.AsObject();
                status["uncountedTerminatedPods"] = new JsonObject();
                foreach (var (name, ended) in new[] { ("failed", failed), ("succeeded", succeeded) })
                {
                    if (ended.Count > 0)
                    {
                        status[name] = (status.Number(name) ?? 0) + ended.Count;
                    }
                }

                if (status.Number("terminating") == 0)
                {
                    Finish(latest);
                }
                else
                {
                    Save(latest);
                }

                Enqueue(key, Soon);
            }
        );
    }

    /// <summary>The final condition, and its event.</summary>
    private void Finish(JsonObject job)
    {
        if (Condition(job, "FailureTarget") is { } target)
        {
            Add(job, "Failed", target.Text("reason")!, target.Text("message")!, _world.Now);
            Save(job);
            _world.Say(job, Component, "Warning", target.Text("reason")!, target.Text("message")!);
        }
        else if (Condition(job, "SuccessCriteriaMet") is { } criterion)
        {
            Add(job, "Complete", criterion.Text("reason")!, criterion.Text("message")!, _world.Now);
            job["status"]!["completionTime"] = Json.Time(_world.Now);
            Save(job);
            _world.Say(job, Component, "Normal", "Completed", "Job completed");
        }
    }

    private void Expire(JsonObject job)
    {
        if (job.Number("spec", "ttlSecondsAfterFinished") is { } seconds)
        {
            var (ns, name, uid) = (job.Text("metadata", "namespace")!, job.Name(), job.Text("metadata", "uid"));
            _world.After(
                TimeSpan.FromSeconds(seconds),
                () =>
                {
                    if (_world.Store.Find(new("jobs", ns, name)) is { } found && found.Text("metadata", "uid") == uid)
                    {
                        _world.Deleting.Delete(Kind.Of("jobs"), ns, name, new() { ["propagationPolicy"] = "Foreground" });
                    }
                }
            );
        }
    }

    private IReadOnlyList<JsonObject> CreatePod(ObjectKey key, JsonObject job)
    {
        var template = job.At("spec", "template")!;
        var pod = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = new JsonObject
            {
                ["generateName"] = $"{job.Name()}-",
                ["labels"] = template.At("metadata", "labels")?.DeepClone(),
                ["ownerReferences"] = new JsonArray(
                    new JsonObject
                    {
                        ["apiVersion"] = "batch/v1",
                        ["kind"] = "Job",
                        ["name"] = job.Name(),
                        ["uid"] = job.Text("metadata", "uid"),
                        ["controller"] = true,
                        ["blockOwnerDeletion"] = true,
                    }
                ),
                ["finalizers"] = new JsonArray(Tracking),
            },
            ["spec"] = template["spec"]!.DeepClone(),
            ["status"] = new JsonObject { ["phase"] = "Pending" },
        };
        try
        {
            var made = _world.Writing.Create(Kind.Of("pods"), key.Namespace, pod);
            _world.Say(job, Component, "Normal", "SuccessfulCreate", $"Created pod: {made.Name()}");
            return [made];
        }
        catch (Refusal refusal)
        {
            _world.Say(job, Component, "Warning", "FailedCreate", $"Error creating: {refusal.Message}");
            var tries = _refused[key.Name] = _refused.GetValueOrDefault(key.Name) + 1;
            _world.After(TimeSpan.FromSeconds(Math.Pow(2, Math.Min(tries - 1, 8))), () => Sync(key));
            return [];
        }
    }

    private List<JsonObject> DeleteActive(JsonObject job, IReadOnlyList<JsonObject> pods)
    {
        var active = pods.Where(IsActive).ToList();
        foreach (var pod in active)
        {
            _world.Deleting.DeletePod(pod);
            _world.Say(
                job,
                Component,
                "Normal",
                "SuccessfulDelete",
                string.Create(CultureInfo.InvariantCulture, $"Deleted pod: {pod.Name()}")
            );
        }

        return active;
    }

    private void Release(IReadOnlyList<JsonObject> pods)
    {
        foreach (var pod in pods)
        {
            if (
                _world.Store.Find(new("pods", pod.Text("metadata", "namespace")!, pod.Name())) is { } found
                && found.Finalizers().Contains(Tracking)
            )
            {
                found.SetFinalizers(found.Finalizers().Where(f => f != Tracking));
                _world.Deleting.Settle("pods", found);
            }
        }
    }

    private void Save(JsonObject job) => _world.Store.Save("jobs", job);
}
