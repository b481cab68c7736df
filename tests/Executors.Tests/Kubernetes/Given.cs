using System.Collections.Immutable;
using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Workers, options and what stands around an executor.</summary>
internal static class Given
{
    public static KubernetesOptions Options => new() { Namespace = "ci", RunnerImage = "runner:1" };

    /// <summary>The same ids each time, so that manifests can be compared.</summary>
    public static WorkerSpec Worker(params WorkerStep[] steps) =>
        new()
        {
            ProjectId = new(Guid.Parse("01900000-0000-7000-8000-000000000001")),
            RepositoryId = new(Guid.Parse("01900000-0000-7000-8000-000000000002")),
            RunId = new(Guid.Parse("01900000-0000-7000-8000-000000000003")),
            JobId = new(Guid.Parse("01900000-0000-7000-8000-000000000004")),
            Attempt = 1,
            Source = new()
            {
                CloneUrl = "https://example.org/shop/web.git",
                Ref = "refs/heads/main",
                Commit = new string('a', 40),
            },
            Steps = steps.Length > 0 ? [.. steps] : [Step(0, "compile")],
            Timeout = TimeSpan.FromMinutes(30),
        };

    public static WorkerStep Step(
        int index,
        string name,
        int? order = null,
        string? cpu = null,
        string? memory = null,
        string image = "alpine:3"
    ) =>
        new(
            new(Guid.Parse($"01900000-0000-7000-8000-0000000001{index:00}")),
            new(Guid.Parse($"01900000-0000-7000-8000-0000000002{index:00}")),
            name,
            image,
            cpu is null && memory is null ? null : new ResourcesPlan(cpu, memory),
            order ?? index
        );

    public static ExecutionSpec Execution(WorkerSpec worker, int step = 0) =>
        new()
        {
            ExecutionId = worker.Steps[step].FirstExecutionId,
            StepId = worker.Steps[step].StepId,
            Attempt = 1,
            Image = worker.Steps[step].Image,
            Script = "true",
            Env = ImmutableSortedDictionary<string, string>.Empty,
            Timeout = TimeSpan.FromMinutes(5),
            StepName = worker.Steps[step].Name,
            Worker = worker,
        };

    public static ExecutionHandle Handle(ExecutionSpec spec, int step = 0) =>
        ExecutionHandle.Of(spec with { StepId = spec.Worker.Steps[step].StepId }, "kubernetes");
}
