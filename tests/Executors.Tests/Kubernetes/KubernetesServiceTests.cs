using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Services beside the steps, as native sidecars: first ready, then steps; they don't keep a pod, and go last.</summary>
public sealed class KubernetesServiceTests : ClusterAtWork
{
    [Fact]
    public async Task Services_AreStartedInOrderBeforeTheSteps_AndStoppedInReverseOrder()
    {
        var spec = With(("a", "sleep 3; nc -l 5432", 5432), ("b", "sleep 2; nc -l 6379", 6379));
        var states = new List<string>();
        Cluster.Store.Changed += change =>
        {
            if (change.Key.Kind == "pods")
            {
                states.Add(
                    string.Join(
                        ' ',
                        change
                            .Object.Items("status", "initContainerStatuses")
                            .Concat(change.Object.Items("status", "containerStatuses"))
                            .Select(c => $"{c.Text("name")}={(c["started"]!.GetValue<bool>() ? "started" : StateOf(c))}")
                            .Append((string?)change.Object["status"]!["phase"])
                    )
                );
            }
        };
        await Executor.Submit(spec, default);
        await UntilAsync(spec, s => s.WaitingFor == WaitReason.Service("a"));
        await UntilAsync(spec, s => s.WaitingFor == WaitReason.Service("b"));
        await UntilAsync(spec, s => s.Status.IsTerminal());
        await UntilAsync(() => Cluster.Store.List("pods", "ci").Single().Text("status", "phase") == "Failed");
        var course = states.Distinct().ToList();
        string[] expected =
        [
            "prepare=waiting svc-a=waiting svc-b=waiting s0=waiting Pending",
            "prepare=terminated svc-a=running svc-b=waiting s0=waiting Pending",
            "prepare=terminated svc-a=started svc-b=running s0=waiting Pending",
            "prepare=terminated svc-a=started svc-b=started s0=waiting Pending",
            "prepare=terminated svc-a=started svc-b=started s0=terminated Pending",
            "prepare=terminated svc-a=started svc-b=terminated s0=terminated Pending",
            "prepare=terminated svc-a=terminated svc-b=terminated s0=terminated Failed",
        ];
        Assert.Equal(expected, course.Where(expected.Contains));
        // A step that ran before the services were ready, or a service that ended before the steps did, is nowhere among them.
        Assert.DoesNotContain(
            course,
            s => !s.Contains("s0=waiting", StringComparison.Ordinal) && s.Contains("svc-b=running", StringComparison.Ordinal)
        );
        await Executor.Release(spec.Worker.JobId, spec.Worker.Attempt, default);
        await UntilAsync(() => Cluster.Count("jobs") + Cluster.Count("pods") == 0);
    }

    [Theory]
    [InlineData("sleep 100000", "(Error)")]
    [InlineData("echo no-room; exit 9", "exited with code 9")]
    public async Task Service_NeverReady_FailsTheStepAfterItsOwnTimeout(string script, string words)
    {
        var spec = With(("db", script, 5432));
        await Executor.Submit(spec, default);
        var end = await UntilAsync(spec, s => s.Status.IsTerminal());
        Assert.Equal((Status.Failed, Reason.ExecutorError), (end.Status, end.Reason!.Value));
        Assert.Contains("Service db was not ready within 20 s.", end.Detail, StringComparison.Ordinal);
        Assert.Contains(words, end.Detail, StringComparison.Ordinal);
    }

    private static ExecutionSpec With(params (string Name, string Script, int Port)[] services)
    {
        var spec = Execution("alpine:local");
        return spec with
        {
            Worker = spec.Worker with
            {
                Services = services.ToImmutableSortedDictionary(
                    s => s.Name,
                    s => new ServicePlan
                    {
                        Image = "service:local",
                        Command = ["sh", "-c", s.Script],
                        ReadyTcp = s.Port,
                        ReadyTimeout = TimeSpan.FromSeconds(20),
                    }
                ),
            },
        };
    }

    private static string? StateOf(JsonObject container) => container["state"]!.AsObject().Select(s => s.Key).FirstOrDefault();
}
