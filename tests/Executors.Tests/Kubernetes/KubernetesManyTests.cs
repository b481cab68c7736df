using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Ten thousand executions: one Job per job attempt whatever fails, and no API requests per execution.</summary>
public sealed class KubernetesManyTests : IAsyncLifetime
{
    private const int Workers = 5_000;
    private const string Running = """
        { "phase": "Running", "conditions": [ { "type": "PodScheduled", "status": "True",
        "lastTransitionTime": "2030-01-01T00:00:00Z" } ], "containerStatuses": [ { "name": "s0",
        "state": { "running": {} } }, { "name": "s1", "state": { "running": {} } } ] }
        """;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly ExecutorWorld _world = new();
    private readonly ConcurrentDictionary<string, int> _made = new(StringComparer.Ordinal);
    private readonly List<(ServiceProvider Services, IWorkerExecutor Executor)> _servers = [];
    private FakeCluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await FakeCluster.StartAsync();
        _cluster.Store.Changed += change =>
        {
            if (change is { Type: "ADDED", Key.Kind: "jobs" or "secrets" })
            {
                _made.AddOrUpdate($"{change.Key.Kind} {change.Key.Name}", 1, (_, n) => n + 1);
            }
        };
        for (var server = 0; server < 2; server++)
        {
            _servers.Add(
                await _world.StartAsync(
                    _cluster,
                    configure: o => (o.RequestTimeout, o.SweepPeriod) = (TimeSpan.FromSeconds(3), TimeSpan.FromHours(1))
                )
            );
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (services, _) in _servers)
        {
            await ExecutorWorld.StopAsync(services);
        }

        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task TenThousandExecutions_WithLostResponsesAndThrottling_CreateAJobPerAttemptAndNoRequestsWhileRunning()
    {
        var specs = Enumerable
            .Range(0, Workers)
            .SelectMany(_ =>
            {
                var worker = Given.Worker(Given.Step(0, "a"), Given.Step(1, "b")) with { JobId = JobId.New(TimeProvider.System) };
                return new[] { (Spec: Given.Execution(worker), Step: 0), (Spec: Given.Execution(worker, 1), Step: 1) };
            })
            .ToList();
        (_cluster.LoseAnswers, _cluster.TooMany, _cluster.HoldAnswers) = (7, 500, 20);
        // Every tenth by both servers, as when an execution's grain is active twice for a moment.
        var submits = specs.Index().SelectMany(s => _servers.Take(s.Index % 20 < 2 ? 2 : 1).Select(v => (s.Item.Spec, v.Executor)));
        await Parallel.ForEachAsync(
            submits,
            new ParallelOptions { MaxDegreeOfParallelism = 32 },
            async (one, stop) =>
            {
                while (true)
                {
                    try
                    {
                        await one.Executor.Submit(one.Spec, stop);
                        break;
                    }
                    catch (ExecutorException e) when (e.IsTransient)
                    {
                        // Retried, as the execution's grain does.
                    }
                }
            }
        );
        _cluster.LoseAnswers = 0;
        Assert.Equal((Workers, Workers), (_cluster.Count("jobs"), _cluster.Count("secrets")));
        Assert.Equal(2 * Workers, _made.Count);
        Assert.All(_made.Values, n => Assert.Equal(1, n));

        // While they run, changes arrive by the open watches, without requests.
        var executor = _servers[0].Executor;
        foreach (var spec in specs.Where(s => s.Step == 0))
        {
            _cluster.PutPod(spec.Spec.Worker.ExternalName, Running);
        }

        foreach (var (spec, step) in specs)
        {
            await UntilAsync(async () => (await executor.Status(Given.Handle(spec, step), default)).WaitingFor == WaitReason.Runner);
        }

        // Throttling may have ended watches, which are restarted by themselves.
        await UntilAsync(() =>
            Task.FromResult(
                _servers.All(v => v.Services.GetRequiredService<Informer>() is var i && i.IsSynced() && i.OutageSince() is null)
            )
        );
        var before = Requests();
        for (var look = 0; look < 3; look++)
        {
            foreach (var (spec, step) in specs)
            {
                Assert.Equal(Status.Submitted, (await executor.Status(Given.Handle(spec, step), default)).Status);
            }
        }

        // The end of each is seen the same way.
        foreach (var spec in specs.Where(s => s.Step == 0))
        {
            _cluster.PutPod(
                spec.Spec.Worker.ExternalName,
                """
                { "phase": "Succeeded", "containerStatuses": [ { "name": "s0",
                "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } }, { "name": "s1",
                "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } } ] }
                """
            );
        }

        foreach (var (spec, step) in specs)
        {
            await UntilAsync(async () => (await executor.Status(Given.Handle(spec, step), default)).Status == Status.Success);
        }

        Assert.Equal(before, Requests());
    }

    /// <summary>Without watches, which end and are restarted after a time, however many executions there are.</summary>
    private string Requests() =>
        string.Join(
            ' ',
            _cluster
                .Requests.Where(r =>
                    !r.Key.StartsWith("GET events", StringComparison.Ordinal) && !r.Key.EndsWith(" watch", StringComparison.Ordinal)
                )
                .OrderBy(r => r.Key, StringComparer.Ordinal)
        );

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await IsSoAsync())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, "The expected state was not reached in time.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        async Task<bool> IsSoAsync()
        {
            try
            {
                return await condition();
            }
            catch (ExecutorException e) when (e.IsTransient)
            {
                // The informer is not synced yet, or its watches were throttled.
                return false;
            }
        }
    }
}
