using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Makes a job's workspace, once: whichever of its runners comes first, the others wait for it.</summary>
internal static class Workspace
{
    private static readonly TimeSpan OtherPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(50);

    /// <summary>Clones at the exact commit. Errors: <see cref="PrepareException"/> in git's words.</summary>
    public static async Task PrepareAsync(
        RunnerSettings settings,
        SourceResponse? source,
        Action<string> say,
        TimeProvider time,
        CancellationToken cancellationToken
    )
    {
        var done = Path.Combine(settings.JobFolder, "prepared");
        if (File.Exists(done))
        {
            return;
        }

        if (settings.IsContainer)
        {
            throw new PrepareException($"The workspace {settings.Workspace} was not prepared: 'runner prepare' comes first.");
        }

        if (source?.PreparedByOther == true)
        {
            await WaitForOtherAsync(settings, done, time, cancellationToken);
            return;
        }

        await using var alone = await LockAsync(Path.Combine(settings.JobFolder, "prepare.lock"), time, cancellationToken);
        if (File.Exists(done))
        {
            return;
        }

        // What a runner that died half-way left is begun anew.
        if (Directory.Exists(settings.Workspace))
        {
            FileTree.Remove(settings.Workspace);
        }

        Directory.CreateDirectory(settings.Workspace);
        if (source is not null)
        {
            await Checkout.RunAsync(settings, source, say, time, cancellationToken);
        }

        await File.WriteAllTextAsync(done, "", cancellationToken);
    }

    /// <summary>The runner that has the credential makes the workspace; it holds the lock while it does.</summary>
    private static async Task WaitForOtherAsync(
        RunnerSettings settings,
        string done,
        TimeProvider time,
        CancellationToken cancellationToken
    )
    {
        var idleSince = time.GetTimestamp();
        while (!File.Exists(done))
        {
            if (IsLocked(Path.Combine(settings.JobFolder, "prepare.lock")))
            {
                idleSince = time.GetTimestamp();
            }
            else if (time.GetElapsedTime(idleSince) > OtherPatience)
            {
                throw new PrepareException(
                    "The workspace was not prepared: the step that was given the credential to check out the source did not do so."
                );
            }

            await Task.Delay(LockRetry, time, cancellationToken);
        }
    }

    private static bool IsLocked(string path)
    {
        try
        {
            using var probe = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return false;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static async Task<FileStream> LockAsync(string path, TimeProvider time, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                await Task.Delay(LockRetry, time, cancellationToken);
            }
        }
    }
}

/// <summary>The workspace could not be made ready: the executor's failure, not the command's.</summary>
internal sealed class PrepareException(string message) : Exception(message);
