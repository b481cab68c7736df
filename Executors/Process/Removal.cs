namespace Shipinator.Executors.Process;

/// <summary>
/// Removes a folder of any content: names that are no text, thousands of levels, folders that are closed to their own owner.
/// .NET's own way can't; <c>rm</c> can, and follows no link, whatever happens in the folder meanwhile.
/// </summary>
internal static class Removal
{
    /// <summary>Null when nothing is left; else what is in the way. Errors: <see cref="IOException"/> when there is no <c>rm</c>.</summary>
    public static async Task<string?> RemoveAsync(string folder, CancellationToken cancellationToken)
    {
        if (Unix.Look(folder) is null)
        {
            return null;
        }

        if (!Environment.IsPrivilegedProcess)
        {
            // Root needs no leave; and others have no files here whose modes matter to somebody else.
            await Command.RunAsync(["chmod", "-R", "--", "u+rwx", folder], cancellationToken);
        }

        // What is mounted below is not ours to empty.
        var (code, words) = await Command.RunAsync(["rm", "-rf", "--one-file-system", "--", folder], cancellationToken);
        if (code != 0 && words.Contains("option", StringComparison.Ordinal))
        {
            (code, words) = await Command.RunAsync(["rm", "-rf", "--", folder], cancellationToken);
        }

        return code == 0 && Unix.Look(folder) is null ? null
            : words.Length > 0 ? words
            : $"rm ended with {code}";
    }
}
