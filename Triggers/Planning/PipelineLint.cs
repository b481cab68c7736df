using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using Shipinator.Pipelines;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Planning;

/// <summary>What to check a pipeline file for.</summary>
public sealed record LintCommand
{
    /// <summary>The text of the file.</summary>
    public required string Content { get; init; }

    /// <summary>The name that errors show; absent: <c>.shipinator.yaml</c>.</summary>
    public string? FileName { get; init; }

    /// <summary>The repository whose executor is assumed.</summary>
    public RepositoryId? Repository { get; init; }

    /// <summary>The executor to assume; absent: the repository's, else the installation's default.</summary>
    public string? Executor { get; init; }

    /// <summary>The trigger type to plan for.</summary>
    public required string Event { get; init; }

    /// <summary>The branch to plan for.</summary>
    public required string Branch { get; init; }

    /// <summary>Values of the inputs; absent: the defaults of the file.</summary>
    public IReadOnlyDictionary<string, string>? Inputs { get; init; }
}

/// <summary>What lint found. <see cref="Plan"/> is null when there are errors.</summary>
public sealed record LintResult(RunPlan? Plan, IReadOnlyList<PipelineError> Errors, IReadOnlyList<PipelineError> Warnings);

/// <summary>Checks a pipeline file and shows its plan, without a repository or a run.</summary>
public sealed class PipelineLint(
    RepositoryStore repositories,
    IExecutorRegistry executors,
    PlanningGate gate,
    IOptions<TriggerOptions> options
)
{
    private const int LongestFileName = 255;

    /// <summary>
    /// Errors: <see cref="MalformedException"/>, <see cref="NotFoundException"/>, <see cref="InvalidInputException"/> for an unknown
    /// executor, <see cref="PlanningBusyException"/>.
    /// </summary>
    public async Task<LintResult> CheckAsync(LintCommand command, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(command);
        Fields.Text(command.Executor, "executor", Fields.Word);
        Fields.Text(command.Event, "event", Fields.Word);
        Fields.Text(command.Branch, "branch", Fields.Ref);
        Fields.InputValues(command.Inputs);
        var repository = command.Repository is not { } id
            ? null
            : await repositories.GetAsync(id, cancellationToken) ?? throw new NotFoundException("repository", id.ToString());
        var executor = command.Executor ?? repository?.Executor ?? options.Value.DefaultExecutor;
        var settings = new PlanSettings
        {
            ProjectName = "project",
            RepositoryName = "repository",
            RunNumber = 1,
            DefaultImage = options.Value.DefaultImage,
            Executor = executor,
            CanRunServices = executors.Get(executor).CanRunServices,
        };
        using var turn = gate.Enter();
        var file = PipelineFile.Parse(command.Content, FileName(command.FileName), cancellationToken);
        if (file.Model is null)
        {
            return new(null, file.Errors, file.Warnings);
        }

        var plan = RunPlanner.Plan(file.Model, Facts(command, file.Model), settings, cancellationToken);
        return new(plan.Plan, plan.Errors, file.Warnings);
    }

    private static TriggerFacts Facts(LintCommand command, PipelineModel model) =>
        new()
        {
            Event = command.Event,
            Ref = $"refs/heads/{command.Branch}",
            Branch = command.Branch,
            Commit = new string('0', 40),
            Inputs = (command.Inputs ?? Defaults(model)).ToImmutableSortedDictionary(StringComparer.Ordinal),
        };

    private static Dictionary<string, string> Defaults(PipelineModel model) =>
        model.Inputs.ToDictionary(i => i.Name, i => i.Default ?? (i.Options.Count > 0 ? i.Options[0] : ""));

    private static string FileName(string? given) =>
        string.IsNullOrWhiteSpace(given) ? PipelineFile.DefaultName
        : given.Length > LongestFileName ? given[^LongestFileName..]
        : given;
}
