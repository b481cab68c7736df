using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Shipinator.Silo.Configuration;

namespace Shipinator.Silo.Standalone;

/// <summary>
/// A silo port that is reserved in the data folder while the silo runs. Orleans recognizes a silo at a known address as the successor and
/// removes the dead silo immediately; with a new port at each start it would wait for the dead one.
/// </summary>
internal sealed class SiloPort : IDisposable
{
    /// <summary>The maximum number of silos of one machine with the same data folder.</summary>
    private const int MaxSilos = 256;
    private readonly FileStream _file;

    private SiloPort(FileStream file, int number)
    {
        _file = file;
        Number = number;
    }

    public int Number { get; }

    /// <summary>
    /// Reserves the first port that no silo of this machine uses. Errors: <see cref="StartupException"/> if the folder is not writable.
    /// </summary>
    public static SiloPort Claim(string folder, IPAddress address)
    {
        for (var i = 1; i <= MaxSilos; i++)
        {
            // Per machine: others that share the folder have their own addresses and ports.
            var path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}-{i}.port"));
            if (Lock(path) is not { } file)
            {
                continue;
            }

            var port = Read(file);
            if (port == 0 || !IsFree(address, port))
            {
                port = DataFolder.FreePort(address);
                file.SetLength(0);
                file.Write(System.Text.Encoding.ASCII.GetBytes(port.ToString(CultureInfo.InvariantCulture)));
                file.Flush(flushToDisk: true);
            }

            return new(file, port);
        }

        throw new StartupException(
            $"{folder} is not writable, or {MaxSilos} silos of this machine already use it. "
                + $"Set {SettingKey.In(nameof(ShipinatorOptions.Orleans), nameof(OrleansSettings.SiloPort))}, "
                + "or choose another folder with --data."
        );
    }

    public void Dispose() => _file.Dispose();

    private static FileStream? Lock(string path)
    {
        try
        {
            return new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static int Read(FileStream file)
    {
        var bytes = new byte[8];
        var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return
            int.TryParse(bytes.AsSpan(0, length), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            ? port
            : 0;
    }

    private static bool IsFree(IPAddress address, int port)
    {
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(new IPEndPoint(address, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
