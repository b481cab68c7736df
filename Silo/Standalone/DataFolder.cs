using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shipinator.Silo.Standalone;

/// <summary>
/// The data folder of a server: used by one process at a time and accessible to its owner only.
/// </summary>
public sealed class DataFolder : IDisposable
{
    /// <summary>The subfolders, each private on its own in case the folder itself can't be made private.</summary>
    private static readonly string[] Parts = ["artifacts", "logs", "git", "silos"];
    private readonly FileStream? _lock;
    private SiloPort? _siloPort;

    private DataFolder(string path, FileStream? heldLock)
    {
        Path = path;
        _lock = heldLock;
    }

    public string Path { get; }

    /// <summary>The file in which the command line finds the URL and token of a running server.</summary>
    public string ServerFile => System.IO.Path.Combine(Path, "server.json");

    /// <summary>The configured folder, else <c>$SHIPINATOR_DATA</c>, else the XDG data folder.</summary>
    public static string Resolve(string? configured)
    {
        var path = configured ?? Environment.GetEnvironmentVariable("SHIPINATOR_DATA");
        if (string.IsNullOrEmpty(path))
        {
            var home = Environment.GetEnvironmentVariable("XDG_DATA_HOME") is { Length: > 0 } xdg
                ? xdg
                : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "share");
            path = System.IO.Path.Combine(home, "shipinator");
        }

        return System.IO.Path.GetFullPath(path);
    }

    /// <summary>
    /// Creates the folder if needed and makes it private. With <paramref name="exclusive"/> it is locked until this object is disposed.
    /// Errors: <see cref="StartupException"/> if another server has locked it, it can't be created, or it is a shared folder.
    /// </summary>
    public static DataFolder Open(string path, bool exclusive)
    {
        try
        {
            PrivateFolder.Create(path);
            foreach (var part in Parts)
            {
                PrivateFolder.Create(System.IO.Path.Combine(path, part));
            }

            if (!exclusive)
            {
                return new(path, null);
            }

            var file = new FileStream(
                System.IO.Path.Combine(path, "server.lock"),
                FileMode.OpenOrCreate,
                FileAccess.ReadWrite,
                FileShare.None
            );
            return new(path, file);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new StartupException($"Can't use the data folder {path}: {e.Message} Choose another folder with --data.", e);
        }
        catch (IOException e)
        {
            throw new StartupException(
                $"The data folder {path} is in use by another Shipinator server, or can't be created: {e.Message} "
                    + "Stop that server, or choose another folder with --data.",
                e
            );
        }
    }

    /// <summary>
    /// The port to listen on: the configured port, or for 0 the port that the folder had before, so that runners of an earlier process
    /// find the server again, else a free port.
    /// </summary>
    public int ChoosePort(int configured)
    {
        if (configured != 0)
        {
            return configured;
        }

        var file = System.IO.Path.Combine(Path, "port");
        if (File.Exists(file) && int.TryParse(File.ReadAllText(file), NumberStyles.None, CultureInfo.InvariantCulture, out var kept))
        {
            return kept;
        }

        var port = FreePort(IPAddress.Loopback);
        File.WriteAllText(file, port.ToString(CultureInfo.InvariantCulture));
        return port;
    }

    /// <summary>
    /// The port for other silos: the port that this silo had before, so that the cluster recognizes it as its own successor, or a free port
    /// at the first start. It is reserved until this object is disposed, also against other silos with the same folder.
    /// </summary>
    public int ClaimSiloPort(IPAddress address) => (_siloPort ??= SiloPort.Claim(System.IO.Path.Combine(Path, "silos"), address)).Number;

    /// <summary>Finds a free TCP port of the loopback address.</summary>
    public static int FreePort() => FreePort(IPAddress.Loopback);

    /// <summary>Finds a free TCP port of a local address.</summary>
    internal static int FreePort(IPAddress address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(address, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Reads the server file, or returns null if it is missing or invalid.</summary>
    public ServerFileContent? ReadServerFile()
    {
        try
        {
            return File.Exists(ServerFile)
                ? JsonSerializer.Deserialize(File.ReadAllText(ServerFile), ServerFileJson.Default.ServerFileContent)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes the URL and token for the command line of the same user, atomically.</summary>
    public void WriteServerFile(ServerFileContent content) =>
        PrivateFile.Write(
            ServerFile,
            overwrite: true,
            stream => JsonSerializer.Serialize(stream, content, ServerFileJson.Default.ServerFileContent)
        );

    /// <inheritdoc/>
    public void Dispose()
    {
        _siloPort?.Dispose();
        _lock?.Dispose();
    }
}

/// <summary>The content of <c>server.json</c>.</summary>
public sealed record ServerFileContent(string Url, string Token, int Pid);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ServerFileContent))]
internal sealed partial class ServerFileJson : JsonSerializerContext;
