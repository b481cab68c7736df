using Shipinator.Client;
using Shipinator.Schema.Queries;
using Shipinator.Triggers;
using Shipinator.WebFrontend.Api.Responses;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary><c>/v1/executions</c> for readers; <see cref="RunnerRoutes"/> has the routes of runners.</summary>
internal static class ExecutionRoutes
{
    private const int FollowBuffer = 64 * 1024;

    public static void MapExecutions(this IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/executions/{id}").WithTags("Executions");
        group.MapGet("", GetAsync).RequireAuthorization(Policies.Read);
        group.MapGet("/logs", LogAsync).RequireAuthorization(Policies.Read).Produces<string>(200, "text/plain");
        group.MapGet("/logs/times", TimesAsync).RequireAuthorization(Policies.Read);
    }

    private static async Task<ExecutionResponse> GetAsync(
        string id,
        RunQueries runs,
        WaitReasonLookup waitReasons,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        var view = await ExistingAsync(runs, id, cancellation);
        var waiting = view.Status.IsTerminal() ? null : await waitReasons.OfAsync(view.Id, cancellation);
        return RunResponses.Of(view, address, waiting);
    }

    /// <summary>The bytes of the log from <c>offset</c>, or a <c>Range</c>; with <c>follow=true</c> until the log is sealed.</summary>
    private static async Task<IResult> LogAsync(
        string id,
        long? offset,
        bool? follow,
        HttpContext context,
        RunQueries runs,
        ILogStore logs,
        CancellationToken cancellation
    )
    {
        var from = Offset(offset);
        var execution = (await ExistingAsync(runs, id, cancellation)).Id;

        // The output of a step must never be rendered as a page.
        context.MarkForeign();
        context.Response.Headers.CacheControl = "no-cache";
        if (follow == true)
        {
            await FollowAsync(context, logs, execution, from, cancellation);
            return Results.Empty;
        }

        var info = await logs.Info(execution, cancellation);
        context.Response.Headers["X-Log-Length"] = info.Length.ToString(System.Globalization.CultureInfo.InvariantCulture);
        context.Response.Headers["X-Log-Sealed"] = info.Sealed ? "true" : "false";
        return Results.Stream(
            new LogStream(logs, execution, Math.Min(from, info.Length), info.Length),
            "text/plain; charset=utf-8",
            enableRangeProcessing: true
        );
    }

    /// <summary>When the bytes of the log were printed.</summary>
    private static async Task<LogTimesResponse> TimesAsync(
        string id,
        long? offset,
        RunQueries runs,
        ILogStore logs,
        CancellationToken cancellation
    )
    {
        var from = Offset(offset);
        var execution = (await ExistingAsync(runs, id, cancellation)).Id;
        var length = (await logs.Info(execution, cancellation)).Length;
        var times = from < length ? await logs.Times(execution, from, length, cancellation) : [];
        return new() { Times = [.. times.Select(t => new LogTimeResponse { Offset = t.Offset, At = t.At })] };
    }

    private static long Offset(long? given) =>
        given is null or >= 0
            ? given ?? 0
            : throw new MalformedException(
                "offset_malformed",
                "offset",
                $"offset must be 0 or greater (bytes from the start of the log), but was {given}."
            );

    private static async Task FollowAsync(
        HttpContext context,
        ILogStore logs,
        ExecutionId execution,
        long offset,
        CancellationToken cancellation
    )
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        await context.Response.StartAsync(cancellation);
        await context.Response.Body.FlushAsync(cancellation);
        var buffer = new byte[FollowBuffer];
        while (true)
        {
            // Read before the bytes: when it is sealed here, the bytes read below are complete.
            var info = await logs.Info(execution, cancellation);
            int read;
            while ((read = await logs.Read(execution, offset, buffer, cancellation)) > 0)
            {
                await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), cancellation);
                offset += read;
            }

            await context.Response.Body.FlushAsync(cancellation);
            if (info.Sealed)
            {
                return;
            }

            await logs.WaitForMore(execution, offset, cancellation);
        }
    }

    private static async Task<ExecutionView> ExistingAsync(RunQueries runs, string id, CancellationToken cancellation) =>
        await runs.ExecutionAsync(Ids.Parse<ExecutionId>(id), cancellation) ?? throw new NotFoundException("execution", id);
}
