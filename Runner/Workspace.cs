using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Prepares a job's workspace once: the first of its runners does it, the others wait.</summary>
internal static class Workspace
{
    private static readonly TimeSpan OtherRunnerTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(50);

    /// <summary>Checks out the exact commit. Errors: <see cref="PrepareException"/>.</summary>
    public static async Task PrepareAsync(
        RunnerSettings settings,
        SourceResponse? source,
        Action<string> log,
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
            throw new PrepareException($"The workspace {settings.Workspace} is not prepared: run 'runner prepare' first.");
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

        // A runner that crashed left it incomplete: start over.
        if (Directory.Exists(settings.Workspace))
        {
            FileTree.Remove(settings.Workspace);
        }

        Directory.CreateDirectory(settings.Workspace);
        if (source is not null)
        {
            await Checkout.RunAsync(settings, source, log, time, cancellationToken);
        }

        await File.WriteAllTextAsync(done, "", cancellationToken);
    }

    /// <summary>The runner that has the credential prepares the workspace; meanwhile it holds the lock.</summary>
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
            else if (time.GetElapsedTime(idleSince) > OtherRunnerTimeout)
            {
                throw new PrepareException(
                    "The workspace is not prepared: the step that got the credential for the checkout did not check out the source."
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

/// <summary>The workspace could not be prepared: the executor's failure, not the command's.</summary>
internal sealed class PrepareException(string message) : Exception(message);
