using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Shipinator.Silo.Standalone;

/// <summary>
/// One of a folder's ports for silos, held while its silo lives. Orleans takes a silo at the address of another for that
/// one's successor and forgets the dead at once; with a new port at each start the dead would be waited for.
/// </summary>
internal sealed class SiloPort : IDisposable
{
    /// <summary>How many silos of one machine may share a data folder.</summary>
    private const int Most = 256;
    private readonly FileStream _file;

    private SiloPort(FileStream file, int number)
    {
        _file = file;
        Number = number;
    }

    public int Number { get; }

    /// <summary>The first that no silo of this machine holds. Errors: <see cref="StartupException"/> when the folder can't be written.</summary>
    public static SiloPort Claim(string folder, IPAddress address)
    {
        for (var i = 1; i <= Most; i++)
        {
            // By machine: others that share the folder have addresses, and so ports, of their own.
            var path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}-{i}.port"));
            if (Hold(path) is not { } file)
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
            $"{folder} can't be written, or {Most} silos of this machine hold its ports already: set Shipinator:Orleans:SiloPort, or another folder with --data."
        );
    }

    public void Dispose() => _file.Dispose();

    private static FileStream? Hold(string path)
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
