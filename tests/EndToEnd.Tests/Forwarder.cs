using System.Net;
using System.Net.Sockets;

namespace Shipinator.EndToEnd.Tests;

/// <summary>
/// A minimal load balancer for silos: forwards each connection to the first target that accepts it.
/// </summary>
public sealed class Forwarder : IAsyncDisposable
{
    private readonly int[] _targets;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private CancellationTokenSource _whole = new();

    public Forwarder(params int[] targets)
    {
        _targets = targets;
        _listener.Start();
        _loop = AcceptAsync();
    }

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    /// <summary>Breaks all connections and rejects new ones until <see cref="Restore"/>.</summary>
    public void Cut() => _whole.Cancel();

    public void Restore() => _whole = new();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _whole.CancelAsync();
        _listener.Stop();
        await _loop;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = ForwardAsync(client);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    private async Task ForwardAsync(TcpClient client)
    {
        var whole = _whole.Token;
        using (client)
        using (var server = whole.IsCancellationRequested ? null : await ConnectAsync())
        {
            if (server is null)
            {
                return;
            }

            try
            {
                await Task.WhenAny(
                    client.GetStream().CopyToAsync(server.GetStream(), whole),
                    server.GetStream().CopyToAsync(client.GetStream(), whole)
                );
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // One side closed the connection, for example because a silo was killed.
            }
        }
    }

    private async Task<TcpClient?> ConnectAsync()
    {
        foreach (var port in _targets)
        {
            var server = new TcpClient();
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, port, _stop.Token);
                return server;
            }
            catch (SocketException)
            {
                server.Dispose();
            }
        }

        return null;
    }
}
