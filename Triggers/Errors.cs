using Shipinator.Pipelines;

namespace Shipinator.Triggers;

/// <summary>A part of the request is malformed. HTTP: 400 with the field.</summary>
public sealed class MalformedException(string code, string field, string message) : Exception(message)
{
    /// <summary>A stable, snake_case word.</summary>
    public string Code { get; } = code;

    /// <summary>The API's name of the malformed field.</summary>
    public string Field { get; } = field;
}

/// <summary>The pipeline file can't be planned. HTTP: 422 with its errors.</summary>
public sealed class PipelineFileException(IReadOnlyList<PipelineError> errors)
    : Exception($"The pipeline file has {errors.Count} {(errors.Count == 1 ? "error" : "errors")}; the first: {errors[0]}")
{
    /// <summary>All errors, in the order of the file.</summary>
    public IReadOnlyList<PipelineError> Errors { get; } = errors;
}

/// <summary>A rate limit is exhausted. HTTP: 429 with <c>Retry-After</c>.</summary>
public sealed class RateLimitedException(string code, string message, TimeSpan retryAfter) : Exception(message)
{
    /// <summary>A stable, snake_case word.</summary>
    public string Code { get; } = code;

    /// <summary>How long to wait before the next request.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;
}

/// <summary>Too many pipeline files are being planned. HTTP: 503.</summary>
public sealed class PlanningBusyException()
    : Exception("The server has reached its limit of concurrently planned pipeline files; retry the request in a second.");
