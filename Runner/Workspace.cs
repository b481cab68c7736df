using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Makes a job's workspace, once: whichever of its runners comes first, the others wait for it.</summary>
internal static class Workspace
{
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(50);

    /// <summary>Clones at the exact commit. Errors: <see cref="PrepareException"/> in git's words.</summary>
    public static async Task PrepareAsync(RunnerSettings settings, SourceAnswer? source, Action<string> say, TimeProvider time, CancellationToken cancellationToken)
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
