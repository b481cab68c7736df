using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using Shipinator.Pipelines;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Repositories;

namespace Shipinator.Triggers.Planning;

/// <summary>Turns the pipeline file of a commit into a plan, for a run or its preview.</summary>
public sealed class RunPlanning(IExecutorRegistry executors, IOptions<TriggerOptions> options, PlanningGate gate)
{
    /// <summary>The executor of a repository: its own, or the installation's default.</summary>
    public string ExecutorOf(RepositoryRow repository)
    {
        ArgumentNullException.ThrowIfNull(repository);
        return repository.Executor ?? options.Value.DefaultExecutor;
    }

    /// <summary>
    /// Parses the file. Errors: <see cref="PipelineFileException"/>; <see cref="InvalidInputException"/> <c>trigger_not_defined</c> when
    /// the file does not define the trigger type.
    /// </summary>
    internal async Task<PipelineModel> ParseAsync(
        RepositoryRow repository,
        CommitFile file,
        string triggerType,
        CancellationToken cancellationToken
    )
    {
        var result = await ParseAsync(repository, file, cancellationToken);
        var model = result.Model ?? throw new PipelineFileException(result.Errors);
        RequireTrigger(repository, file, model, triggerType);
        return model;
    }

    /// <summary>Parses the file; errors of the file are in the result.</summary>
    internal async Task<PipelineFileResult> ParseAsync(RepositoryRow repository, CommitFile file, CancellationToken cancellationToken)
    {
        using var turn = await gate.EnterAsync(cancellationToken);
        return PipelineFile.Parse(file.Text, repository.PipelinePath(), cancellationToken);
    }

    /// <summary>Errors: <see cref="InvalidInputException"/> <c>trigger_not_defined</c>.</summary>
    internal static void RequireTrigger(RepositoryRow repository, CommitFile file, PipelineModel model, string triggerType)
    {
        if (!model.TriggerTypes.Contains(triggerType))
        {
            throw new InvalidInputException(
                "trigger_not_defined",
                $"{repository.PipelinePath()} at commit {file.Head.Commit[..8]} defines no '{triggerType}' trigger; "
                    + $"it defines: {string.Join(", ", model.TriggerTypes)}."
            );
        }
    }

    /// <summary>Plans a run; the result holds either the plan or its errors.</summary>
    internal async Task<PlanResult> PlanAsync(
        PipelineModel model,
        TriggerFacts facts,
        RepositoryRow repository,
        long runNumber,
        CancellationToken cancellationToken
    )
    {
        var settings = new PlanSettings
        {
            ProjectName = repository.ProjectName,
            RepositoryName = repository.Name,
            RunNumber = runNumber,
            DefaultImage = options.Value.DefaultImage,
            Executor = ExecutorOf(repository),
            CanRunServices = executors.Get(ExecutorOf(repository)).CanRunServices,
        };
        using var turn = await gate.EnterAsync(cancellationToken);
        return RunPlanner.Plan(model, facts, settings, cancellationToken);
    }

    /// <summary>What templates and conditions of the file can refer to.</summary>
    internal static TriggerFacts Facts(
        string triggerType,
        ResolvedRef head,
        Actor actor,
        ImmutableSortedDictionary<string, string> inputs
    ) =>
        new()
        {
            Event = triggerType,
            Ref = head.FullRef,
            Commit = head.Commit,
            Branch = Below(head.FullRef, "refs/heads/"),
            Tag = Below(head.FullRef, "refs/tags/"),
            Message = head.Message,
            Author = head.Author,
            Actor = actor.ToString(),
            Inputs = inputs,
        };

    private static string? Below(string fullRef, string prefix) =>
        fullRef.StartsWith(prefix, StringComparison.Ordinal) ? fullRef[prefix.Length..] : null;
}
