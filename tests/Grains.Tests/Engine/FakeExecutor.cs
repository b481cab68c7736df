using System.Collections.Concurrent;

namespace Shipinator.Grains.Tests.Engine;

/// <summary>
/// A platform whose commands are functions of the test. Each submitted execution gets a runner that speaks to the grain as
/// the real one does; it outlives any silo.
/// </summary>
internal sealed class FakeExecutor(Func<IGrainFactory> grains) : IWorkerExecutor, IExecutorRegistry
{
    private readonly ConcurrentDictionary<ExecutionId, Run> _runs = new();
    private readonly ConcurrentDictionary<(RunId, string), Func<ExecutionSpec, CancellationToken, Task<ExecutionReport>>> _commands = new();
    private readonly ConcurrentDictionary<(RunId, string), TaskCompletionSource<ExecutionSpec>> _started = new();
    private readonly ConcurrentDictionary<(RunId, string), TaskCompletionSource<ExecutionSpec>> _submitted = new();
    private readonly ConcurrentDictionary<(RunId, string), Queue<ExecutorException>> _refusals = new();
    private readonly ConcurrentDictionary<JobId, Queue<ExecutorException>> _unreleased = new();
    private readonly ConcurrentDictionary<(RunId, string), bool> _silent = new();

    public string Type => "fake";

    public IReadOnlyCollection<string> Types => [Type];

    /// <summary>Every command that was run, by execution.</summary>
    public ConcurrentQueue<ExecutionSpec> Commands { get; } = new();

    /// <summary>Every spec that was submitted.</summary>
    public ConcurrentQueue<ExecutionSpec> Submits { get; } = new();

    public ConcurrentDictionary<(JobId, int), int> Released { get; } = new();

    public static ExecutionReport Success { get; } = new() { Status = Shipinator.Status.Success, ExitCode = 0 };

    public static ExecutionReport Exit(int code) =>
        new()
        {
            Status = Shipinator.Status.Failed,
            ExitCode = code,
            Reason = Reason.ExitCode,
        };

    public IWorkerExecutor Get(string type) =>
        type == Type ? this : throw ExecutorException.Rejected(Reason.ConfigError, $"There is no executor {type}; known: {Type}.");

    /// <summary>What a step does instead of succeeding at once.</summary>
    public void Script(RunId run, string step, Func<ExecutionSpec, CancellationToken, Task<ExecutionReport>> command) =>
        _commands[(run, step)] = command;

    /// <summary>The step waits until the result is set, or until it is canceled.</summary>
    public TaskCompletionSource<ExecutionReport> Hold(RunId run, string step)
    {
        var gate = new TaskCompletionSource<ExecutionReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        Script(run, step, (_, stop) => gate.Task.WaitAsync(stop));
        return gate;
    }

    /// <summary>The next submits of the step fail with these.</summary>
    public void Refuse(RunId run, string step, params ExecutorException[] errors) => _refusals[(run, step)] = new(errors);

    /// <summary>The next releases of the job's workers fail with these.</summary>
    public void RefuseRelease(JobId job, params ExecutorException[] errors) => _unreleased[job] = new(errors);

    /// <summary>The step is submitted, but its runner never claims it.</summary>
    public void NeverClaim(RunId run, string step) => _silent[(run, step)] = true;

    /// <summary>Ends when the step's command has started.</summary>
    public Task<ExecutionSpec> Started(RunId run, string step) => Signal(_started, run, step).Task.WaitAsync(EngineCluster.Patience);

    /// <summary>Ends when the step was submitted.</summary>
    public Task<ExecutionSpec> Submitted(RunId run, string step) => Signal(_submitted, run, step).Task.WaitAsync(EngineCluster.Patience);

    /// <summary>The machine of the execution vanishes, with its runner.</summary>
    public void Vanish(ExecutionId execution)
    {
        var run = _runs[execution];
        run.Vanished = true;
        run.Stop.Cancel();
    }

    /// <summary>Its runner ends without a report; the platform knows only this.</summary>
    public void Die(ExecutionId execution, ExecutionStatus seen)
    {
        _runs[execution].Seen = seen;
        Vanish(execution);
    }

