namespace Shipinator.Runner;

/// <summary>Keeps paths of pipeline files inside the workspace, also when a link in the path points outside it.</summary>
internal static class WorkspacePaths
{
    private const int MaxLinks = 40;

    /// <summary>The absolute path, or null when it points outside the workspace.</summary>
    public static string? Inside(string workspace, string relative)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(relative, workspace));
        return IsInside(workspace, path, MaxLinks) ? path : null;
    }

    /// <summary>Checks each part of the path: any of them may be a link.</summary>
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
