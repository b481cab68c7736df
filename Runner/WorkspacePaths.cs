namespace Shipinator.Runner;

/// <summary>Keeps paths of pipeline files below the workspace, also when a link on the way points out of it.</summary>
internal static class WorkspacePaths
{
    private const int MaxLinks = 40;

    /// <summary>The absolute path, or null when it leads out of the workspace.</summary>
    public static string? Inside(string workspace, string relative)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(relative, workspace));
        return IsInside(workspace, path, MaxLinks) ? path : null;
    }

    /// <summary>Follows each part of the way: any of them may be a link.</summary>
    private static bool IsInside(string workspace, string path, int links)
    {
        if (path == workspace)
        {
            return true;
        }

        if (links == 0 || !path.StartsWith(workspace + "/", StringComparison.Ordinal))
        {
            return false;
        }

        var at = workspace;
        var parts = path[(at.Length + 1)..].Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < parts.Length; i++)
        {
            at = Path.Combine(at, parts[i]);
            if (new FileInfo(at).LinkTarget is { } target)
            {
                var real = Path.GetFullPath(target, Path.GetDirectoryName(at)!);
                return IsInside(workspace, Path.GetFullPath(Path.Combine([real, .. parts[(i + 1)..]])), links - 1);
            }
        }

        return true;
    }
}
