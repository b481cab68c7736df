using System.Globalization;

namespace Shipinator.Schema.Server;

/// <summary>Finds the PostgreSQL server programs of this machine.</summary>
internal static class PostgresBinaries
{
    private const string DebianFolder = "/usr/lib/postgresql";

    /// <summary>
    /// The configured folder; else Debian's newest version; else from the PATH. Errors:
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
                    $"'{configured}' does not contain the PostgreSQL server programs initdb and postgres. Set the folder that does."
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
                "No PostgreSQL server is installed on this machine (searched /usr/lib/postgresql/*/bin and the PATH). "
                    + "Install it (Debian: apt-get install postgresql), set its folder, or use the connection string of another server."
            );
    }

    private static bool HasServer(string folder) =>
        File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres"));
}
