using System.Collections.Immutable;
using Shipinator.Pipelines;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Planning;
using Shipinator.Triggers.Repositories;

namespace Shipinator.Triggers.Runs;

/// <summary>What a trigger would do.</summary>
/// <param name="Pipeline">The requested pipeline.</param>
/// <param name="GitRef">The requested ref.</param>
/// <param name="Given">The given values of inputs that the file declares.</param>
/// <param name="Head">The commit, and the full name of the ref.</param>
/// <param name="Inputs">The inputs that the file declares; empty unless the trigger type is <c>manual</c>.</param>
/// <param name="Plan">Null when there are errors.</param>
/// <param name="Errors">The errors of the pipeline file and of the inputs.</param>
public sealed record TriggerPreview(
    PipelineId Pipeline,
    string GitRef,
    IReadOnlyDictionary<string, string> Given,
    ResolvedRef Head,
    IReadOnlyList<ManualInput> Inputs,
    RunPlan? Plan,
    IReadOnlyList<PipelineError> Errors
)
{
    /// <summary>Warnings: valid but probably unintended content of the file.</summary>
    public IReadOnlyList<PipelineError> Warnings { get; init; } = [];
}

/// <summary>Previews a run, with the same checks as <see cref="RunTrigger"/>, without creating anything.</summary>
public sealed class RunPreview(PipelineStore pipelines, RepositoryStore repositories, IForgeRegistry forges, RunPlanning planning)
{
    /// <summary>
    /// The inputs that the file declares at this ref, and the plan or its errors. An empty input counts as not given. Errors:
    /// <see cref="MalformedException"/>, <see cref="NotFoundException"/>, <see cref="ForgeException"/>,
    /// <see cref="InvalidInputException"/> <c>trigger_not_defined</c>, <see cref="PlanningBusyException"/>.
    /// </summary>
    public async Task<TriggerPreview> ShowAsync(PipelineId pipelineId, RunRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        Fields.GitRef(request.GitRef);
        Fields.Commit(request.GitSha, "git_sha");
        Fields.InputValues(request.Inputs);
        var pipeline =
            await pipelines.GetAsync(pipelineId, cancellationToken) ?? throw new NotFoundException("pipeline", pipelineId.ToString());
        var repository =
            await repositories.GetAsync(pipeline.RepositoryId, cancellationToken)
            ?? throw new NotFoundException("repository", pipeline.RepositoryId.ToString());
        var file = await forges
            .Get(repository.VcsProvider)
            .ReadAt(repository.ForForge(), repository.RefOf(request.GitRef), request.GitSha, repository.PipelinePath(), cancellationToken);
        var result = await planning.ParseAsync(repository, file, cancellationToken);
        if (result.Model is not { } model)
        {
            return new(pipelineId, request.GitRef, ImmutableSortedDictionary<string, string>.Empty, file.Head, [], null, result.Errors)
            {
                Warnings = result.Warnings,
            };
        }

        RunPlanning.RequireTrigger(repository, file, model, pipeline.TriggerType);
        IReadOnlyList<ManualInput> declared = pipeline.TriggerType == "manual" ? model.Inputs : [];
        var inputs = request.Inputs ?? new Dictionary<string, string>();
        var given = declared
            .Where(i => inputs.TryGetValue(i.Name, out var value) && value.Length > 0)
            .ToImmutableSortedDictionary(i => i.Name, i => inputs[i.Name], StringComparer.Ordinal);
        var facts = RunPlanning.Facts(pipeline.TriggerType, file.Head, request.Actor, given);
        var plan = await planning.PlanAsync(model, facts, repository, 1, cancellationToken);
        return new(pipelineId, request.GitRef, given, file.Head, declared, plan.Plan, plan.Errors) { Warnings = result.Warnings };
    }
}
