namespace Shipinator.Executors.Process;

/// <summary>
/// Removes a folder with any content: names that are not valid text, thousands of levels, folders that deny access to their own owner. .NET
/// can't do that; <c>rm</c> can, and follows no link, whatever happens in the folder meanwhile.
/// </summary>
internal static class FolderRemoval
{
    /// <summary>Null when nothing is left; else the problem. Errors: <see cref="IOException"/> when there is no <c>rm</c>.</summary>
    public static async Task<string?> RemoveAsync(string folder, CancellationToken cancellationToken)
    {
        if (Unix.Stat(folder) is null)
        {
            return null;
        }

        var commands = Commands(folder, Environment.IsPrivilegedProcess);
        foreach (var preparation in commands.SkipLast(1))
        {
            await SystemCommand.RunAsync(preparation, cancellationToken);
        }

        var (code, output) = await SystemCommand.RunAsync(commands[^1], cancellationToken);
        if (code != 0 && output.Contains("option", StringComparison.Ordinal))
        {
            (code, output) = await SystemCommand.RunAsync(["rm", "-rf", "--", folder], cancellationToken);
        }

        return code == 0 && Unix.Stat(folder) is null ? null
            : output.Length > 0 ? output
            : $"rm exited with code {code}";
    }

    /// <summary>The last command removes the folder; the others prepare that, and may fail.</summary>
    internal static IReadOnlyList<string[]> Commands(string folder, bool isRoot)
    {
        // File systems that are mounted below must not be emptied.
        string[] remove = ["rm", "-rf", "--one-file-system", "--", folder];
        // Root needs no permission; other users own everything here, and the modes matter to no one else.
        return isRoot
            ? [remove]
            :
            [
                ["chmod", "-R", "--", "u+rwx", folder],
                remove,
            ];
    }
}
