using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shipinator.Silo.Standalone;

/// <summary>
/// The folder in which a server keeps its files: held by one process at a time, and nobody but its owner may enter it.
/// </summary>
public sealed class DataFolder : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>What is made with the folder, so that each is closed by itself where the folder can't be.</summary>
    private static readonly string[] Parts = ["artifacts", "logs", "git", "silos"];
    private readonly FileStream? _lock;
    private SiloPort? _siloPort;

    private DataFolder(string path, FileStream? heldLock)
    {
        Path = path;
        _lock = heldLock;
    }

    /// <summary>The absolute path.</summary>
    public string Path { get; }

    /// <summary>Where the command line finds a running server's address and token.</summary>
    public string ServerFile => System.IO.Path.Combine(Path, "server.json");

    /// <summary>The configured folder, or <c>$SHIPINATOR_DATA</c>, or the XDG data folder.</summary>
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
    /// Makes the folder if need be, and closes it to others if it was open. With <paramref name="exclusive"/> it is held until
    /// this is disposed. Errors: <see cref="StartupException"/> when another server holds it, it cannot be made, or is everybody's.
    /// </summary>
    public static DataFolder Open(string path, bool exclusive)
    {
        try
        {
            PrivateFolder.Make(path);
            foreach (var part in Parts)
            {
                PrivateFolder.Make(System.IO.Path.Combine(path, part));
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
            throw new StartupException($"The data folder {path} can't be used: {e.Message} Choose another with --data.", e);
        }
        catch (IOException e)
        {
            throw new StartupException(
                $"The data folder {path} is in use by another Shipinator server (or can't be made: {e.Message}). Stop that server, or choose another folder with --data.",
                e
            );
        }
    }

    /// <summary>
    /// The port to listen on: as configured, or for 0 the one that this folder had before, so that runners of an earlier
    /// process of ours find the server again; else a free one.
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
    /// The port for other silos: the one that this silo had before, so that it is known as the successor of itself; a free
    /// one at its first start. It is this silo's until this is disposed, beside others of the same folder.
    /// </summary>
    public int ClaimSiloPort(IPAddress address) => (_siloPort ??= SiloPort.Claim(System.IO.Path.Combine(Path, "silos"), address)).Number;

    /// <summary>A TCP port of the loopback address that is free now.</summary>
    public static int FreePort() => FreePort(IPAddress.Loopback);

    /// <summary>A TCP port of an address of this machine that is free now.</summary>
    internal static int FreePort(IPAddress address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(address, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>What the last server wrote down, if it can be read.</summary>
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

    /// <summary>Writes address and token for the command line of the same user, whole or not at all.</summary>
    public void WriteServerFile(ServerFileContent content)
    {
        var temporary = ServerFile + ".new";
        File.Delete(temporary);
        using (
            var stream = new FileStream(
                temporary,
                new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    UnixCreateMode = OwnerOnly,
                }
            )
        )
        {
            JsonSerializer.Serialize(stream, content, ServerFileJson.Default.ServerFileContent);
        }

        File.Move(temporary, ServerFile, overwrite: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _siloPort?.Dispose();
        _lock?.Dispose();
    }
}

/// <summary>What <c>server.json</c> holds.</summary>
public sealed record ServerFileContent(string Url, string Token, int Pid);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ServerFileContent))]
internal sealed partial class ServerFileJson : JsonSerializerContext;
