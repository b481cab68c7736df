using System.Collections.Immutable;
using Shipinator.Globbing;

namespace Shipinator.Pipelines;

/// <summary>A job of the file, before its matrix multiplies it.</summary>
internal sealed record JobModel
{
    public required string Name { get; init; }

    public required JobType Type { get; init; }

    public required Located At { get; init; }

    public required IReadOnlyList<(string Key, IReadOnlyList<string> Values)> Matrix { get; init; }

    /// <summary>The stage's and the job's own conditions: of each list that is not empty, a clause must hold.</summary>
    public required IReadOnlyList<IReadOnlyList<WhenClause>> When { get; init; }

    public required IReadOnlyList<ServiceModel> Services { get; init; }

    public required TimeSpan Timeout { get; init; }

    public required IReadOnlyList<StepModel> Steps { get; init; }

    public ClonePlan? CloneOptions { get; init; }

    public Located? Target { get; init; }

    public Located? Namespace { get; init; }

    /// <summary>Set for a deploy that names an artifact; then there are no steps.</summary>
    public DeployModel? Deploy { get; init; }

    /// <summary>What a planned deploy step takes from its job; a written step has taken it already.</summary>
    public required StepDefaults Defaults { get; init; }

    /// <summary>The combinations of the matrix, in the file's order, the last key changing fastest; one empty one without a matrix.</summary>
    public IEnumerable<ImmutableSortedDictionary<string, string>> Combinations()
    {
        IEnumerable<ImmutableSortedDictionary<string, string>> all = [ImmutableSortedDictionary<string, string>.Empty.WithComparers(StringComparer.Ordinal)];
        foreach (var (key, values) in Matrix)
        {
            all = all.SelectMany(c => values.Select(v => c.SetItem(key, v)));
        }

        return all;
    }

    /// <summary>The job's name for one combination: <c>test (go=1.23, os=linux)</c>, keys in the file's order.</summary>
    public string NameOf(ImmutableSortedDictionary<string, string> combination) =>
        Matrix.Count == 0 ? Name : $"{Name} ({string.Join(", ", Matrix.Select(m => $"{m.Key}={combination[m.Key]}"))})";
}

/// <summary>What an outer level sets for the steps below it.</summary>
internal sealed record StepDefaults(Located? Image, ImmutableArray<EnvLayer> Env, ImmutableArray<string> Secrets)
{
    public static StepDefaults None { get; } = new(null, [], []);

    /// <summary>Null: <c>sh -e</c>.</summary>
    public ShellModel? Shell { get; init; }
}

/// <summary>One <c>env</c> map; layers are put over each other only when a step is planned.</summary>
internal sealed record EnvLayer(IReadOnlyList<(string Name, Located Value)> Entries);

/// <summary>A step as it is written.</summary>
internal sealed record StepModel
{
    public required string Name { get; init; }

    public required Located At { get; init; }

    public required int Order { get; init; }

    public required string? ParallelGroup { get; init; }

    public required StepDefaults Defaults { get; init; }

    public Located? Run { get; init; }

    /// <summary>What runs the script; null where there is none, or where its own first line says it.</summary>
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

/// <summary>One map of a <c>when</c>; null lists ask for nothing.</summary>
internal sealed record WhenClause(
    GlobList? Branch,
    GlobList? Tag,
    IReadOnlyList<string>? Event,
    GlobList? Path,
    IReadOnlyList<string>? Status);

/// <summary>A declared output.</summary>
internal sealed record OutputModel(string Type, Located? Path, Located? Ref, StepCondition? When = null, bool Optional = false);

/// <summary>A wanted artifact.</summary>
internal sealed record InputModel(string? Type, string? Step, Located? Id, Located? Path);

/// <summary>A cache.</summary>
internal sealed record CacheModel(IReadOnlyList<Located> Key, IReadOnlyList<Located> Paths);

/// <summary>A service.</summary>
internal sealed record ServiceModel(string Name, Located Image, EnvLayer Env, IReadOnlyList<Located>? Command, int? ReadyTcp, TimeSpan? ReadyTimeout);

/// <summary>A deploy that is planned from what it names.</summary>
internal sealed record DeployModel(string Type, string? Step, Located? Id, Located? Release, RetryPlan? Retry, Located At);
