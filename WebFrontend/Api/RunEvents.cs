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
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Lines that an older transaction holds back are looked for again later and later: nothing tells that it ended, and it may be open
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
        // Checked before the first byte, while the answer can still be an error.
        await runs.TransitionsAfterAsync(run.Id, cursor, 1, wait: false, cancellation);
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        await context.Response.Body.FlushAsync(cancellation);

        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var listening = ListenAsync(feed, run.Id, news.Writer, over.Token);
        try
        {
            await TellAsync(new(context, runs, run.Id, time, cursor), news.Reader, cancellation);
        }
        finally
        {
            await over.CancelAsync();
            await listening;
        }
    }

    private static async Task TellAsync(Teller teller, ChannelReader<bool> news, CancellationToken cancellation)
    {
        var pause = FirstPause;
        while (true)
        {
            var (isOver, isHeldBack) = await teller.SendAsync(cancellation);
            if (isOver)
            {
                return;
            }

            var quiet = KeepAlive - teller.SinceLast;
            var wait = isHeldBack && pause < quiet ? pause : quiet;
            pause =
                await WaitAsync(news, wait, teller.Time, cancellation) || !isHeldBack ? FirstPause
                : pause * 2 < LongestPause ? pause * 2
                : LongestPause;
            if (teller.SinceLast >= KeepAlive)
            {
                await teller.KeepAliveAsync(cancellation);
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

    /// <summary>Whether there was news.</summary>
    private static async Task<bool> WaitAsync(ChannelReader<bool> news, TimeSpan wait, TimeProvider time, CancellationToken cancellation)
    {
        if (wait <= TimeSpan.Zero)
        {
            return news.TryRead(out _);
        }

        using var quiet = new CancellationTokenSource(wait, time);
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

    /// <summary>
    /// Writes what a reader has not been told. It writes no faster than the reader reads, and the server gives up one that hardly does.
    /// </summary>
    private sealed class Teller(HttpContext context, RunQueries runs, RunId run, TimeProvider time, string? cursor)
    {
        private string? _cursor = cursor;
        private long _last = time.GetTimestamp();

        public TimeProvider Time => time;

        public TimeSpan SinceLast => time.GetElapsedTime(_last);

        /// <summary>Sends what there is; whether the run is over and all is told, and whether there is more that can't be told yet.</summary>
        public async Task<(bool IsOver, bool IsHeldBack)> SendAsync(CancellationToken cancellation)
        {
            var isOver = false;
            while (true)
            {
                var page = await runs.TransitionsAfterAsync(run, _cursor, wait: false, cancellationToken: cancellation);
                foreach (var entry in page.Items)
                {
                    var data = JsonSerializer.Serialize(Answers.Of(entry), ShipinatorJson.Default.TransitionAnswer);
                    await context.Response.WriteAsync($"id: {entry.Cursor}\nevent: transition\ndata: {data}\n\n", cancellation);
                    isOver |= entry.Transition.Machine == Machine.Run && entry.Transition.To.IsTerminal();
                }

                _cursor = page.Cursor;
                if (page.Items.Count > 0)
                {
                    await FlushAsync(cancellation);
                }

                if (!page.More)
                {
                    // A reader that resumes after the last line finds nothing more to come.
                    return (
                        isOver || (page.Items.Count == 0 && (await runs.GetAsync(run, cancellation))?.Status.IsTerminal() == true),
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
            await context.Response.WriteAsync(": still here\n\n", cancellation);
            await FlushAsync(cancellation);
        }

        private async Task FlushAsync(CancellationToken cancellation)
        {
            await context.Response.Body.FlushAsync(cancellation);
            _last = time.GetTimestamp();
        }
    }
}
