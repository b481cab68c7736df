using System.Text.Json;
using System.Threading.Channels;
using Shipinator.Client;
using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Api;

/// <summary>
/// A run's history as server-sent events: what was, what comes, until the run is over. <c>Last-Event-ID</c> goes on where a
/// connection broke; no line is skipped or told twice.
/// </summary>
internal static class RunEvents
{
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(10);

    public static async Task StreamAsync(
        string id, HttpContext context, RunQueries runs, IChangeFeed feed, TimeProvider time, CancellationToken cancellation)
    {
        var run = await RunRoutes.ExistingAsync(runs, id, cancellation);
        var cursor = context.Request.Headers["Last-Event-ID"].ToString() is { Length: > 0 } last ? last : null;
        // Checked before the first byte, while the answer can still be an error.
        await runs.TransitionsAfterAsync(run.Id, cursor, 1, cancellation);
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["X-Accel-Buffering"] = "no";

        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var listening = ListenAsync(feed, run.Id, news.Writer, over.Token);
        try
        {
            while (!await SendAsync(context, runs, run.Id, cursor, c => cursor = c, cancellation))
            {
                if (!await WaitAsync(news.Reader, time, cancellation))
                {
                    await context.Response.WriteAsync(": still here\n\n", cancellation);
                    await context.Response.Body.FlushAsync(cancellation);
                }
            }
        }
        finally
        {
            await over.CancelAsync();
            await listening;
        }
    }

    /// <summary>Sends what there is; true when the run is over and all is told.</summary>
    private static async Task<bool> SendAsync(
        HttpContext context, RunQueries runs, RunId run, string? cursor, Action<string?> advance, CancellationToken cancellation)
    {
        var isOver = false;
        while (true)
        {
            var page = await runs.TransitionsAfterAsync(run, cursor, cancellationToken: cancellation);
            foreach (var entry in page.Items)
            {
                var data = JsonSerializer.Serialize(Answers.Of(entry), ShipinatorJson.Default.TransitionAnswer);
                await context.Response.WriteAsync($"id: {entry.Cursor}\nevent: transition\ndata: {data}\n\n", cancellation);
                isOver |= entry.Transition.Machine == Machine.Run && entry.Transition.To.IsTerminal();
            }

            cursor = page.Cursor;
            advance(cursor);
            if (page.Items.Count > 0)
            {
                await context.Response.Body.FlushAsync(cancellation);
            }

            if (!page.More)
            {
                // A reader that resumes after the last line finds nothing more to come.
                return isOver || (page.Items.Count == 0 && (await runs.GetAsync(run, cancellation))?.Status.IsTerminal() == true);
            }
        }
    }

    private static async Task ListenAsync(IChangeFeed feed, RunId run, ChannelWriter<bool> news, CancellationToken cancellation)
    {
        try
        {
            await foreach (var _ in feed.Changes(run, cancellation))
            {
                news.TryWrite(true);
            }
        }
        catch (OperationCanceledException)
        {
            // The reader is gone, or all is told.
        }
    }

    private static async Task<bool> WaitAsync(ChannelReader<bool> news, TimeProvider time, CancellationToken cancellation)
    {
        using var quiet = new CancellationTokenSource(KeepAlive, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, quiet.Token);
        try
        {
            await news.ReadAsync(either.Token);
            return true;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }
}
