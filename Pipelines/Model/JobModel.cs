using System.Collections.Immutable;
using Shipinator.Globbing;

namespace Shipinator.Pipelines;

/// <summary>A job of the file, before matrix expansion.</summary>
internal sealed record JobModel
{
    public required string Name { get; init; }

    public required JobType Type { get; init; }

    public required Located At { get; init; }

    /// <summary>One job of the run for each; without a matrix a single empty one.</summary>
    public required IReadOnlyList<Combination> Combinations { get; init; }

    /// <summary>The conditions of the stage and of the job: in each list that is not empty, a clause must hold.</summary>
    public required IReadOnlyList<IReadOnlyList<WhenClause>> When { get; init; }

    public required IReadOnlyList<ServiceModel> Services { get; init; }

    public required TimeSpan Timeout { get; init; }

    public required IReadOnlyList<StepModel> Steps { get; init; }

    public ClonePlan? CloneOptions { get; init; }

    public Located? Target { get; init; }

    public Located? Namespace { get; init; }

    /// <summary>Set for a deploy that names an artifact; then there are no steps.</summary>
    public DeployModel? Deploy { get; init; }

    /// <summary>What a planned deploy step inherits from its job; explicit steps have inherited it already.</summary>
    public required StepDefaults Defaults { get; init; }

    /// <summary>Whether it may run after a failure: then it starts when the other jobs of its stage have ended.</summary>
    public bool IsClosing => When.Any(w => w.Any(c => c.Status?.Contains("failure") == true));

    /// <summary>The job's name for one combination: <c>test (go=1.23, os=linux)</c>, keys in the file's order.</summary>
    public string NameOf(Combination combination) => Name + combination.Label;
}

/// <summary>What an outer level sets for the steps below it.</summary>
internal sealed record StepDefaults(Located? Image, ImmutableArray<EnvLayer> Env, ImmutableArray<string> Secrets)
{
    public static StepDefaults None { get; } = new(null, [], []);

    /// <summary>Null: <c>sh -e</c>.</summary>
    public ShellModel? Shell { get; init; }
}

/// <summary>One <c>env</c> map; layers are merged only when a step is planned.</summary>
internal sealed record EnvLayer(IReadOnlyList<(string Name, Located Value)> Entries);

/// <summary>A step of the file.</summary>
internal sealed record StepModel
{
    public required string Name { get; init; }

    public required Located At { get; init; }

    public required int Order { get; init; }

    public required string? ParallelGroup { get; init; }

    public required StepDefaults Defaults { get; init; }

    public Located? Run { get; init; }

    /// <summary>What runs the script; null when there is no script or when its <c>#!</c> line says it.</summary>
    public ShellModel? Shell { get; init; }

    public IReadOnlyList<Located>? Command { get; init; }

    public required TimeSpan? Timeout { get; init; }

    public required RetryPlan? Retry { get; init; }

    public required bool AllowFailure { get; init; }

    public required IReadOnlyList<WhenClause> When { get; init; }

    public required IReadOnlyList<OutputModel> Outputs { get; init; }

    public required IReadOnlyList<InputModel> Inputs { get; init; }

    public required CacheModel? Cache { get; init; }

    public required ResourcesPlan? Resources { get; init; }

    public required Located? Workdir { get; init; }
}

/// <summary>One clause of a <c>when</c>; a null list matches anything.</summary>
internal sealed record WhenClause(
    GlobList? Branch,
    GlobList? Tag,
    IReadOnlyList<string>? Event,
    GlobList? Path,
    IReadOnlyList<string>? Status
);

/// <summary>A declared output.</summary>
internal sealed record OutputModel(string Type, Located? Path, Located? Ref, StepCondition? When = null, bool Optional = false);

/// <summary>An input of a step: which artifacts, and where they are placed.</summary>
internal sealed record InputModel(string? Type, string? Step, Located? Id, Located? Path)
{
    /// <summary>The job's name in the file; null: any job.</summary>
    public string? Job { get; init; }

    /// <summary>The values that the job's matrix must have.</summary>
    public IReadOnlyList<(string Name, Located Value)> Matrix { get; init; } = [];

    public Located At { get; init; } = new("", 0, 0, "");
}

/// <summary>A cache.</summary>
internal sealed record CacheModel(IReadOnlyList<Located> Key, IReadOnlyList<Located> Paths)
{
    public IReadOnlyList<Located> RestoreKeys { get; init; } = [];
}

/// <summary>A service.</summary>
internal sealed record ServiceModel(
    string Name,
    Located Image,
    EnvLayer Env,
    IReadOnlyList<Located>? Command,
    int? ReadyTcp,
    TimeSpan? ReadyTimeout
)
{
    public Located At { get; init; } = Image;
}

/// <summary>A deploy with <c>artifact</c>, whose step is planned by the server.</summary>
internal sealed record DeployModel(string Type, string? Step, Located? Id, Located? Release, RetryPlan? Retry, Located At);
