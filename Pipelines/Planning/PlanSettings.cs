namespace Shipinator.Pipelines;

/// <summary>What planning needs besides the file and the event, and its limits.</summary>
public sealed record PlanSettings
{
    /// <summary>The project's name: <c>{{ .project }}</c>.</summary>
    public required string ProjectName { get; init; }

    /// <summary>The repository's name: <c>{{ .repository }}</c>.</summary>
    public required string RepositoryName { get; init; }

    /// <summary>The run's number in its repository: <c>{{ .run_number }}</c>.</summary>
    public required long RunNumber { get; init; }

    /// <summary>The image of steps for which the file names none.</summary>
    public string DefaultImage { get; init; } = "debian:bookworm-slim";

    /// <summary>The image of planned deploy steps; it must contain a shell, helm and kubectl.</summary>
    public string DeployImage { get; init; } = "alpine/k8s:1.30.0";

    /// <summary>The executor of the run, for messages.</summary>
    public string Executor { get; init; } = "";

    /// <summary>Whether that executor supports services.</summary>
    public bool CanRunServices { get; init; } = true;

    /// <summary>Retries after infrastructure failures for build and test steps without <c>retry</c>; 0: none.</summary>
    public int InfrastructureRetries { get; init; } = 1;

    /// <summary>Jobs of one run.</summary>
    public int MaxJobs { get; init; } = 256;

    /// <summary>Steps of one run.</summary>
    public int MaxSteps { get; init; } = 1000;

    /// <summary>Characters of all texts of the plan together.</summary>
    public int MaxCharacters { get; init; } = 4 * 1024 * 1024;

    /// <summary>The longest <c>timeout</c> of a job.</summary>
    public TimeSpan MaxJobTimeout { get; init; } = TimeSpan.FromDays(1);
}

/// <summary>The result of planning: either a plan or errors.</summary>
/// <param name="Plan">The plan; null when there are errors.</param>
/// <param name="Errors">With positions in the file where they have one.</param>
public sealed record PlanResult(RunPlan? Plan, IReadOnlyList<PipelineError> Errors);
