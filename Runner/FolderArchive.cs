using System.Formats.Tar;
using System.IO.Compression;
using System.IO.Enumeration;
using System.Text;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Packs a folder of the workspace as <c>NAME.tar.gz</c>: files, folders and links as links, nothing else.</summary>
internal static class FolderArchive
{
    /// <summary>The kernel allows 4095 bytes; the longest name (255 bytes) of an entry of the folder must fit, too.</summary>
    private const int MaxPathBytes = 4095 - 256;
    private const int ShownNameLength = 100;
    private static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    /// <summary>
    /// Errors: <see cref="ArtifactInvalidException"/> names what can't be packed, <see cref="IOException"/> when the disk is full.
    /// </summary>
    public static void Pack(string workspace, string folder, string target, CancellationToken cancellationToken)
    {
        using var file = File.Create(target);
        using var zip = new GZipStream(file, CompressionLevel.Fastest);
        using var tar = new TarWriter(zip, TarEntryFormat.Pax);
        var folders = new Stack<(string Path, string Name)>([(folder, Path.GetFileName(folder))]);
        while (folders.TryPop(out var at))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Encoding.UTF8.GetByteCount(at.Path) > MaxPathBytes)
            {
                var shown = at.Name.Length > ShownNameLength ? at.Name[..ShownNameLength] + "…" : at.Name;
                throw new ArtifactInvalidException(
                    $"The folder '{shown}' is nested too deep: its path has more than {MaxPathBytes} bytes. "
                        + "Remove it, or use a narrower output path."
                );
            }

            Add(tar, new PaxTarEntry(TarEntryType.Directory, at.Name + "/"), at.Path);
            foreach (var (name, isFolder) in Entries(at.Path, at.Name))
            {
                var (path, inside) = (Path.Combine(at.Path, name), $"{at.Name}/{name}");
                if (isFolder)
                {
                    folders.Push((path, inside));
                }
                else
                {
                    AddFile(tar, workspace, path, inside);
                }
            }
        }
    }

    private static void AddFile(TarWriter tar, string workspace, string path, string name)
    {
        switch (FileKinds.Of(path, followLinks: false))
        {
            case FileKind.Link:
                Add(tar, new PaxTarEntry(TarEntryType.SymbolicLink, name) { LinkName = new FileInfo(path).LinkTarget ?? "" }, path: null);
                break;
            case FileKind.Regular:
                using (var content = RegularFile.Open(workspace, path, name))
                {
                    Add(
                        tar,
                        new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new FixedStream(content, content.Length) },
                        path
                    );
                }

                break;
            case FileKind.Special:
                throw new ArtifactInvalidException(
                    $"'{name}' is not a regular file (but a socket, FIFO or device): remove it, or use a narrower output path."
                );
            default:
                throw new ArtifactInvalidException(
                    name.Contains('\uFFFD', StringComparison.Ordinal)
                        ? $"'{name}' has a name that is not valid UTF-8: rename it."
                        : $"'{name}' no longer exists."
                );
        }
    }

    private static void Add(TarWriter tar, PaxTarEntry entry, string? path)
    {
        if (path is not null)
        {
            entry.Mode = File.GetUnixFileMode(path);
            entry.ModificationTime = File.GetLastWriteTimeUtc(path);
        }

        try
        {
            tar.WriteEntry(entry);
        }
        catch (ContentChangedException e)
        {
            throw new ArtifactInvalidException(
                $"'{entry.Name}' changed while it was packed: {e.Message} "
                    + "The step must not end before its processes have stopped writing to it."
            );
        }
    }

    private static List<(string Name, bool IsFolder)> Entries(string path, string name)
    {
        try
        {
            return
            [
                .. new FileSystemEnumerable<(string Name, bool IsFolder)>(
                    path,
                    (ref FileSystemEntry e) => (e.FileName.ToString(), e.IsDirectory && !e.Attributes.HasFlag(FileAttributes.ReparsePoint)),
                    Everything
                ).OrderBy(e => e.Name, StringComparer.Ordinal),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ArtifactInvalidException($"The folder '{name}' can't be read: {e.Message}");
        }
    }
}
