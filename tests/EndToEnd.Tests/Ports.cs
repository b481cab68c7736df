using System.Globalization;

namespace Shipinator.EndToEnd.Tests;

/// <summary>The TCP ports on which a process listens, read from <c>/proc</c>; requires root for other processes.</summary>
public static class Ports
{
    public static IReadOnlyList<(int Port, bool Loopback)> Of(int process)
    {
        var sockets = Directory
            .EnumerateFileSystemEntries($"/proc/{process}/fd")
            .Select(f => new FileInfo(f).LinkTarget ?? "")
            .ToHashSet(StringComparer.Ordinal);
        return
        [
            .. new[] { "tcp", "tcp6" }
                .SelectMany(table => File.ReadAllLines($"/proc/{process}/net/{table}").Skip(1))
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                // 0A is LISTEN; the tenth column is the socket.
                .Where(f => f[3] == "0A" && sockets.Contains($"socket:[{f[9]}]"))
                .Select(f => f[1].Split(':'))
                .Select(a =>
                    (
                        int.Parse(a[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                        a[0] is "0100007F" or "00000000000000000000000001000000"
                    )
                )
                .Distinct()
                .Order(),
        ];
    }

    /// <summary>Finds distinct free ports.</summary>
    public static int[] Free(int count)
    {
        var listeners = Enumerable
            .Range(0, count)
            .Select(_ => new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0))
            .ToList();
        listeners.ForEach(l => l.Start());
        var ports = listeners.Select(l => ((System.Net.IPEndPoint)l.LocalEndpoint).Port).ToArray();
        listeners.ForEach(l => l.Dispose());
        return ports;
    }
}
