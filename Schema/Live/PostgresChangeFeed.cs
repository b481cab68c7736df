using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Shipinator.Schema.Live;

/// <summary>
/// Wakes this process's readers by the notices of every committed batch. A reader that is slow finds all changes since its
/// last look as one.
/// </summary>
public sealed class PostgresChangeFeed : IChangeFeed
{
    private readonly PostgresNotices _notices;
    private readonly ConcurrentDictionary<Subscriber, bool> _subscribers = new();

    /// <summary>Hears nothing before somebody reads.</summary>
    public PostgresChangeFeed(PostgresNotices notices)
    {
        ArgumentNullException.ThrowIfNull(notices);
        _notices = notices;
        notices.Heard += (channel, id) =>
        {
            if (channel == PostgresNotices.Runs)
            {
                Wake(new(id));
            }
        };
        notices.Began += () => WakeAll(_ => true);
        // Who looks now finds out that nothing can be read, instead of taking the silence for peace.
        notices.Ceased += () => WakeAll(_ => true);
        notices.CatalogChanged += () => WakeAll(s => s.SeesAll);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<RunId> Changes(RunId? run, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _notices.Stopping);
        var subscriber = new Subscriber(run);
        _subscribers[subscriber] = true;
        try
        {
            _notices.Start();
            subscriber.WakeForAnything();
            while (true)
            {
                try
                {
                    if (!await subscriber.Signal.WaitToReadAsync(linked.Token))
                    {
                        yield break;
                    }
                }
                catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
                {
                    yield break;
                }

                foreach (var changed in subscriber.Take())
                {
                    yield return changed;
                }
            }
        }
        finally
        {
            _subscribers.TryRemove(subscriber, out _);
        }
    }

    private void Wake(RunId run)
    {
        foreach (var subscriber in _subscribers.Keys)
        {
            subscriber.Wake(run);
        }
    }

    private void WakeAll(Func<Subscriber, bool> whom)
    {
        foreach (var subscriber in _subscribers.Keys.Where(whom))
        {
            subscriber.WakeForAnything();
        }
    }

    private sealed class Subscriber(RunId? only)
    {
        private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
        );
        private readonly Lock _lock = new();
        private HashSet<RunId> _changed = [];

        public ChannelReader<bool> Signal => _signal.Reader;

        public bool SeesAll => only is null;

        public void Wake(RunId run)
        {
            if (only is { } mine && mine != run)
            {
                return;
            }

            lock (_lock)
            {
                _changed.Add(run);
            }

            _signal.Writer.TryWrite(true);
        }

        public void WakeForAnything() => Wake(only ?? default);

        public HashSet<RunId> Take()
        {
            _signal.Reader.TryRead(out _);
            lock (_lock)
            {
                var taken = _changed;
                _changed = [];
                return taken;
            }
        }
    }
}
