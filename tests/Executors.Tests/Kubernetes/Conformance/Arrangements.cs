using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>What the recorder did besides what it recorded: the watches' own requests, Jobs it made first, a server it restarted.</summary>
internal static class Arrangements
{
    private const string Jobs = "/apis/batch/v1/namespaces/ci/jobs?watch=1";
    private static readonly TimeSpan AllHavePods = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongerThanAnyJob = TimeSpan.FromSeconds(30);

    /// <summary>The version that is the newest when a watch begins.</summary>
    public const string Latest = "latest";

    /// <summary>The request of a watch, of which only the answer was recorded; most begin at what was the latest then.</summary>
    public static string WatchPath(RecordedWatch watch, Func<string, string> version) =>
        watch.Place switch
        {
            "07-watch/01-watch-from-rv-1.watch.ndjson" => $"{Jobs}&resourceVersion=1&timeoutSeconds=3",
            "07-watch/02-watch-pods-from-rv-1.watch.ndjson" => "/api/v1/namespaces/ci/pods?watch=1&resourceVersion=1&timeoutSeconds=3",
            "07-watch/03-watch-no-rv-synthetic-added.watch.ndjson" => $"{Jobs}&timeoutSeconds=3",
            "07-watch/04-watch-timeout-bookmarks.watch.ndjson" => $"{Jobs}&allowWatchBookmarks=true&timeoutSeconds=10",
            "07-watch/05-watch-sendinitialevents.watch.ndjson" =>
                $"{Jobs}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1",
            "07-watch/06-watch-future-rv.watch.ndjson" => $"{Jobs}&resourceVersion=999999999&timeoutSeconds=6",
            "07b-apiserver-restart-410/02-watch-cut-by-apiserver-sigterm.watch.ndjson" =>
                $"{Jobs}&allowWatchBookmarks=true&resourceVersion={version("1676")}",
            "07b-apiserver-restart-410/05-watch-compacted-rv-410-error-event.watch.ndjson" =>
                $"{Jobs}&resourceVersion={version("1676")}&timeoutSeconds=3",
            "07b-apiserver-restart-410/07-watch-rv-0.watch.ndjson" => $"{Jobs}&resourceVersion=0&timeoutSeconds=3",
            "08-lease/39-lease-watch.watch.ndjson" =>
                $"/apis/coordination.k8s.io/v1/namespaces/ci/leases?watch=1&resourceVersion={version(Latest)}",
            "09-secret/24-secret-gc.watch.ndjson" => $"/api/v1/namespaces/ci/secrets?watch=1&resourceVersion={version(Latest)}",
            _ when watch.File.Contains("pods", StringComparison.Ordinal) =>
                $"/api/v1/namespaces/ci/pods?watch=1&resourceVersion={version(Latest)}",
            _ => $"{Jobs}&resourceVersion={version(Latest)}",
        };

    /// <summary>Where the API server was told to stop, which ends watches first.</summary>
    public static bool EndsWatches(string place) => place == "07b-apiserver-restart-410/03-list-continue-expired-410.json";

    public static async Task BeforeAsync(string place, FakeCluster cluster, Agenda agenda)
    {
        switch (place)
        {
            case "07-watch/11-list-page-1.json":
                MakeThree(cluster);
                agenda.Pass(AllHavePods);
                break;
            case "07b-apiserver-restart-410/01-list-page-1.json":
                MakeThree(cluster);
                agenda.Pass(LongerThanAnyJob);
                break;
            case "07b-apiserver-restart-410/03-list-continue-expired-410.json":
                await cluster.GoAwayAsync();
                cluster.Forget();
                await cluster.ComeBackAsync();
                break;
        }
    }

    public static Task AfterAsync(string place, FakeCluster cluster, Agenda agenda)
    {
        if (place == "07b-apiserver-restart-410/02-watch-cut-by-apiserver-sigterm.watch.ndjson")
        {
            foreach (var number in new[] { "0", "1" })
            {
                cluster.Writing.Patch(
                    Kind.Of("jobs"),
                    "ci",
                    $"page{number}",
                    new() { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["n"] = number } } }
                );
            }

            agenda.Pass(TimeSpan.FromMinutes(1));
        }

        return Task.CompletedTask;
    }

    private static void MakeThree(FakeCluster cluster)
    {
        foreach (var name in new[] { "page0", "page1", "page2" })
        {
            cluster.Writing.Create(
                Kind.Of("jobs"),
                "ci",
                JsonNode
                    .Parse(
                        $$"""
                        {
                          "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "{{name}}" },
                          "spec": { "backoffLimit": 0, "template": { "spec": { "restartPolicy": "Never",
                            "containers": [ { "name": "step", "image": "busybox:local",
                            "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", "true"] } ] } } }
                        }
                        """
                    )!
                    .AsObject()
            );
        }
    }
}
