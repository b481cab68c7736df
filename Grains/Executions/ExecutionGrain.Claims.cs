namespace Shipinator.Grains.Executions;

/// <summary>The side that answers runners.</summary>
public sealed partial class ExecutionGrain
{
    /// <inheritdoc/>
    public async Task<ClaimResult> Claim(string runner, TimeSpan wait, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(runner);
        ThrowIfAbandoned();
        if (Row is { Life.IsTerminal: true } or { Cancel: not null } || (Row is null && _notNeeded))
        {
            return Refusal;
        }

        Heard(runner);
        // Interleaved with the turn that may be writing: the turn answers.
        var waiter = new ClaimWaiter(runner);
        try
        {
            _claims.Add(waiter);
            if (Row is not null)
            {
                await this.AsReference<IExecutionGrain>().Admitted();
            }

            return await waiter.Answer.Task.WaitAsync(wait, Time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return new(ClaimKind.NotYet, null, []);
        }
        finally
        {
            _claims.Remove(waiter);
        }
    }

    /// <inheritdoc/>
    public Task NotNeeded()
    {
        // A claim may still be on its way here: it is refused when it arrives.
        _notNeeded = true;
        if (Row is null)
        {
            RefuseClaims();
        }

        return Task.CompletedTask;
    }

    private static ClaimResult Refusal { get; } = new(ClaimKind.NotNeeded, null, []);

    /// <summary>The first runner gets the work, durably; the same one again gets it again; another one is refused.</summary>
    private async Task AnswerClaimsAsync(CancellationToken cancellationToken)
    {
        foreach (var waiter in _claims.ToList())
        {
            var row = Row!;
            if (row.Life.IsTerminal || row.Cancel is not null)
            {
                waiter.Answer.TrySetResult(Refusal);
            }
            else if (row.ClaimedBy is not null && row.ClaimedBy != waiter.Runner)
            {
                waiter.Answer.TrySetException(new ConflictException("claimed", $"Execution {Id} was claimed by another runner."));
            }
            else if (row.Life.Status is Status.Submitted or Status.Running)
            {
                await AnswerAsync(waiter, row, cancellationToken);
            }
        }
    }

    private async Task AnswerAsync(ClaimWaiter waiter, ExecutionRecord row, CancellationToken cancellationToken)
    {
        var inputs = new InputPlaces();
        foreach (var input in row.Spec.Inputs)
        {
            var candidates = await artifacts.Find(row.Spec.Worker.RunId, row.Spec.Worker.ProjectId, input, cancellationToken);
            var found = InputChoice.Of(input, candidates);
            if (found.Count == 0)
            {
                var missing = NewEdit(Actor);
                await SaveAsync(
                    ExecutionLogic.End(
                        row,
                        Status.Failed,
                        Reason.ArtifactMissing,
                        $"Step {row.Spec.StepName} asks for an artifact that is not there: {Describe(input)}.",
                        null,
                        missing
                    ),
                    missing
                );
                return;
            }

            if (inputs.Add(input, found) is { } clash)
            {
                var wrong = NewEdit(Actor);
                await SaveAsync(ExecutionLogic.End(row, Status.Failed, Reason.ConfigError, clash, null, wrong), wrong);
                return;
            }
        }

        if (row.ClaimedBy is null)
        {
            await AllowCloneAsync(waiter, row, cancellationToken);
            var edit = NewEdit("runner");
            Heard(waiter.Runner);
            await SaveAsync(ExecutionLogic.Claim(row, waiter.Runner, edit), edit);
        }

        waiter.Answer.TrySetResult(new(ClaimKind.Work, row.Spec, inputs.All, waiter.MayClone, row.ExecutorType));
    }

    /// <summary>
    /// Before the claim is written: whether what it is answered with may hold the clone credential. A step knows its own token and may
    /// know that of the next one: so a claim that is repeated, and one in a workspace in which anything was begun before, never does.
    /// </summary>
    private async Task AllowCloneAsync(ClaimWaiter first, ExecutionRecord row, CancellationToken cancellationToken)
    {
        if (
            !row.Spec.JoinsWorker
            && row.Spec.Worker.Source is not null
            && executors.Get(row.ExecutorType).RunnersClone
            && !await IsSiblingClaimedAsync(row.Spec, cancellationToken)
        )
        {
            // The same runner may have asked twice, because it gave the first request up.
            foreach (var waiter in _claims.Append(first).Where(w => w.Runner == first.Runner))
            {
                waiter.MayClone = true;
            }
        }
    }

    /// <summary>Each waits for a turn that this activation will not have.</summary>
    private protected override void OnAbandoned()
    {
        foreach (var waiter in _claims)
        {
            waiter.Answer.TrySetException(Abandoned!);
        }
    }

    private void RefuseClaims()
    {
        foreach (var waiter in _claims)
        {
            waiter.Answer.TrySetResult(Refusal);
        }
    }

    private static string Describe(InputSpec input) =>
        string.Join(
            " ",
            new[]
            {
                input.ArtifactId is { } id ? $"id {id}" : null,
                input.Type is { } type ? $"type {type}" : null,
                input.Step is { } step ? $"of step {step}" : null,
                input.Jobs is { } jobs ? $"of job {string.Join(" or ", jobs)}" : null,
            }.Where(p => p is not null)
        );

    private sealed record ClaimWaiter(string Runner)
    {
        /// <summary>See <see cref="ClaimResult.MayClone"/>.</summary>
        public bool MayClone { get; set; }

        public TaskCompletionSource<ClaimResult> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
