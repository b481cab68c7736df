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

        return (await secrets.Resolve(SecretRequest.Of(spec), cancellationToken)).Problem(spec.StepName);
    }
}
