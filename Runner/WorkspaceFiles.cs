using System.IO.Enumeration;
using Shipinator.Globbing;

namespace Shipinator.Runner;

/// <summary>A regular file of the workspace, or a link to one inside it.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Name">Below the workspace, with <c>/</c> between its parts; what globs are held against.</param>
internal sealed record WorkspaceFile(string Path, string Name);

/// <summary>Something that a pattern means, but that can't be taken.</summary>
/// <param name="Name">Below the workspace; what is not UTF-8 in it is shown as U+FFFD.</param>
/// <param name="Reason">Why.</param>
internal sealed record LeftOut(string Name, LeftOutReason Reason)
{
    public override string ToString() =>
        $"'{Name}' {Reason switch
    {
        LeftOutReason.Dangling => "is a link to nothing",
        LeftOutReason.LeadsOut => "is a link that leads out of the workspace",
        LeftOutReason.LinkedFolder => "is a link to a folder, which a wildcard does not follow",
        LeftOutReason.Special => "is no regular file (a socket, FIFO or device)",
        LeftOutReason.NotUtf8 => "has a name that is not UTF-8",
        LeftOutReason.TooDeep => "lies too deep to be opened",
        _ => "can't be read",
    }}";
}

/// <summary>Why something is left out.</summary>
internal enum LeftOutReason
{
    Dangling,
    LeadsOut,
    LinkedFolder,
    Special,
    NotUtf8,
    TooDeep,
    Unreadable,
}

/// <summary>What patterns mean in a workspace.</summary>
/// <param name="Files">In the order of their names, byte by byte.</param>
/// <param name="LeftOut">At most <see cref="WorkspaceFiles.MaxLeftOut"/>.</param>
internal sealed record WorkspaceFind(IReadOnlyList<WorkspaceFile> Files, IReadOnlyList<LeftOut> LeftOut)
{
    /// <summary>One sentence for the log; null when nothing is left out.</summary>
    public string? Told =>
        LeftOut.Count == 0
            ? null
            : $"Left out: {string.Join("; ", LeftOut.Take(5))}{(LeftOut.Count > 5 ? $"; and {LeftOut.Count - 5} more" : "")}.";
}

/// <summary>
/// Walks a workspace for the files that globs mean. Folders in which nothing can match are not opened, and linked folders are
/// not descended, so that rings and links to <c>/</c> do no harm; only a folder that a pattern spells out may be a link inside
/// the workspace. Whatever the tree holds, the walk comes to an end and throws nothing for it.
/// </summary>
internal sealed class WorkspaceFiles(string workspace)
{
    /// <summary>How many things are remembered that are left out.</summary>
    public const int MaxLeftOut = 1000;

    private static readonly EnumerationOptions Everything = new()
    {
        AttributesToSkip = 0,
        ReturnSpecialDirectories = false,
        IgnoreInaccessible = false,
    };

    /// <summary>The files that one pattern means.</summary>
    public WorkspaceFind Find(string pattern, CancellationToken cancellationToken) =>
        Find(GlobList.Of([pattern], out _), cancellationToken);

    /// <summary>The files that the patterns mean together.</summary>
    public WorkspaceFind Find(GlobList globs, CancellationToken cancellationToken)
    {
        var files = new List<WorkspaceFile>();
        var leftOut = new List<LeftOut>();
        var folders = new Stack<string>();
        folders.Push("");
        while (folders.TryPop(out var folder))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var entry in Entries(folder, leftOut))
            {
                if (entry.IsLink)
                {
                    Link(entry.Name);
                }
                else if (entry.IsFolder)
                {
                    if (globs.MayMatchBelow(entry.Name))
                    {
                        folders.Push(entry.Name);
                    }
                }
                else if (globs.Matches(entry.Name))
                {
                    File(entry.Name);
                }
            }
        }

        files.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return new(files, leftOut);

        void File(string name)
        {
            var path = Path.Combine(workspace, name);
            var kind = FileKinds.Of(path, followLinks: false);
            if (kind == FileKind.Regular)
            {
                files.Add(new(path, name));
            }
            else
            {
                Leave(
                    name,
                    kind == FileKind.Absent && IsBroken(name) ? LeftOutReason.NotUtf8
                        : kind == FileKind.Absent ? LeftOutReason.TooDeep
                        : LeftOutReason.Special
                );
            }
        }

        void Link(string name)
        {
            var path = Path.Combine(workspace, name);
            var kind = FileKinds.Of(path, followLinks: true);
            var isSpelledOut = globs.SpellsOut(name);
            if (!isSpelledOut && !globs.Matches(name))
            {
                return;
            }

            if (WorkspacePaths.Inside(workspace, name) is null)
            {
                Leave(name, LeftOutReason.LeadsOut);
            }
            else if (kind == FileKind.Regular && !isSpelledOut)
            {
                files.Add(new(path, name));
            }
            else if (kind == FileKind.Folder && isSpelledOut)
            {
                folders.Push(name);
            }
            else
            {
                Leave(
                    name,
                    kind switch
                    {
                        FileKind.Folder => LeftOutReason.LinkedFolder,
                        FileKind.Absent => IsBroken(name) ? LeftOutReason.NotUtf8 : LeftOutReason.Dangling,
                        _ => LeftOutReason.Special,
                    }
                );
            }
        }

        void Leave(string name, LeftOutReason reason)
        {
            if (leftOut.Count < MaxLeftOut)
            {
                leftOut.Add(new(name, reason));
            }
        }
    }

    private List<(string Name, bool IsFolder, bool IsLink)> Entries(string folder, List<LeftOut> leftOut)
    {
        try
        {
            return
            [
                .. new FileSystemEnumerable<(string, bool, bool)>(
                    Path.Combine(workspace, folder),
                    (ref FileSystemEntry e) =>
                    {
                        var isLink = e.Attributes.HasFlag(FileAttributes.ReparsePoint);
                        var name = e.FileName.ToString();
                        return (folder.Length == 0 ? name : $"{folder}/{name}", !isLink && e.IsDirectory, isLink);
                    },
                    Everything
                ),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (leftOut.Count < MaxLeftOut)
            {
                leftOut.Add(
                    new(
                        folder.Length == 0 ? "." : folder,
                        e switch
                        {
                            PathTooLongException => LeftOutReason.TooDeep,
                            DirectoryNotFoundException when IsBroken(folder) => LeftOutReason.NotUtf8,
                            _ => LeftOutReason.Unreadable,
                        }
                    )
                );
            }

            return [];
        }
    }

    /// <summary>.NET reads a name that is not UTF-8 with U+FFFD in it, and can't open it by that.</summary>
    private static bool IsBroken(string name) => name.Contains('\uFFFD', StringComparison.Ordinal);
}
