namespace Shipinator.Grains.Executions;

/// <summary>The steps that run in parallel with an execution's step, in the same worker.</summary>
internal sealed class SiblingSteps(IGrainFactory grains)
{
    /// <summary>
    /// Whether a runner has claimed one of them; if so, the worker must not be treated as new. Their rows are read by interleaved calls, so
    /// that siblings that query each other can't deadlock.
    /// </summary>
    public async Task<bool> IsAnyClaimedAsync(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        var order = spec.Worker.Steps.First(s => s.StepId == spec.StepId).Order;
        foreach (var sibling in spec.Worker.Steps.Where(s => s.StepId != spec.StepId && s.Order == order))
        {
            try
            {
                var row = await grains.GetGrain<IExecutionGrain>(sibling.FirstExecutionId.Value).Get(cancellationToken);
                if (row.ClaimedBy is not null)
                {
                    return true;
                }
            }
            catch (NotFoundException)
            {
                // It has not started.
            }
        }

        return false;
    }
}
