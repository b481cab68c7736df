using System.Globalization;

namespace Shipinator.Schema.Server;

/// <summary>Finds a PostgreSQL server's programs on this machine.</summary>
internal static class PostgresBinaries
{
    private const string DebianFolder = "/usr/lib/postgresql";

    /// <summary>
    /// The configured folder; else the newest of Debian's; else the one of the PATH. Errors:
    /// <see cref="InvalidInputException"/> <c>postgres_missing</c> that says what to install.
    /// </summary>
    public static string Find(string? configured)
    {
        if (configured is not null)
        {
            return HasServer(configured)
                ? configured
                : throw new InvalidInputException(
                    "postgres_missing",
                    $"There are no PostgreSQL server programs (initdb, postgres) in '{configured}'. Name the folder that holds them."
                );
        }

        var candidates = new List<string>();
        if (Directory.Exists(DebianFolder))
        {
            candidates.AddRange(
                Directory
                    .EnumerateDirectories(DebianFolder)
                    .Select(d =>
                        (
                            Folder: Path.Combine(d, "bin"),
                            Version: double.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out var v) ? v : 0
                        )
                    )
                    .OrderByDescending(c => c.Version)
                    .Select(c => c.Folder)
            );
        }

        candidates.AddRange((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries));
        return candidates.Find(HasServer)
            ?? throw new InvalidInputException(
                "postgres_missing",
                "No PostgreSQL server is installed on this machine: looked in /usr/lib/postgresql/*/bin and the PATH. Install it (Debian: apt-get install postgresql), name its folder, or give a connection string to a server elsewhere."
            );
    }

    private static bool HasServer(string folder) =>
        File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres"));
}
