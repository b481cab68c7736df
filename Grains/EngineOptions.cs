using Microsoft.Extensions.Options;

namespace Shipinator.Grains;

/// <summary>How the engine behaves; every default is meant to be left alone.</summary>
public sealed class EngineOptions
{
    /// <summary>How many executions of an executor may be at work at once, when <see cref="AdmissionLimits"/> names none. Default 100.</summary>
    public int DefaultAdmissionLimit { get; set; } = 100;

    /// <summary>The same for single executors, by type.</summary>
    public IDictionary<string, int> AdmissionLimits { get; } = new Dictionary<string, int>(StringComparer.Ordinal);

    /// <summary>How long an execution may wait for a place before it fails with <c>timeout</c>. Default 24 h.</summary>
    public TimeSpan QueueTimeout { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long the executor may refuse with passing errors before the execution fails with <c>executor_error</c>. Default 10 min.</summary>
    public TimeSpan SubmitTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a submitted execution may stay without a runner that claims it. Default 15 min.</summary>
    public TimeSpan ClaimTimeout { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>What is added to a step's own timeout before the control plane steps in: the runner keeps the time first. Default 30 s.</summary>
    public TimeSpan TimeoutMargin { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The first interval at which an execution asks its executor. Default 1 s.</summary>
    public TimeSpan PollFirst { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The interval that polling slows down to while nothing changes. Default 15 s.</summary>
    public TimeSpan PollSlowest { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How often a run or job looks at its children without being told to. Default 30 s.</summary>
    public TimeSpan ReconcilePeriod { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>What is waited after a failed call to another grain or to a store. Default 1 s.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a command has between SIGTERM and SIGKILL. Default 10 s.</summary>
    public TimeSpan CancelGrace { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the executor has to say who told a runner to stop, before it counts as lost. Default 15 s.</summary>
    public TimeSpan StopExplainTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long nothing may be heard of a runner at work before its execution is lost. It speaks every 5 s. Default 5 min.</summary>
    public TimeSpan RunnerSilence { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How often the admission compares its leases with the executions that hold them. Default 1 min.</summary>
    public TimeSpan LeaseSweepPeriod { get; set; } = TimeSpan.FromMinutes(1);

    internal int LimitOf(string executor) => AdmissionLimits.TryGetValue(executor, out var limit) ? limit : DefaultAdmissionLimit;
}

/// <summary>Names every setting that is wrong, and what it should be.</summary>
public sealed class EngineOptionsValidator : IValidateOptions<EngineOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = new List<string>();
        if (options.DefaultAdmissionLimit < 1)
        {
            errors.Add($"Shipinator:Engine:DefaultAdmissionLimit is {options.DefaultAdmissionLimit}; it must be at least 1.");
        }

        errors.AddRange(
            options
                .AdmissionLimits.Where(l => l.Value < 1)
                .Select(l => $"Shipinator:Engine:AdmissionLimits:{l.Key} is {l.Value}; it must be at least 1.")
        );
        foreach (
            var (key, value) in new[]
            {
                (nameof(options.QueueTimeout), options.QueueTimeout),
                (nameof(options.SubmitTimeout), options.SubmitTimeout),
                (nameof(options.ClaimTimeout), options.ClaimTimeout),
                (nameof(options.PollFirst), options.PollFirst),
                (nameof(options.PollSlowest), options.PollSlowest),
                (nameof(options.ReconcilePeriod), options.ReconcilePeriod),
                (nameof(options.RetryDelay), options.RetryDelay),
                (nameof(options.LeaseSweepPeriod), options.LeaseSweepPeriod),
                (nameof(options.StopExplainTimeout), options.StopExplainTimeout),
                (nameof(options.RunnerSilence), options.RunnerSilence),
            }
        )
        {
            if (value <= TimeSpan.Zero)
            {
                errors.Add($"Shipinator:Engine:{key} is {value}; it must be longer than zero.");
            }
        }

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
