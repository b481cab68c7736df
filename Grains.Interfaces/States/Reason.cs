using System.Text.Json.Serialization;

namespace Shipinator;

/// <summary>Why something ended as it did or was skipped: a closed set. The detail explains it, and never replaces it.</summary>
[JsonConverter(typeof(ReasonJsonConverter))]
public enum Reason
{
    /// <summary>The command ended with an exit code other than 0.</summary>
    ExitCode = 0,

    /// <summary>A time limit was exceeded: of the step, the job, or the queue.</summary>
    Timeout = 1,

    /// <summary>The command exceeded its memory limit.</summary>
    OomKilled = 2,

    /// <summary>The platform stopped it: its node was drained, or it was preempted or evicted.</summary>
    Evicted = 3,

    /// <summary>The image could not be pulled.</summary>
    ImagePull = 4,

    /// <summary>It disappeared without a result: its node, pod or process is gone.</summary>
    Lost = 5,

    /// <summary>The platform could not schedule it in time.</summary>
    Unschedulable = 6,

    /// <summary>The executor or the runner failed: to clone, start or report.</summary>
    ExecutorError = 7,

    /// <summary>It can't be run as it is configured.</summary>
    ConfigError = 8,

    /// <summary>A declared output was missing at the end, or an input could not be found.</summary>
    ArtifactMissing = 9,

    /// <summary>Something that it depends on did not succeed.</summary>
    DependencyFailed = 10,

    /// <summary>Its <c>when</c> condition was not met, or an earlier run's result is reused.</summary>
    Condition = 11,

    /// <summary>A person or a client canceled it.</summary>
    CanceledByUser = 12,

    /// <summary>A newer run of the same concurrency group superseded it.</summary>
    Superseded = 13,

    /// <summary>A declared output can't be stored: not a regular file, unreadable, an invalid name, too large.</summary>
    ArtifactInvalid = 14,
}

/// <summary>Serializes reasons as their words.</summary>
public sealed class ReasonJsonConverter : WordJsonConverter<Reason>;

/// <summary>Which reasons <c>retry</c> may name as a group.</summary>
public static class RetryCauses
{
    /// <summary>Whether the reason is an infrastructure failure: worth another attempt in a new workspace.</summary>
    public static bool IsInfrastructure(this Reason reason) =>
        reason is Reason.Lost or Reason.Evicted or Reason.ExecutorError or Reason.ImagePull or Reason.Unschedulable;
}
