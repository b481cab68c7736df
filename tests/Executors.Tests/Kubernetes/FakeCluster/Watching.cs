using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Watches: a line per event, until the client, the timeout or a fault ends them.</summary>
internal sealed class Watching(Store store, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan BookmarkPeriod = TimeSpan.FromMinutes(1);

    /// <summary>The last bookmark of a watch comes shortly before its timeout.</summary>
    private static readonly TimeSpan LastBookmark = TimeSpan.FromSeconds(2);
    private const string HalfALine = """{"type":"MODIFIED","object":{"kind":"Job","metadata":{"resourceV""";
    private CancellationTokenSource _cut = new();
    private bool _torn;

    /// <summary>The version at the last cut: an aborted connection carries no later change, however late its handler notices.</summary>
    private long _cutAt;
    private int _opened;
    private int _muted;
    private string? _mutedKind;
    private CancellationTokenSource _over = new();

    /// <summary>Open watches stay open and send nothing more, as when a server is suspended.</summary>
    public void Mute(string? kind = null)
    {
        lock (store.Gate)
        {
            (_muted, _mutedKind) = (_opened, kind);
        }
    }

    /// <summary>Aborts connections; in the middle of a line when <paramref name="torn"/>.</summary>
    public void Cut(bool torn = false)
    {
        lock (store.Gate)
        {
            (_torn, _cutAt) = (torn, store.Version);
            _cut.Cancel();
            _cut = new();
        }
    }

    /// <summary>Each watch sends its pending events and ends as after its timeout.</summary>
    public void Finish()
    {
        lock (store.Gate)
        {
            _over.Cancel();
            _over = new();
        }
    }

    public void Dispose()
    {
        _cut.Dispose();
        _over.Dispose();
    }

    public async Task AnswerAsync(Call call)
    {
        var selector = call.Selector;
        var wanted = call.Query("resourceVersion");
        var from = string.IsNullOrEmpty(wanted) ? 0 : Reading.Version(wanted);
        CancellationToken cut,
            over;
        int number;
        List<string> lines = [];
        lock (store.Gate)
        {
            (cut, over) = (_cut.Token, _over.Token);
            number = ++_opened;
            var initial = call.Query("sendInitialEvents") == "true";
            if (from > 0 && from < store.Oldest)
            {
                lines.Add(
                    Line(
                        "ERROR",
                        new Refusal(
                            410,
                            "Expired",
                            string.Create(CultureInfo.InvariantCulture, $"too old resource version: {from} ({store.Oldest})")
                        ).Body
                    )
                );
            }
            else if (from == 0 || initial)
            {
                lines.AddRange(store.List(call.Kind.Plural, call.Namespace).Where(selector.Matches).Select(o => Line("ADDED", o)));
                from = store.Version;
                if (initial)
                {
                    lines.Add(Bookmark(call.Kind, from, endsInitial: true));
                }
            }
        }

        var limit = call.Query("timeoutSeconds") is { } seconds
            ? TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture))
            : Timeout.InfiniteTimeSpan;
        using var timer = new CancellationTokenSource(limit, time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(call.Context.RequestAborted, cut, over, timer.Token);
        var marks = call.Query("allowWatchBookmarks") is "true" or "1"
            ? new Bookmarks(time.GetUtcNow(), limit <= LastBookmark ? DateTimeOffset.MaxValue : time.GetUtcNow() + limit - LastBookmark)
            : null;
        call.Context.Response.ContentType = "application/json";
        await call.Context.Response.Body.FlushAsync(call.Context.RequestAborted);
        var expired = lines is [var first] && first.StartsWith("{\"type\":\"ERROR\"", StringComparison.Ordinal);
        try
        {
            while (true)
            {
                // Once more after the end, so that no earlier event is missing.
                var last = end.IsCancellationRequested || expired;
                var grown = store.Grown;
                IReadOnlyList<Change> changes;
                long upTo;
                lock (store.Gate)
                {
                    // A bookmark must not be ahead of what was sent.
                    upTo = cut.IsCancellationRequested ? _cutAt : store.Version;
                    changes = [.. store.Since(from).TakeWhile(c => c.Version <= upTo)];
                }

                var isMute = number <= Volatile.Read(ref _muted) && (_mutedKind is null || _mutedKind == call.Kind.Plural);
                if (!expired && !isMute)
                {
                    foreach (var change in changes)
                    {
                        from = change.Version;
                        lines.AddRange(Lines(change, call, selector));
                    }
                }

                if (!isMute && !cut.IsCancellationRequested && marks?.IsDue(time.GetUtcNow()) == true)
                {
                    lines.Add(Bookmark(call.Kind, upTo, endsInitial: false));
                }

                foreach (var line in lines)
                {
                    await call.Context.Response.WriteAsync(line + "\n", call.Context.RequestAborted);
                }

                lines.Clear();
                await call.Context.Response.Body.FlushAsync(call.Context.RequestAborted);
                if (cut.IsCancellationRequested && _torn)
                {
                    await call.Context.Response.WriteAsync(HalfALine, call.Context.RequestAborted);
                    await call.Context.Response.Body.FlushAsync(call.Context.RequestAborted);
                }

                if (last && (!isMute || cut.IsCancellationRequested))
                {
                    break;
                }

                await WaitAsync(grown, marks, isMute ? cut : end.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return;
        }

        if (cut.IsCancellationRequested)
        {
            call.Context.Abort();
        }
    }

    private async Task WaitAsync(Task grown, Bookmarks? marks, CancellationToken end)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(end);
        var pause = marks is null || marks.Next == DateTimeOffset.MaxValue ? Timeout.InfiniteTimeSpan : marks.Next - time.GetUtcNow();
        var delay = Task.Delay(pause < TimeSpan.Zero && pause != Timeout.InfiniteTimeSpan ? TimeSpan.Zero : pause, time, stop.Token);
        await Task.WhenAny(grown, delay);
        await stop.CancelAsync();
    }

    /// <summary>An object that begins to match is reported as added, one that ceases to match as deleted.</summary>
    private static IEnumerable<string> Lines(Change change, Call call, Selector selector)
    {
        if (change.Key.Kind != call.Kind.Plural || (call.Namespace is not null && change.Key.Namespace != call.Namespace))
        {
            yield break;
        }

        var (was, matches) = (change.Before is { } before && selector.Matches(before), selector.Matches(change.Object));
        if (matches || was)
        {
            yield return Line(
                change.Type == "DELETED" || !matches ? "DELETED"
                    : was ? "MODIFIED"
                    : "ADDED",
                change.Object
            );
        }
    }

    private static string Line(string type, JsonObject found) =>
        new JsonObject { ["type"] = type, ["object"] = found.DeepClone() }.ToJsonString();

    /// <summary>An empty object, with only the fields that Go always serializes.</summary>
    private static string Bookmark(Kind kind, long version, bool endsInitial)
    {
        var meta = new JsonObject { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture) };
        if (endsInitial)
        {
            meta["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        }

        var found = new JsonObject
        {
            ["kind"] = kind.Name,
            ["apiVersion"] = kind.ApiVersion,
            ["metadata"] = meta,
        };
        if (kind.Name == "Job")
        {
            found["spec"] = new JsonObject
            {
                ["template"] = new JsonObject
                {
                    ["metadata"] = new JsonObject(),
                    ["spec"] = new JsonObject { ["containers"] = null },
                },
            };
            found["status"] = new JsonObject();
        }

        return Line("BOOKMARK", found);
    }

    private sealed class Bookmarks(DateTimeOffset start, DateTimeOffset last)
    {
        private bool _saidLast;

        public DateTimeOffset Next { get; private set; } = start + BookmarkPeriod < last ? start + BookmarkPeriod : last;

        public bool IsDue(DateTimeOffset now)
        {
            if (now < Next || _saidLast)
            {
                return false;
            }

            _saidLast = Next == last;
            Next =
                _saidLast ? DateTimeOffset.MaxValue
                : Next + BookmarkPeriod < last ? Next + BookmarkPeriod
                : last;
            return true;
        }
    }
}
