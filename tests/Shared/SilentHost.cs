using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Shipinator.Testing;

/// <summary>A host on 127.0.0.1 that accepts connections and never responds, or sends a byte every 100 ms.</summary>
internal sealed class SilentHost : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly Task _accepting;
    private int _open;
    private int _most;

    /// <param name="trickle">What is sent byte by byte, repeatedly; null for nothing.</param>
    public SilentHost(byte[]? trickle = null)
    {
        _listener.Start();
        _accepting = AcceptAsync(trickle);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The number of open connections.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>The highest number of connections open at the same time.</summary>
    public int Most => Volatile.Read(ref _most);

    /// <summary>Completes when the first connection is accepted.</summary>
    public TaskCompletionSource First { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_connections);
        _end.Dispose();
    }

    private async Task AcceptAsync(byte[]? trickle)
    {
        try
        {
            while (true)
            {
                _connections.Add(HoldAsync(await _listener.AcceptTcpClientAsync(_end.Token), trickle));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test has ended.
        }
    }

    private async Task HoldAsync(TcpClient client, byte[]? trickle)
    {
        var open = Interlocked.Increment(ref _open);
        InterlockedMax(open);
        First.TrySetResult();
        using (client)
        {
            try
            {
                var sending = trickle is null ? Task.CompletedTask : TrickleAsync(client.GetStream(), trickle);
                var buffer = new byte[1024];
                while (await client.GetStream().ReadAsync(buffer, _end.Token) > 0)
                {
                    // Read and ignored.
                }

                client.Close();
                await sending;
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException or SocketException)
            {
                // The client disconnected, or the test has ended.
            }
        }

        Interlocked.Decrement(ref _open);
    }

    private async Task TrickleAsync(NetworkStream stream, byte[] bytes)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        for (var i = 0; await timer.WaitForNextTickAsync(_end.Token); i++)
        {
            await stream.WriteAsync(bytes.AsMemory(i % bytes.Length, 1), _end.Token);
        }
    }

    private void InterlockedMax(int value)
    {
        int seen;
        while (value > (seen = Volatile.Read(ref _most)) && Interlocked.CompareExchange(ref _most, value, seen) != seen)
        {
            // Another thread changed it; try again.
        }
    }
}
