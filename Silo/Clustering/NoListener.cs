using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Shipinator.Silo.Clustering;

/// <summary>
/// Replaces Orleans' listeners: opens no port and never accepts a connection. A silo calls its own grains without a connection.
/// </summary>
internal sealed class NoListener(EndPoint endpoint) : IConnectionListener
{
    private readonly TaskCompletionSource<ConnectionContext?> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public EndPoint EndPoint => endpoint;

    /// <summary>Replaces every listener that Orleans registered.</summary>
    public static void Replace(IServiceCollection services)
    {
        var listeners = services.Where(s => s.IsKeyedService && s.ServiceType == typeof(IConnectionListenerFactory)).ToList();
        if (listeners.Count == 0)
        {
            throw new InvalidOperationException(
                "No Orleans listeners were found to replace; their ports would be open to all users of this machine."
            );
        }

        foreach (var listener in listeners)
        {
            services.Remove(listener);
            services.AddKeyedSingleton<IConnectionListenerFactory>(listener.ServiceKey, new Factory());
        }
    }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
        await _closed.Task.WaitAsync(cancellationToken);

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _closed.TrySetResult(null);
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => UnbindAsync();

    private sealed class Factory : IConnectionListenerFactory
    {
        public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
            new(new NoListener(endpoint));
    }
}
