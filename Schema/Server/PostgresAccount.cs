using System.Diagnostics;
using System.Globalization;

namespace Shipinator.Schema.Server;

/// <summary>The unprivileged user that PostgreSQL runs as when we are root, under which it refuses to run.</summary>
internal sealed class PostgresAccount
{
    private readonly string _uid;
    private readonly string _gid;

    private PostgresAccount(string uid, string gid)
    {
        _uid = uid;
        _gid = gid;
    }

    /// <summary>The command-line prefix that runs a program as this user.</summary>
    public IReadOnlyList<string> Prefix => ["setpriv", $"--reuid={_uid}", $"--regid={_gid}", "--clear-groups", "--"];

    /// <summary>
    /// Null when we are not root. Errors: <see cref="InvalidInputException"/> <c>postgres_user</c> when there is no suitable user.
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
            "PostgreSQL can't run as root, and this machine has neither a user 'postgres' nor 'nobody' to run it as. "
                + "Start Shipinator as another user."
        );
    }

    /// <summary>The folder, or the target when it is a link, as earlier versions created for servers started by root.</summary>
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
                $"{folder} is a link to {target.FullName}, which does not exist. "
                    + "Restore that folder, or remove the link to start with an empty database."
            );
    }

    /// <summary>Changes the owner of a file or folder to this user.</summary>
    public void Own(string path)
    {
        using var process = Process.Start(new ProcessStartInfo("chown", [$"{_uid}:{_gid}", path]) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidInputException(
                "postgres_user",
                $"The owner of {path} can't be changed to the user that runs PostgreSQL: {error.Trim()}"
            );
        }
    }
}
