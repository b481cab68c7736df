using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shipinator.Executors.Tests.Kubernetes;
using Shipinator.Testing;

namespace Shipinator.Benchmarks;

/// <summary>
/// From the moment at which the cluster reports why a pod does not start to the moment at which <c>GET …/jobs</c> shows it as
/// <c>waiting_for</c>: a real server against the tests' fake cluster. The time until the cluster reports it is not included. The baseline
/// is one such GET, the shortest time that can be observed.
/// </summary>
public static class WaitingBenchmark
{
    private const int Rounds = 10;
    private static readonly (string Branch, string File, string Words)[] Reasons =
    [
        ("image", "image: registry.example/none:1\nbuild:\n  steps:\n    - { name: a, run: \"true\" }\n", "not found"),
        ("unschedulable", "image: any\nbuild:\n  steps:\n    - { name: a, run: \"true\", resources: { cpu: 9000 } }\n", "Insufficient cpu"),
        ("quota", "image: any\nbuild:\n  steps:\n    - { name: a, run: \"true\" }\n", "exceeded quota"),
    ];

    /// <summary>Median and longest of ten rounds for each reason.</summary>
    public static async Task<int> RunAsync()
    {
        var root = PassableFolder.Create("ship-bench-");
        var programs = Directory.CreateDirectory(Path.Combine(root, "programs")).FullName;
        var runner = Path.Combine(programs, "shipinator-runner");
        await File.WriteAllTextAsync(
            runner,
            $"#!/bin/sh\nexec dotnet {Path.GetFullPath("Silo/bin/Release/net10.0/runner/Shipinator.Runner.dll")} \"$@\"\n"
        );
        File.SetUnixFileMode(runner, (UnixFileMode)0b111_101_101);
        var repository = Path.Combine(root, "waits");
        foreach (var (branch, file, _) in Reasons)
        {
            Directory.CreateDirectory(repository);
            await File.WriteAllTextAsync(Path.Combine(repository, ".shipinator.yaml"), file);
            await ServerProcess.ShellAsync(
                $"cd {repository} && (git init -q -b main 2>/dev/null; git checkout -q -B {branch}; git add -A; "
                    + $"git -c user.name=b -c user.email=b@b commit -q -m {branch}; git branch -f main)"
            );
        }

        LiveKubelet kubelet = null!;
        await using var cluster = await FakeCluster.StartAsync(
            new WallTime(),
            LiveKubelet.Beginning(new HostContainers(programs), root, k => kubelet = k)
        );
        await using (kubelet)
        await using (
            var server = await ServerProcess.StartAsync(
                Path.Combine(root, "data"),
                new Dictionary<string, string>
                {
                    ["SHIPINATOR__Executor"] = "kubernetes",
                    ["SHIPINATOR__Kubernetes__Namespace"] = "ci",
                    ["SHIPINATOR__Kubernetes__RunnerImage"] = "runner:1",
                    ["SHIPINATOR__Kubernetes__Kubeconfig"] = cluster.Kubeconfig,
                    ["SHIPINATOR__Kubernetes__TerminationGrace"] = "00:00:01",
                }
            )
        )
        {
            var pipeline = await server.RegisterAsync(repository);
            foreach (var (branch, _, words) in Reasons)
            {
                if (branch == "quota")
                {
                    cluster.Writing.Create(
                        Kind.Of("resourcequotas"),
                        "ci",
                        new()
                        {
                            ["apiVersion"] = "v1",
                            ["kind"] = "ResourceQuota",
                            ["metadata"] = new JsonObject { ["name"] = "none" },
                            ["spec"] = new JsonObject { ["hard"] = new JsonObject { ["pods"] = "0" } },
                        }
                    );
                }

                var took = new List<double>();
                var asking = new List<double>();
                for (var round = 0; round < Rounds; round++)
                {
                    var (shown, asked) = await MeasureAsync(cluster, server, pipeline, branch, words);
                    took.Add(shown);
                    asking.Add(asked);
                }

                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{branch}: shown after {Yardstick.Median(took):F0} ms (median), {took.Max():F0} ms (longest of {Rounds}); "
                            + $"one GET {Yardstick.Median(asking):F1} ms: ratio {Yardstick.Median(took) / Yardstick.Median(asking):F1}"
                    )
                );
            }
        }

        Directory.Delete(root, recursive: true);
        return 0;
    }

    private static async Task<(double Shown, double Asked)> MeasureAsync(
        FakeCluster cluster,
        ServerProcess server,
        string pipeline,
        string branch,
        string words
    )
    {
        var said = 0L;
        void See(Change change)
        {
            if (Volatile.Read(ref said) == 0 && Says(change, words))
            {
                Volatile.Write(ref said, TimeProvider.System.GetTimestamp());
            }
        }

        cluster.Store.Changed += See;
        var run = await server.TriggerAsync(pipeline, branch);
        while (true)
        {
            var jobs = await server.Http.GetFromJsonAsync<JsonElement>($"/v1/pipeline-runs/{run}/jobs");
            if (jobs.ToString().Contains(words, StringComparison.Ordinal))
            {
                break;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }

        var took = TimeProvider.System.GetElapsedTime(Volatile.Read(ref said)).TotalMilliseconds;
        cluster.Store.Changed -= See;
        var start = TimeProvider.System.GetTimestamp();
        await server.Http.GetFromJsonAsync<JsonElement>($"/v1/pipeline-runs/{run}/jobs");
        var asked = TimeProvider.System.GetElapsedTime(start).TotalMilliseconds;
        await server.PostAsync($"/v1/pipeline-runs/{run}/cancel", new { });
        await server.EndAsync(run);
        return (took, asked);
    }

    private static bool Says(Change change, string words) =>
        change.Type != "DELETED"
        && (
            change.Key.Kind == "events"
                ? change.Object.Text("reason") == "FailedCreate" && change.Object.Text("message")!.Contains(words, StringComparison.Ordinal)
                : change.Key.Kind == "pods" && change.Object["status"]?.ToJsonString().Contains(words, StringComparison.Ordinal) == true
        );
}
