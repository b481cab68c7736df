namespace Shipinator.Executors.Process;

/// <summary>
/// Hands a repository of this machine to a job whose user can't read it where it lies: a bare copy in the executor's folder
/// of the job, which belongs to that user.
/// </summary>
internal static class SourceCopy
{
    /// <summary>Whether a clone URL is a path of this machine.</summary>
    public static string? LocalPath(string cloneUrl) =>
        Path.IsPathFullyQualified(cloneUrl) ? cloneUrl
        : Uri.TryCreate(cloneUrl, UriKind.Absolute, out var url) && url.IsFile ? url.LocalPath
        : null;

    /// <summary>Makes the copy, if it is not there. Errors: <see cref="SourceCopyException"/> in git's words, <see cref="IOException"/>.</summary>
    public static async Task MakeAsync(string path, WorkerFolder folder, uint user, CancellationToken cancellationToken)
    {
        if (Directory.Exists(folder.Source))
        {
            return;
        }

        var configuration = Path.Combine(folder.Own, "gitconfig");
        await File.WriteAllTextAsync(
            configuration,
            "[safe]\n\tdirectory = *\n[uploadpack]\n\tallowAnySHA1InWant = true\n",
            cancellationToken
        );
        var unfinished = $"{folder.Source}.{Environment.ProcessId}-{Random.Shared.Next()}";
        try
        {
            // All objects, not what refs reach alone: the branch may have moved on since.
            await GitAsync("clone", "--quiet", "--mirror", "--no-hardlinks", "--template=", path, unfinished);
            if (File.Exists(Path.Combine(unfinished, "objects", "info", "alternates")))
            {
                await GitAsync("-C", unfinished, "repack", "-a", "-d", "-q");
                File.Delete(Path.Combine(unfinished, "objects", "info", "alternates"));
            }

            await GitAsync("-C", unfinished, "config", "uploadpack.allowAnySHA1InWant", "true");
            await GitAsync("-C", unfinished, "config", "uploadpack.allowFilter", "true");
            // Git refuses to work in what belongs to somebody else; the copy is this job's alone.
            var (code, words) = await Command.RunAsync(["chown", "-R", "-h", "--", $"{user}:{user}", unfinished], cancellationToken);
            if (code != 0)
            {
                throw new IOException(words);
            }

            Directory.Move(unfinished, folder.Source);
        }
        catch (IOException) when (Directory.Exists(folder.Source))
        {
            // Another step of the job was first.
        }
        finally
        {
            await Removal.RemoveAsync(unfinished, CancellationToken.None);
        }

        async Task GitAsync(params string[] arguments)
        {
            var (code, words) = await Command.RunAsync(
                ["git", .. arguments],
                cancellationToken,
                ("GIT_CONFIG_GLOBAL", configuration),
                ("HOME", folder.Own),
                ("GIT_TERMINAL_PROMPT", "0")
            );
            if (code != 0)
            {
                throw new SourceCopyException(
                    $"The repository {path} can't be copied for the job: git {arguments[0]} ended with {code}: {words}"
                );
            }
        }
    }
}

/// <summary>A repository can't be copied: it is not there, or it is none.</summary>
internal sealed class SourceCopyException(string message) : Exception(message);
