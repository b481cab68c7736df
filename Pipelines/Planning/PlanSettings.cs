namespace Shipinator.Pipelines;

/// <summary>What a plan needs to know beside the file and the trigger, and what it may be at most.</summary>
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

    /// <summary>The image of planned deploy steps: it must have a shell, helm and kubectl.</summary>
    public string DeployImage { get; init; } = "alpine/k8s:1.30.0";

    /// <summary>The executor of the run, for messages.</summary>
    public string Executor { get; init; } = "";

    /// <summary>Whether that executor can run services beside the steps.</summary>
    public bool CanRunServices { get; init; } = true;

    /// <summary>Further attempts after a cause that is not the user's doing, for build and test steps that say nothing of <c>retry</c>; 0: none.</summary>
    public int InfrastructureRetries { get; init; } = 1;

    /// <summary>Jobs of one run.</summary>
    public int MaxJobs { get; init; } = 256;

    /// <summary>Steps of one run.</summary>
    public int MaxSteps { get; init; } = 1000;

    /// <summary>Characters of all texts of the plan.</summary>
    public int MaxCharacters { get; init; } = 4 * 1024 * 1024;

    /// <summary>The longest time that a job may ask for.</summary>
    public TimeSpan MaxJobTimeout { get; init; } = TimeSpan.FromDays(1);
}

/// <summary>What became of planning: a plan, or the reasons why there is none. Exactly one of the two is there.</summary>
/// <param name="Plan">The plan; null when there are errors.</param>
/// <param name="Errors">All of them, with places in the file where they have one.</param>
public sealed record PlanResult(RunPlan? Plan, IReadOnlyList<PipelineError> Errors);
