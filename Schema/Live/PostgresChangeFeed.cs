using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Shipinator.Schema.Live;

/// <summary>
/// Notifies this process's readers of committed batches. A slow reader gets all changes since its last read in one notification.
/// </summary>
public sealed class PostgresChangeFeed : IChangeFeed
{
    private readonly PostgresListener _listener;
    private readonly ConcurrentDictionary<Subscriber, bool> _subscribers = new();

    /// <summary>Starts to listen with the first reader.</summary>
    public PostgresChangeFeed(PostgresListener listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        _listener = listener;
        listener.Notified += (channel, id) =>
        {
            if (channel == PostgresListener.Runs)
            {
                Wake(new(id));
            }
        };
        listener.Connected += () => WakeAll(_ => true);
        // Readers then find out that the database is unavailable, instead of taking the silence for no changes.
        listener.Disconnected += () => WakeAll(_ => true);
        listener.CatalogChanged += () => WakeAll(s => s.SeesAll);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<RunId> Changes(RunId? run, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _listener.Stopping);
        var subscriber = new Subscriber(run);
        _subscribers[subscriber] = true;
        try
        {
            _listener.Start();
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

    private void WakeAll(Func<Subscriber, bool> predicate)
    {
        foreach (var subscriber in _subscribers.Keys.Where(predicate))
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
