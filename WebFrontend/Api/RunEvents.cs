using System.Text.Json;
using System.Threading.Channels;
using Shipinator.Client;
using Shipinator.Schema.Queries;
using Shipinator.WebFrontend.Api.Responses;

namespace Shipinator.WebFrontend.Api;

/// <summary>
/// The history of a run as server-sent events, until the run is terminal. <c>Last-Event-ID</c> resumes where a connection broke; no event
/// is skipped or repeated.
/// </summary>
internal static class RunEvents
{
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Events that an older open transaction hides are polled with growing intervals: its end sends no notification, and it may stay open
    /// for hours.
    /// </summary>
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    public static async Task StreamAsync(
        string id,
        HttpContext context,
        RunQueries runs,
        IChangeFeed feed,
        TimeProvider time,
        CancellationToken cancellation
    )
    {
        var run = await RunRoutes.ExistingAsync(runs, id, cancellation);
        var cursor = context.Request.Headers["Last-Event-ID"].ToString() is { Length: > 0 } last ? last : null;
        // Checked before the first byte, while the response can still be an error.
        await runs.TransitionsAfterAsync(run.Id, cursor, 1, wait: false, cancellation);
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        await context.Response.Body.FlushAsync(cancellation);

        using var completed = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var listening = ListenAsync(feed, run.Id, changes.Writer, completed.Token);
        try
        {
            await SendAllAsync(new(context, runs, run.Id, time, cursor), changes.Reader, cancellation);
        }
        finally
        {
            await completed.CancelAsync();
            await listening;
        }
    }

    private static async Task SendAllAsync(Sender sender, ChannelReader<bool> changes, CancellationToken cancellation)
    {
        var pause = FirstPause;
        while (true)
        {
            var (isTerminal, isHidden) = await sender.SendAsync(cancellation);
            if (isTerminal)
            {
                return;
            }

            var untilKeepAlive = KeepAlive - sender.SinceLast;
            var wait = isHidden && pause < untilKeepAlive ? pause : untilKeepAlive;
            pause =
                await WaitAsync(changes, wait, sender.Time, cancellation) || !isHidden ? FirstPause
                : pause * 2 < LongestPause ? pause * 2
                : LongestPause;
            if (sender.SinceLast >= KeepAlive)
            {
                await sender.KeepAliveAsync(cancellation);
            }
        }
    }

    private static async Task ListenAsync(IChangeFeed feed, RunId run, ChannelWriter<bool> changes, CancellationToken cancellation)
    {
        try
        {
            await foreach (var _ in feed.Changes(run, cancellation))
            {
                changes.TryWrite(true);
            }
        }
        catch (OperationCanceledException)
        {
            // The reader disconnected, or everything was sent.
        }
    }

    /// <summary>Whether a change was signaled.</summary>
    private static async Task<bool> WaitAsync(ChannelReader<bool> changes, TimeSpan wait, TimeProvider time, CancellationToken cancellation)
    {
        if (wait <= TimeSpan.Zero)
        {
            return changes.TryRead(out _);
        }

        using var quiet = new CancellationTokenSource(wait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, quiet.Token);
        try
        {
            await changes.ReadAsync(either.Token);
            return true;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>
    /// Writes the events that the reader has not got. It writes no faster than the reader reads; the server drops a reader that is too
    /// slow.
    /// </summary>
    private sealed class Sender(HttpContext context, RunQueries runs, RunId run, TimeProvider time, string? cursor)
    {
        private string? _cursor = cursor;
        private long _last = time.GetTimestamp();

        public TimeProvider Time => time;

        public TimeSpan SinceLast => time.GetElapsedTime(_last);

        /// <summary>
        /// Sends the available events. Returns whether the run is terminal and all was sent, and whether there are events that are not
        /// visible yet.
        /// </summary>
        public async Task<(bool IsTerminal, bool IsHidden)> SendAsync(CancellationToken cancellation)
        {
            var isTerminal = false;
            while (true)
            {
                var page = await runs.TransitionsAfterAsync(run, _cursor, wait: false, cancellationToken: cancellation);
                foreach (var entry in page.Items)
                {
                    var data = JsonSerializer.Serialize(RunResponses.Of(entry), ShipinatorJson.Default.TransitionResponse);
                    await context.Response.WriteAsync($"id: {entry.Cursor}\nevent: transition\ndata: {data}\n\n", cancellation);
                    isTerminal |= entry.Transition.Machine == Machine.Run && entry.Transition.To.IsTerminal();
                }

                _cursor = page.Cursor;
                if (page.Items.Count > 0)
                {
                    await FlushAsync(cancellation);
                }

                if (!page.More)
                {
                    // A reader that resumes after the last event gets nothing more.
                    return (
                        isTerminal || (page.Items.Count == 0 && (await runs.GetAsync(run, cancellation))?.Status.IsTerminal() == true),
                        false
                    );
                }

                if (page.Items.Count == 0)
                {
                    return (false, true);
                }
            }
        }

        public async Task KeepAliveAsync(CancellationToken cancellation)
        {
            await context.Response.WriteAsync(": keep-alive\n\n", cancellation);
            await FlushAsync(cancellation);
        }

        private async Task FlushAsync(CancellationToken cancellation)
        {
            await context.Response.Body.FlushAsync(cancellation);
            _last = time.GetTimestamp();
        }
    }
}
