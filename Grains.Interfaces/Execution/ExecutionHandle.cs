using System.Globalization;

namespace Shipinator;

/// <summary>Identifies a submitted execution to its executor, also after the server was restarted.</summary>
/// <param name="ExecutorType">The executor that it was submitted to.</param>
/// <param name="ExternalId">
/// The platform's name for the execution, <c>WORKER-sSTEP-ATTEMPT</c>: for users and the database. It is never parsed.
/// </param>
/// <param name="ExecutionId">The execution.</param>
/// <param name="JobId">The job that its worker was created for.</param>
/// <param name="WorkerAttempt">The job attempt that its worker was created for, from 1.</param>
/// <param name="StepId">The step that it is an attempt of.</param>
/// <param name="WorkerName">The worker that it runs in: <see cref="Shipinator.WorkerName"/>.</param>
/// <param name="StepIndex">The step's position in <see cref="WorkerSpec.Steps"/>, from 0.</param>
[GenerateSerializer, Alias("shipinator.execution-handle"), Immutable]
public sealed record ExecutionHandle(
    [property: Id(0)] string ExecutorType,
    [property: Id(1)] string ExternalId,
    [property: Id(2)] ExecutionId ExecutionId,
    [property: Id(3)] JobId JobId,
    [property: Id(4)] int WorkerAttempt,
    [property: Id(5)] StepId StepId,
    [property: Id(6)] string WorkerName,
    [property: Id(7)] int StepIndex
)
{
    /// <summary>
    /// Creates the handle of an execution on an executor. Nothing else creates handles, so that executors and the engine agree, also after
    /// a restart. Errors: <see cref="ArgumentException"/> when the step is none of its worker's.
    /// </summary>
    public static ExecutionHandle Of(ExecutionSpec spec, string executorType)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var worker = spec.Worker;
        var index = 0;
        while (index < worker.Steps.Length && worker.Steps[index].StepId != spec.StepId)
        {
            index++;
        }

        return index < worker.Steps.Length
            ? new(
                executorType,
                string.Create(CultureInfo.InvariantCulture, $"{worker.ExternalName}-s{index}-{spec.Attempt}"),
                spec.ExecutionId,
                worker.JobId,
                worker.Attempt,
                spec.StepId,
                worker.ExternalName,
                index
            )
            : throw new ArgumentException($"Step {spec.StepId} is not a step of worker {worker.ExternalName}.", nameof(spec));
    }
}
