namespace Shipinator.Executors.Process;

/// <summary>
/// Copies a local repository for a job whose user can't read the original: a bare copy in the executor's folder of the job attempt, which
/// belongs to that user.
/// </summary>
internal static class SourceCopy
{
    /// <summary>The local path that a clone URL names; null when it names none.</summary>
    public static string? LocalPath(string cloneUrl) =>
        Path.IsPathFullyQualified(cloneUrl) ? cloneUrl
        : Uri.TryCreate(cloneUrl, UriKind.Absolute, out var url) && url.IsFile ? url.LocalPath
        : null;

    /// <summary>
    /// Creates the copy if it does not exist. Errors: <see cref="SourceCopyException"/> with git's output, <see cref="IOException"/>.
    /// </summary>
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
            // All objects, not only those that refs reach: the branch may have moved since.
            await GitAsync("clone", "--quiet", "--mirror", "--no-hardlinks", "--template=", path, unfinished);
            if (File.Exists(Path.Combine(unfinished, "objects", "info", "alternates")))
            {
                await GitAsync("-C", unfinished, "repack", "-a", "-d", "-q");
                File.Delete(Path.Combine(unfinished, "objects", "info", "alternates"));
            }

            await GitAsync("-C", unfinished, "config", "uploadpack.allowAnySHA1InWant", "true");
            await GitAsync("-C", unfinished, "config", "uploadpack.allowFilter", "true");
            // Git refuses to work in another user's folder; the copy belongs to this job only.
            var (code, output) = await SystemCommand.RunAsync(["chown", "-R", "-h", "--", $"{user}:{user}", unfinished], cancellationToken);
            if (code != 0)
            {
                throw new IOException(output);
            }

            Directory.Move(unfinished, folder.Source);
        }
        catch (IOException) when (Directory.Exists(folder.Source))
        {
            // Another step of the job was faster.
        }
        finally
        {
            await FolderRemoval.RemoveAsync(unfinished, CancellationToken.None);
        }

        async Task GitAsync(params string[] arguments)
        {
            var (code, output) = await SystemCommand.RunAsync(
                ["git", .. arguments],
                cancellationToken,
                ("GIT_CONFIG_GLOBAL", configuration),
                ("HOME", folder.Own),
                ("GIT_TERMINAL_PROMPT", "0")
            );
            if (code != 0)
            {
                throw new SourceCopyException(
                    $"The repository {path} could not be copied for the job: git {arguments[0]} exited with code {code}: {output}"
                );
            }
        }
    }
}

/// <summary>A repository can't be copied: it does not exist or is not a repository.</summary>
internal sealed class SourceCopyException(string message) : Exception(message);
