using System.Net;
using System.Net.Sockets;

namespace Shipinator.Forges.Git;

/// <summary>Resolves hosts and checks each of their addresses, so that exactly these can be connected to.</summary>
internal sealed class HostLookup(ClonePolicy policy, TimeSpan patience, TimeProvider time)
{
    /// <summary>
    /// All addresses of the host, each of them allowed; empty for a literal address or when a proxy resolves the name. Errors:
    /// <see cref="ForgeException"/>.
    /// </summary>
    public async Task<IReadOnlyList<IPAddress>> FindAsync(CloneAddress address, CancellationToken cancellationToken)
    {
        if (address.Literal is not null)
        {
            return [];
        }

        IPAddress[] found;
        try
        {
            // The system's look-up blocks, so it gets its own thread and the same timeout as an unresponsive host.
            found = await Task
                .Factory.StartNew(
                    () => Dns.GetHostAddresses(address.Host),
                    CancellationToken.None,
                    TaskCreationOptions.LongRunning,
                    TaskScheduler.Default
                )
                .WaitAsync(patience, time, cancellationToken);
        }
        catch (Exception e) when (e is SocketException or TimeoutException or ArgumentException)
        {
            if (HttpClient.DefaultProxy.GetProxy(new Uri(address.Url)) is not null)
            {
                return [];
            }

            throw new ForgeException(
                ForgeException.Unreachable,
                $"{address.Url} can't be fetched: the host name can't be resolved. Check the clone URL and this server's DNS settings.",
                e
            );
        }

        foreach (var one in found)
        {
            policy.Require(address, one);
        }

        return found;
    }
}
