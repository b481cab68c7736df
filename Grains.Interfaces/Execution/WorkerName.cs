using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Shipinator;

/// <summary>
/// The name of a worker on its platform: <c>ship-JOB-ATTEMPT</c>, derived from the job's id (32 hex digits) and the job attempt, so that
/// submitting twice creates one worker. At most 63 characters: a valid Kubernetes object name and label value.
/// </summary>
public static class WorkerName
{
    /// <summary>The prefix of every worker's name.</summary>
    public const string Prefix = "ship-";

    public static string Of(JobId job, int attempt) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{job.Value:N}-{attempt}");

    /// <summary>Reads a name back; false for anything that <see cref="Of"/> does not return.</summary>
    public static bool TryParse([NotNullWhen(true)] string? name, out JobId job, out int attempt)
    {
        (job, attempt) = (default, 0);
        if (
            name?.Split('-') is not ["ship", var id, var number]
            || !Guid.TryParseExact(id, "N", out var value)
            || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out attempt)
        )
        {
            return false;
        }

        job = new(value);
        return Of(job, attempt) == name;
    }
}
