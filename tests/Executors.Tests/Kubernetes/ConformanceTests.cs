using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// The fake cluster answers as a real one did: every recording, request by request and event by event. What may differ is listed in
/// <see cref="Tolerance.All"/>, each with its reason.
/// </summary>
public sealed class ConformanceTests
{
    public static TheoryData<string> Cases => [.. Recording.Cases];

    /// <summary>Answers a real cluster did not give, and where each is told to be different.</summary>
    public static TheoryData<string, string, string> Falsehoods =>
        new()
        {
            { "02-job-exit3", "05-get-job-end.json", "code" },
            { "06-errors", "02-post-job-409.json", "reason" },
            { "06-errors", "07-name-too-long-422.json", "message" },
            { "06-errors", "18-unknown-field-warned-201.json", "header" },
            { "08-lease", "08-put-seconds-only-time-400.json", "message" },
            { "02-job-exit3", "07-pod-log.json", "text" },
            { "04-image-missing", "11-events.json", "item lost" },
            { "02-job-exit3", "01-jobs.watch.ndjson", "condition" },
            { "02-job-exit3", "02-pods.watch.ndjson", "exit code" },
            { "05-delete-foreground", "01-jobs.watch.ndjson", "finalizer" },
            { "04-image-missing", "02-pods.watch.ndjson", "waiting reason" },
            { "01-job-success", "01-jobs.watch.ndjson", "event lost" },
            { "05-delete-foreground", "02-pods.watch.ndjson", "event lost" },
            { "01-job-success", "02-pods.watch.ndjson", "events swapped" },
            { "03-job-deadline", "01-jobs.watch.ndjson", "events swapped" },
            { "05g-ttl-after-finished", "01-jobs.watch.ndjson", "event more" },
            { "07-watch", "01-watch-from-rv-1.watch.ndjson", "event lost" },
            { "07-watch", "04-watch-timeout-bookmarks.watch.ndjson", "event lost" },
        };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task FakeCluster_WithRecordedRequests_RespondsLikeTheRealOne(string name)
    {
        var differences = await Replay.RunAsync(Recording.Read(name));
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Theory]
    [MemberData(nameof(Falsehoods))]
    public async Task Comparison_WithAModifiedRecording_FindsTheDifference(string name, string file, string what)
    {
        var recorded = Recording.Read(name);
        var at = recorded.FindIndex(r => r.File == file);
        recorded[at] = recorded[at] switch
        {
            RecordedRequest request => request with { Response = Falsify(request.Response, what) },
            RecordedWatch watch => watch with { Events = Falsify(watch.Events, what) },
            _ => throw new ArgumentException(file, nameof(file)),
        };
        Assert.Contains(await Replay.RunAsync(recorded), d => d.StartsWith($"{name}/{file}", StringComparison.Ordinal));
    }

    [Fact]
    public void Recordings_AreAllReplayed_AndEveryToleranceHasAReason()
    {
        Assert.Equal(22, Recording.Cases.Count());
        Assert.Equal(288, Recording.Cases.Sum(c => Recording.Read(c).Count));
        Assert.All(Tolerance.All, t => Assert.NotEmpty(t.Because));
        Assert.Equal(Tolerance.All.Count, Tolerance.All.Select(t => t.Because).Distinct().Count());
    }

    /// <summary>A row that lets nothing pass is one too many: it would hide what comes.</summary>
    [Fact]
    public void Tolerance_EachOne_IsUsedByARecording()
    {
        var bodies = Recording
            .Cases.SelectMany(Recording.Read)
            .SelectMany(r =>
                r switch
                {
                    RecordedRequest { Response: var response } => response["body"] is { } body ? new[] { (r.Place, Body: body) } : [],
                    RecordedWatch watch => watch.Events.Select(e => (r.Place, Body: (JsonNode)e)),
                    _ => [],
                }
            )
            .ToList();
        Assert.All(
            Tolerance.All,
            t => Assert.Contains(bodies, b => t.AppliesTo(b.Place) && !JsonNode.DeepEquals(b.Body, t.Normalize(b.Body.DeepClone())))
        );
    }

    private static JsonObject Falsify(JsonObject response, string what)
    {
        var falsified = response.Copy();
        switch (what)
        {
            case "code":
                falsified["status"] = 202;
                break;
            case "reason" or "message":
                falsified["body"]![what] = falsified["body"].Text(what) + "s";
                break;
            case "header":
                falsified["headers"]!.AsArray().First(h => (string?)h![0] == "Warning")![1] = "299 - \"all is well\"";
                break;
            case "text":
                falsified["body"] = "bang\n";
                break;
            default:
                falsified["body"]!["items"]!.AsArray().RemoveAt(1);
                break;
        }

        return falsified;
    }

    private static List<JsonObject> Falsify(IReadOnlyList<JsonObject> events, string what)
    {
        var all = events.Select(e => e.Copy()).ToList();
        var last = all.Count - 1;
        switch (what)
        {
            case "condition":
                all[last]["object"]!["status"]!["conditions"]![1]!["reason"] = "DeadlineExceeded";
                break;
            case "exit code":
                all[last]["object"]!["status"]!["containerStatuses"]![0]!["state"]!["terminated"]!["exitCode"] = 4;
                break;
            case "finalizer":
                all[last]["object"]!["metadata"]!["finalizers"] = new JsonArray("orphan");
                break;
            case "waiting reason":
                all.First(e =>
                    e.Items("object", "status", "containerStatuses").Any(c => c.Text("state", "waiting", "reason") == "ImagePullBackOff")
                )["object"]!["status"]!["containerStatuses"]![0]!["state"]!["waiting"]!["reason"] = "ErrImagePull";
                break;
            case "event lost":
                all.RemoveAt(last);
                break;
            case "events swapped":
                (all[last - 1], all[last]) = (all[last], all[last - 1]);
                break;
            default:
                all.Add(new() { ["type"] = "ADDED", ["object"] = all[last]["object"]!.DeepClone() });
                break;
        }

        return all;
    }
}
