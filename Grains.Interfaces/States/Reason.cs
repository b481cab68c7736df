using System.Text.Json.Serialization;

namespace Shipinator;

/// <summary>Why something ended as it did, or was passed over: a closed set. A human sentence stands beside it, never instead of it.</summary>
[JsonConverter(typeof(ReasonJsonConverter))]
public enum Reason
{
    /// <summary>The command ended with an exit code that is not zero.</summary>
    ExitCode = 0,

    /// <summary>A limit of time was over: of the step, the job, or the queue.</summary>
    Timeout = 1,

    /// <summary>The command used more memory than it may.</summary>
    OomKilled = 2,

    /// <summary>The platform took the place away: drained, preempted, evicted.</summary>
    Evicted = 3,

    /// <summary>The image could not be had.</summary>
    ImagePull = 4,

    /// <summary>It vanished without a result: its node, pod or process is gone.</summary>
    Lost = 5,

    /// <summary>No place could be found for it.</summary>
    Unschedulable = 6,

    /// <summary>The executor could not do its part: clone, start, report.</summary>
    ExecutorError = 7,

    /// <summary>What was asked for cannot be done as it is written.</summary>
    ConfigError = 8,

    /// <summary>A declared output was not there at the end, or an input could not be found.</summary>
    ArtifactMissing = 9,

    /// <summary>Something that it needs did not succeed.</summary>
    DependencyFailed = 10,

    /// <summary>Its <c>when</c> did not hold, or an earlier run's result stands for it.</summary>
    Condition = 11,

    /// <summary>A person or a client asked for it to stop.</summary>
    CanceledByUser = 12,

    /// <summary>A newer run of the same concurrency group took its place.</summary>
    Superseded = 13,

    /// <summary>A declared output is there but can't be kept: no regular file, unreadable, a name that can't be told, too large.</summary>
    ArtifactInvalid = 14,
}

/// <summary>Reasons travel as their words.</summary>
public sealed class ReasonJsonConverter : WordJsonConverter<Reason>;

/// <summary>What a retry is allowed for.</summary>
public static class RetryCauses
{
    /// <summary>Not the user's doing: worth another try in a new workspace.</summary>
    public static bool IsInfrastructure(this Reason reason) =>
        reason is Reason.Lost or Reason.Evicted or Reason.ExecutorError or Reason.ImagePull or Reason.Unschedulable;
}
