using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Shipinator.WebFrontend.Api.Problems;

/// <summary>Creates RFC 9457 problem details: a stable code and a detail, never a stack trace.</summary>
public static class Problem
{
    private const string TypeBase = "https://shipinator.dev/problems/";

    /// <summary>A problem with its code; <paramref name="more"/> is added to its members.</summary>
    public static ProblemHttpResult Of(int status, string code, string detail, IReadOnlyDictionary<string, object?>? more = null)
    {
        var extensions = new Dictionary<string, object?> { ["code"] = code };
        foreach (var (key, value) in more ?? new Dictionary<string, object?>())
        {
            extensions[key] = value;
        }

        return TypedResults.Problem(detail, statusCode: status, type: TypeBase + code, extensions: extensions);
    }

    /// <summary>429 with <c>Retry-After</c>.</summary>
    public static ProblemHttpResult TooMany(HttpContext context, string code, string detail, TimeSpan retryAfter)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Response.Headers.RetryAfter = Seconds(retryAfter);
        return Of(StatusCodes.Status429TooManyRequests, code, detail);
    }

    /// <summary>A time as the value of <c>Retry-After</c>: whole seconds, rounded up, at least 1.</summary>
    public static string Seconds(TimeSpan time) => Math.Max(1, Math.Ceiling(time.TotalSeconds)).ToString("0", CultureInfo.InvariantCulture);

    /// <summary>The member <c>errors</c>, which names the field that is wrong.</summary>
    internal static Dictionary<string, object?> Field(string field, string message) =>
        new() { ["errors"] = new Dictionary<string, string[]> { [field] = [message] } };
}
