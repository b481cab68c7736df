using System.Collections.Immutable;

namespace Shipinator.Grains.Executions;

/// <summary>The artifacts of one execution: resolves the inputs of its step and verifies its declared outputs.</summary>
internal sealed class ExecutionArtifacts(IArtifactIndex artifacts)
{
    /// <summary>The artifacts that a step's inputs select, or an error.</summary>
    public async Task<ResolvedInputs> ResolveAsync(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        var layout = new InputLayout();
        foreach (var input in spec.Inputs)
        {
            var found = InputChoice.Of(input, await artifacts.Find(spec.Worker.RunId, spec.Worker.ProjectId, input, cancellationToken));
            if (found.Count == 0)
            {
                var missing = $"Step {spec.StepName} needs an artifact that does not exist: {Describe(input)}.";
                return new([], Reason.ArtifactMissing, missing);
            }

            if (layout.Add(input, found) is { } clash)
            {
                return new([], Reason.ConfigError, clash);
            }
        }

        return new(layout.All, null, null);
    }

    /// <summary>
    /// A success without the declared outputs is a failure. Errors: <see cref="InvalidInputException"/> <c>artifact_unknown</c> when the
    /// report names artifacts that were not uploaded.
    /// </summary>
    public async Task<ExecutionReport> CheckAsync(ExecutionRecord row, ExecutionReport report, CancellationToken cancellationToken)
    {
        if (report.Artifacts.IsEmpty && (row.Spec.Artifacts.IsEmpty || report.Status != Status.Success))
        {
            return report;
        }

        var known = await artifacts.OfExecution(row.Id, cancellationToken);
        var unknown = report.Artifacts.Where(a => known.All(k => k.Id != a)).ToList();
        if (unknown.Count > 0)
        {
            throw new InvalidInputException(
                "artifact_unknown",
                $"Execution {row.Id} reports artifacts that were not uploaded: {string.Join(", ", unknown)}."
            );
        }

        var absent = row
            .Spec.Artifacts.Where(o => o.IsRequired() && known.All(k => k.Type != o.Type))
            .Select(o => $"{o.Type} {o.Path ?? o.Ref}")
            .ToList();
        return report.Status == Status.Success && absent.Count > 0
            ? report with
            {
                Status = Status.Failed,
                Reason = Reason.ArtifactMissing,
                Detail = $"The step succeeded without its declared outputs: {string.Join(", ", absent)}.",
            }
            : report;
    }

    private static string Describe(InputSpec input)
    {
        string?[] parts =
        [
            input.ArtifactId is { } id ? $"id {id}" : null,
            input.Type is { } type ? $"type {type}" : null,
            input.Step is { } step ? $"of step {step}" : null,
            input.Jobs is { } jobs ? $"of job {string.Join(" or ", jobs)}" : null,
        ];
        return string.Join(" ", parts.Where(p => p is not null));
    }
}

/// <summary>A step's inputs; with <see cref="Error"/> the step fails for <see cref="Reason"/>.</summary>
internal sealed record ResolvedInputs(ImmutableArray<ResolvedInput> Inputs, Reason? Reason, string? Error);
