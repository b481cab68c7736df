using LibGit2Sharp;

namespace Shipinator.Forges.Git;

/// <summary>Converts a failure of LibGit2 into a message that names the repository, the cause and the fix.</summary>
internal static class ReadFailure
{
    /// <summary>
    /// The error for a repository that LibGit2 could not read at a path: the repository itself, or this server's mirror of it.
    /// </summary>
    public static ForgeException Of(ForgeRepository repository, string path, LibGit2SharpException error) =>
        new(Code(repository, error), $"{repository.CloneUrl} can't be read: {Why(repository, path, error)}", error);

    /// <summary>A missing mirror is an error of the server; a local path without a repository is an error of the user.</summary>
    private static string Code(ForgeRepository repository, LibGit2SharpException error) =>
        error is RepositoryNotFoundException && ClonePolicy.IsLocal(repository.CloneUrl)
            ? ForgeException.RepositoryNotFound
            : ForgeException.Unreachable;

    private static string Why(ForgeRepository repository, string path, LibGit2SharpException error)
    {
        var isLocal = ClonePolicy.IsLocal(repository.CloneUrl);
        bool Says(string text) => error.Message.Contains(text, StringComparison.OrdinalIgnoreCase);
        return error switch
        {
            RepositoryNotFoundException => isLocal
                ? $"there is no Git repository at {path}. Check the path, and that the server's user can read it."
                : Damaged(path),
            LockedFileException => $"another Git process holds a lock in {path}. Retry when it has ended; remove a stale *.lock file.",
            LibGit2Sharp.NotFoundException when isLocal =>
                $"an object is missing ({Detail(error)}). If {path} is a shallow or partial clone, run 'git fetch --unshallow' in it; "
                    + "otherwise check it with 'git fsck'.",
            _ when Says("permission denied") || Says("failed to open") || Says("could not open") =>
                $"the server's user may not read {path} ({Detail(error)}). Grant it read access.",
            _ when Says("unsupported extension") || Says("repository version") || Says("object format") =>
                $"it uses a repository format that this server does not support ({Detail(error)}), such as SHA-256 object ids.",
            _ => isLocal ? $"{Detail(error)}. Check {path} with 'git fsck'." : Damaged(path, Detail(error)),
        };
    }

    private static string Damaged(string path, string? detail = null) =>
        $"this server's copy is damaged{(detail is null ? "" : $" ({detail})")}. Delete {path} on the server; the next request fetches it "
        + $"again.";

    private static string Detail(LibGit2SharpException error) => error.Message.Trim().TrimEnd('.');
}
