using System.Diagnostics;
using System.Globalization;

namespace Shipinator.Schema.Server;

/// <summary>The unprivileged user that the server runs as when we are root, which PostgreSQL refuses to be.</summary>
internal sealed class PostgresAccount
{
    private readonly string _uid;
    private readonly string _gid;

    private PostgresAccount(string uid, string gid)
    {
        _uid = uid;
        _gid = gid;
    }

    /// <summary>What a command line begins with to run as this user.</summary>
    public IReadOnlyList<string> Prefix => ["setpriv", $"--reuid={_uid}", $"--regid={_gid}", "--clear-groups", "--"];

    /// <summary>
    /// Null when we are not root. Errors: <see cref="InvalidInputException"/> <c>postgres_user</c> when there is nobody to be.
    /// </summary>
    public static PostgresAccount? ForThisProcess()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return null;
        }

        var users = File.ReadAllLines("/etc/passwd")
            .Select(l => l.Split(':'))
            .Where(f => f.Length > 3)
            .ToLookup(f => f[0], StringComparer.Ordinal);
        foreach (var name in (string[])["postgres", "nobody"])
        {
            if (users[name].FirstOrDefault() is { } user && int.Parse(user[2], CultureInfo.InvariantCulture) != 0)
            {
                return new(user[2], user[3]);
            }
        }

        throw new InvalidInputException(
            "postgres_user",
            "PostgreSQL can't run as root, and there is neither a user 'postgres' nor 'nobody' to run it as. Start Shipinator as another user."
        );
    }

    /// <summary>The folder itself, or the one that a link in its place leads to, which an earlier version made for servers started by root.</summary>
    public static string Resolve(string folder)
    {
        if (new DirectoryInfo(folder).LinkTarget is null || Directory.ResolveLinkTarget(folder, returnFinalTarget: true) is not { } target)
        {
            return folder;
        }

        return target.Exists
            ? target.FullName
            : throw new InvalidInputException(
                "postgres_failed",
                $"{folder} is a link to {target.FullName}, which does not exist. Restore that folder, or remove the link to begin with an empty database."
            );
    }

    /// <summary>Gives a file or folder to this user.</summary>
    public void Own(string path)
    {
        using var process = Process.Start(new ProcessStartInfo("chown", [$"{_uid}:{_gid}", path]) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidInputException("postgres_user", $"{path} can't be given to the user that runs PostgreSQL: {error.Trim()}");
        }
    }
}
