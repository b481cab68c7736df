using System.Text.Json;
using Shipinator.Cli.IO;

namespace Shipinator.Cli.Server;

/// <summary>The server and token that a command uses, and where they were configured.</summary>
internal sealed record Connection(Uri Server, string? Token, string Source)
{
    private const string Fix =
        "Start a server on this machine with 'shipinator up', or connect to one with 'shipinator login URL --token TOKEN', "
        + "--server or SHIPINATOR_SERVER_URL.";

    /// <summary>The data folder of a standalone server.</summary>
    public static string DataFolder
    {
        get
        {
            if (Environment.GetEnvironmentVariable("SHIPINATOR_DATA") is { Length: > 0 } data)
            {
                return Path.GetFullPath(data);
            }

            var home = Environment.GetEnvironmentVariable("XDG_DATA_HOME") is { Length: > 0 } xdg
                ? xdg
                : Path.Combine(Home, ".local", "share");
            return Path.Combine(home, "shipinator");
        }
    }

    /// <summary>The file that <c>login</c> writes.</summary>
    public static string LoginFile =>
        Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") is { Length: > 0 } xdg ? xdg : Path.Combine(Home, ".config"),
            "shipinator",
            "config.json"
        );

    private static string Home => Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    /// <summary>
    /// Finds the connection in the options, the environment, the data folder of <c>SHIPINATOR_DATA</c>, the login file and the default
    /// data folder, in this order. A token saved for one server is never sent to another. Errors: <see cref="CliException"/>.
    /// </summary>
    public static Connection Find(string? server, string? token)
    {
        var given = NonEmpty(server) ?? NonEmpty(Environment.GetEnvironmentVariable("SHIPINATOR_SERVER_URL"));
        var givenToken = NonEmpty(token) ?? NonEmpty(Environment.GetEnvironmentVariable("SHIPINATOR_TOKEN"));
        var standalone = Path.Combine(DataFolder, "server.json");
        var hasFolder = NonEmpty(Environment.GetEnvironmentVariable("SHIPINATOR_DATA")) is not null;
        string[] files = hasFolder ? [standalone, LoginFile] : [LoginFile, standalone];
        foreach (var file in files)
        {
            if (Read(file) is not { } known)
            {
                continue;
            }

            var address = Parse(known.Url, file);
            if (given is null)
            {
                return new(address, givenToken ?? known.Token, file);
            }

            if (
                givenToken is null
                && Uri.Compare(
                    Parse(given, "--server"),
                    address,
                    UriComponents.SchemeAndServer,
                    UriFormat.Unescaped,
                    StringComparison.OrdinalIgnoreCase
                ) == 0
            )
            {
                return new(address, known.Token, file);
            }
        }

        return given is null
            ? throw new CliException(ExitCodes.Unreachable, $"No server is configured. {Fix}")
            : new(
                Parse(given, server is null ? "SHIPINATOR_SERVER_URL" : "--server"),
                givenToken,
                server is null ? "SHIPINATOR_SERVER_URL" : "--server"
            );
    }

    /// <summary>Saves a server and its token in a file that only this user can read.</summary>
    public static void Save(KnownServer known)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(LoginFile)!);
        var temporary = LoginFile + ".new";
        File.Delete(temporary);
        using (
            var stream = new FileStream(
                temporary,
                new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                }
            )
        )
        {
            JsonSerializer.Serialize(stream, known, CliJson.Default.KnownServer);
        }

        File.Move(temporary, LoginFile, overwrite: true);
    }

    /// <summary>Parses a server URL. Errors: <see cref="CliException"/>.</summary>
    public static Uri Parse(string text, string source) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.UserInfo.Length == 0
            ? uri
            : throw new CliException(
                ExitCodes.Usage,
                $"{source}: '{text}' is not a valid server URL; expected http(s)://HOST[:PORT] without credentials."
            );

    /// <summary>The error message for a server that can't be reached.</summary>
    public string UnreachableMessage(Exception e) => $"Server {Server} (from {Source}) is unreachable: {e.Message.TrimEnd('.')}. {Fix}";

    private static string? NonEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    private static KnownServer? Read(string file)
    {
        try
        {
            if (!File.Exists(file))
            {
                return null;
            }

            using var stream = File.OpenRead(file);
            return JsonSerializer.Deserialize(stream, CliJson.Default.KnownServer) is { Url.Length: > 0 } known ? known : null;
        }
        catch (JsonException e)
        {
            throw new CliException(ExitCodes.Usage, $"{file} is not valid JSON: {e.Message} Delete it, or log in again.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.Usage, $"Can't read {file}: {e.Message}", e);
        }
    }
}