    public Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken)
    {
        Submits.Enqueue(spec);
        if (_refusals.TryGetValue((spec.Worker.RunId, spec.StepName), out var refusals) && refusals.TryDequeue(out var refusal))
        {
            throw refusal;
        }

        var fresh = new Run();
        var run = _runs.GetOrAdd(spec.ExecutionId, fresh);
        if (ReferenceEquals(run, fresh))
        {
            run.Work = _silent.ContainsKey((spec.Worker.RunId, spec.StepName))
                ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, run.Stop.Token)
                : Task.Run(() => WorkAsync(spec, run), CancellationToken.None);
        }

        Signal(_submitted, spec.Worker.RunId, spec.StepName).TrySetResult(spec);
        return Task.FromResult(ExecutionHandle.Of(spec, Type));
    }

    public Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken) =>
        Task.FromResult(
            _runs.TryGetValue(handle.ExecutionId, out var run) && !run.Vanished && run.Work is { IsCompleted: false }
                ? new ExecutionStatus { Status = Shipinator.Status.Running, StillPresent = true }
                : run?.Seen
                    ?? new ExecutionStatus
                    {
                        Status = Shipinator.Status.Failed,
                        Reason = Reason.Lost,
                        Detail = "It is not there any more.",
                    }
        );

    public Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken)
    {
        if (_runs.TryGetValue(handle.ExecutionId, out var run))
        {
            run.Stop.Cancel();
        }

        return Task.CompletedTask;
    }

    public Task Release(JobId job, int attempt, CancellationToken cancellationToken)
    {
        Released.AddOrUpdate((job, attempt), 1, (_, n) => n + 1);
        if (_unreleased.TryGetValue(job, out var refusals) && refusals.TryDequeue(out var refusal))
        {
            throw refusal;
        }

        return Task.CompletedTask;
    }

    /// <summary>What a real runner does: claim, run, report until it gets a response.</summary>
    private async Task WorkAsync(ExecutionSpec spec, Run run)
    {
        var name = $"runner-{spec.ExecutionId}";
        var claim = await PersistAsync(run, g => g.Claim(name, TimeSpan.FromSeconds(2)), spec.ExecutionId, c => c.Kind != ClaimKind.NotYet);
        if (claim is not { Kind: ClaimKind.Work })
        {
            return;
        }

        Commands.Enqueue(spec);
        Signal(_started, spec.Worker.RunId, spec.StepName).TrySetResult(spec);
        var report = Success;
        try
        {
            if (_commands.TryGetValue((spec.Worker.RunId, spec.StepName), out var command))
            {
                report = await command(spec, run.Stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            report = new() { Status = Shipinator.Status.Canceled };
        }

        if (!run.Vanished)
        {
            await PersistAsync(
                run,
                async g =>
                {
                    await g.Report(report);
                    return true;
                },
                spec.ExecutionId,
                _ => true
            );
        }
    }

    private async Task<T?> PersistAsync<T>(Run run, Func<IExecutionGrain, Task<T>> call, ExecutionId id, Func<T, bool> enough)
    {
        while (!run.Vanished)
        {
            try
            {
                var answer = await call(grains().GetGrain<IExecutionGrain>(id.Value));
                if (enough(answer))
                {
                    return answer;
                }
            }
            catch (ShipinatorException e) when (e is not StorageUnavailableException)
            {
                return default;
            }
            catch (Exception e)
                when (e
                        is OrleansException
                            or StorageUnavailableException
                            or TimeoutException
                            or ObjectDisposedException
                            or InvalidOperationException
                )
            {
                // The silo died during the call: another one responds soon.
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
            }
        }

        return default;
    }

    private static TaskCompletionSource<ExecutionSpec> Signal(
        ConcurrentDictionary<(RunId, string), TaskCompletionSource<ExecutionSpec>> of,
        RunId run,
        string step
    ) => of.GetOrAdd((run, step), _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    private sealed class Run
    {
        public CancellationTokenSource Stop { get; } = new();

        public volatile bool Vanished;

        public volatile ExecutionStatus? Seen;

        public Task? Work { get; set; }
    }
}
