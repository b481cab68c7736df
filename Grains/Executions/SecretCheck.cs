namespace Shipinator.Grains.Executions;

/// <summary>Checks before a start that the secrets which a step names exist.</summary>
internal sealed class SecretCheck(ISecretSource secrets)
{
    /// <summary>The detail that names the missing ones; null when all exist.</summary>
    public async Task<string?> MissingAsync(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        if (spec.Secrets.IsEmpty)
        {
            return null;
        }

        var known = await secrets.Resolve(spec.Worker.ProjectId, spec.Worker.RepositoryId, spec.Secrets, cancellationToken);
        var missing = spec.Secrets.Where(n => !known.ContainsKey(n)).ToList();
        return missing.Count == 0
            ? null
            : $"Step {spec.StepName} uses secrets that are not configured for this repository: {string.Join(", ", missing)}.";
    }
}
