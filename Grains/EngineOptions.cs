using Microsoft.Extensions.Options;

namespace Shipinator.Grains;

/// <summary>The settings of <c>Shipinator:Engine</c>. The defaults suit most installations.</summary>
public sealed class EngineOptions
{
    /// <summary>
    /// How many executions an executor runs concurrently when <see cref="AdmissionLimits"/> has no entry for it; at least 1. Default 100.
    /// </summary>
    public int DefaultAdmissionLimit { get; set; } = 100;

    /// <summary>How many executions each executor runs concurrently, by type (<c>process</c>, <c>kubernetes</c>); at least 1.</summary>
    public IDictionary<string, int> AdmissionLimits { get; } = new Dictionary<string, int>(StringComparer.Ordinal);

    /// <summary>How long an execution may wait for a slot before it fails with <c>timeout</c>. Default 24 h.</summary>
    public TimeSpan QueueTimeout { get; set; } = TimeSpan.FromHours(24);

    /// <summary>
    /// How long an executor may respond to a submit with transient errors before the execution fails with the error's reason. Default
    /// 10 min.
    /// </summary>
    public TimeSpan SubmitTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How long a submitted execution may wait for a runner to claim it before it fails with <c>executor_error</c>. Default 15 min.
    /// </summary>
    public TimeSpan ClaimTimeout { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>
    /// How long after a step's timeout the server cancels it, when its runner has not; from 0 to 1 day. Default 30 s.
    /// </summary>
    public TimeSpan TimeoutMargin { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The interval of the first polls of an executor. Default 1 s.</summary>
    public TimeSpan PollFirst { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest interval between two polls, reached while nothing changes. Default 15 s.</summary>
    public TimeSpan PollSlowest { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How often a run or job checks its jobs or executions when no change is reported. Default 30 s.</summary>
    public TimeSpan ReconcilePeriod { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait before the first retry of a failed call. Default 1 s.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The time between SIGTERM and SIGKILL when a command is canceled; from 0 to 1 day. Default 10 s.</summary>
    public TimeSpan CancelGrace { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long an executor may take to explain why a runner was stopped from outside, such as by an eviction, before the execution fails
    /// with <c>lost</c>. Default 15 s.
    /// </summary>
    public TimeSpan StopExplainTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long a runner may be silent before its execution fails with <c>lost</c>. Runners send a heartbeat every 5 s. Default 5 min.
    /// </summary>
    public TimeSpan RunnerSilence { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How often slots are compared with the executions that hold them. Default 1 min.</summary>
    public TimeSpan SlotSweepPeriod { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a webhook delivery is retried before its outcome is <c>gave_up</c>. Default 3 d.</summary>
    public TimeSpan DeliveryTimeout { get; set; } = TimeSpan.FromDays(3);

    /// <summary>How long one attempt to process a webhook delivery may take. Default 5 min.</summary>
    public TimeSpan DeliveryAttemptTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// The longest delay between two attempts to process a webhook delivery; the first is <see cref="RetryDelay"/>. A forge that asks for
    /// more gets it, up to 1 h. Default 1 min.
    /// </summary>
    public TimeSpan DeliveryRetrySlowest { get; set; } = TimeSpan.FromMinutes(1);

    internal int LimitOf(string executor) => AdmissionLimits.TryGetValue(executor, out var limit) ? limit : DefaultAdmissionLimit;
}

/// <summary>Reports every invalid setting with its key, its value and what is allowed.</summary>
public sealed class EngineOptionsValidator : IValidateOptions<EngineOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = new List<string>();
        if (options.DefaultAdmissionLimit < 1)
        {
            errors.Add($"Shipinator:Engine:DefaultAdmissionLimit must be at least 1, but was {options.DefaultAdmissionLimit}.");
        }

        errors.AddRange(
            options
                .AdmissionLimits.Where(l => l.Value < 1)
                .Select(l => $"Shipinator:Engine:AdmissionLimits:{l.Key} must be at least 1, but was {l.Value}.")
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
                (nameof(options.SlotSweepPeriod), options.SlotSweepPeriod),
                (nameof(options.StopExplainTimeout), options.StopExplainTimeout),
                (nameof(options.RunnerSilence), options.RunnerSilence),
                (nameof(options.DeliveryTimeout), options.DeliveryTimeout),
                (nameof(options.DeliveryAttemptTimeout), options.DeliveryAttemptTimeout),
                (nameof(options.DeliveryRetrySlowest), options.DeliveryRetrySlowest),
            }
        )
        {
            if (value <= TimeSpan.Zero)
            {
                errors.Add($"Shipinator:Engine:{key} must be greater than zero, but was {value}.");
            }
        }

        foreach (
            var (key, value) in new[]
            {
                (nameof(options.TimeoutMargin), options.TimeoutMargin),
                (nameof(options.CancelGrace), options.CancelGrace),
            }
        )
        {
            if (value < TimeSpan.Zero || value > TimeSpan.FromDays(1))
            {
                errors.Add($"Shipinator:Engine:{key} must be between 00:00:00 and 1.00:00:00 (one day), but was {value}.");
            }
        }

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
