using System.IO.Enumeration;
using Shipinator.Globbing;

namespace Shipinator.Runner;

/// <summary>A regular file of the workspace, or a link to one inside it.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Name">Relative to the workspace, with <c>/</c> between its parts; what globs match.</param>
internal sealed record WorkspaceFile(string Path, string Name);

/// <summary>An entry that a pattern matches, but that can't be used.</summary>
/// <param name="Name">Relative to the workspace; what is not UTF-8 in it is shown as U+FFFD.</param>
/// <param name="Reason">Why it can't be used.</param>
internal sealed record SkippedEntry(string Name, SkipReason Reason)
{
    public override string ToString() =>
        $"'{Name}' "
        + Reason switch
        {
            SkipReason.Dangling => "is a link whose target does not exist",
            SkipReason.LeadsOut => "is a link that points outside the workspace",
            SkipReason.LinkedFolder => "is a link to a folder, which a wildcard does not follow",
            SkipReason.Special => "is not a regular file (but a socket, FIFO or device)",
            SkipReason.NotUtf8 => "has a name that is not valid UTF-8",
            SkipReason.TooDeep => "is nested too deep to be opened",
            _ => "can't be read",
        };
}

/// <summary>Why an entry is skipped.</summary>
internal enum SkipReason
{
    Dangling,
    LeadsOut,
    LinkedFolder,
    Special,
    NotUtf8,
    TooDeep,
    Unreadable,
}

/// <summary>What patterns match in a workspace.</summary>
/// <param name="Files">In the ordinal order of their names.</param>
/// <param name="Skipped">At most <see cref="WorkspaceFiles.MaxSkipped"/>.</param>
internal sealed record WorkspaceFind(IReadOnlyList<WorkspaceFile> Files, IReadOnlyList<SkippedEntry> Skipped)
{
    /// <summary>One sentence for the log; null when nothing was skipped.</summary>
    public string? Summary =>
        Skipped.Count == 0 ? null
        : Skipped.Count <= Shown ? $"Skipped: {string.Join("; ", Skipped)}."
        : $"Skipped: {string.Join("; ", Skipped.Take(Shown))}; and {Skipped.Count - Shown} more.";

    private const int Shown = 5;
}

/// <summary>
/// Walks a workspace for the files that globs match. Folders in which nothing can match are not opened, and linked folders are
/// not descended, so that cycles and links to <c>/</c> do no harm; only a folder that a pattern names literally may be a link
/// inside the workspace. Whatever the tree contains, the walk ends and does not throw.
/// </summary>
internal sealed class WorkspaceFiles(string workspace)
{
    /// <summary>How many skipped entries are recorded.</summary>
    public const int MaxSkipped = 1000;

    private static readonly EnumerationOptions Everything = new()
    {
        AttributesToSkip = 0,
        ReturnSpecialDirectories = false,
        IgnoreInaccessible = false,
    };

    /// <summary>The files that one pattern matches.</summary>
    public WorkspaceFind Find(string pattern, CancellationToken cancellationToken) =>
        Find(GlobList.Of([pattern], out _), cancellationToken);

    /// <summary>The files that the patterns match together.</summary>
    public WorkspaceFind Find(GlobList globs, CancellationToken cancellationToken)
    {
        var files = new List<WorkspaceFile>();
        var skipped = new List<SkippedEntry>();
        var folders = new Stack<string>();
        folders.Push("");
        while (folders.TryPop(out var folder))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var entry in Entries(folder, skipped))
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
        return new(files, skipped);

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
                Skip(
                    name,
                    kind == FileKind.Absent && IsBroken(name) ? SkipReason.NotUtf8
                        : kind == FileKind.Absent ? SkipReason.TooDeep
                        : SkipReason.Special
                );
            }
        }

        void Link(string name)
        {
            var path = Path.Combine(workspace, name);
            var kind = FileKinds.Of(path, followLinks: true);
            var isLiteral = globs.SpellsOut(name);
            if (!isLiteral && !globs.Matches(name))
            {
                return;
            }

            if (WorkspacePaths.Inside(workspace, name) is null)
            {
                Skip(name, SkipReason.LeadsOut);
            }
            else if (kind == FileKind.Regular && !isLiteral)
            {
                files.Add(new(path, name));
            }
            else if (kind == FileKind.Folder && isLiteral)
            {
                folders.Push(name);
            }
            else
            {
                Skip(
                    name,
                    kind switch
                    {
                        FileKind.Folder => SkipReason.LinkedFolder,
                        FileKind.Absent => IsBroken(name) ? SkipReason.NotUtf8 : SkipReason.Dangling,
                        _ => SkipReason.Special,
                    }
                );
            }
        }

        void Skip(string name, SkipReason reason)
        {
            if (skipped.Count < MaxSkipped)
            {
                skipped.Add(new(name, reason));
            }
        }
    }

    private List<(string Name, bool IsFolder, bool IsLink)> Entries(string folder, List<SkippedEntry> skipped)
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
            if (skipped.Count < MaxSkipped)
            {
                skipped.Add(
                    new(
                        folder.Length == 0 ? "." : folder,
                        e switch
                        {
                            PathTooLongException => SkipReason.TooDeep,
                            DirectoryNotFoundException when IsBroken(folder) => SkipReason.NotUtf8,
                            _ => SkipReason.Unreadable,
                        }
                    )
                );
            }

            return [];
        }
    }

    /// <summary>.NET reads a name that is not UTF-8 with U+FFFD in it, and can't open that.</summary>
    private static bool IsBroken(string name) => name.Contains('\uFFFD', StringComparison.Ordinal);
}
