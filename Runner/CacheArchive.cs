using System.Formats.Tar;
using System.IO.Compression;

namespace Shipinator.Runner;

/// <summary>Packed paths of a workspace. Links stay links; nothing is written outside the folder that it is unpacked into.</summary>
internal static class CacheArchive
{
    private const UnixFileMode Writable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Packs files and folders under their paths relative to the workspace.</summary>
    public static void Pack(string file, string workspace, IEnumerable<string> paths, CancellationToken cancellationToken)
    {
        using var stream = File.Create(file);
        using var zip = new GZipStream(stream, CompressionLevel.Fastest);
        using var tar = new TarWriter(zip, TarEntryFormat.Pax);
        foreach (var path in paths)
        {
            Add(tar, workspace, Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path), cancellationToken);
        }
    }

    /// <summary>Unpacks; returns the folders with the modes that they are to get once everything is in its place.</summary>
    public static List<(string Path, UnixFileMode Mode)> Unpack(string file, string target)
    {
        var folders = new List<(string, UnixFileMode)>();
        using var stream = File.OpenRead(file);
        using var zip = new GZipStream(stream, CompressionMode.Decompress);
        using var tar = new TarReader(zip);
        Directory.CreateDirectory(target);
        while (tar.GetNextEntry() is { } entry)
        {
            var path = WorkspacePaths.Inside(target, entry.Name) ?? throw new InvalidDataException($"{entry.Name} leads out of the cache");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            switch (entry.EntryType)
            {
                case TarEntryType.Directory:
                    Directory.CreateDirectory(path, Writable);
                    folders.Add((path, entry.Mode));
                    break;
                case TarEntryType.SymbolicLink:
                    File.CreateSymbolicLink(path, entry.LinkName);
                    break;
                case TarEntryType.HardLink:
                    File.Copy(
                        WorkspacePaths.Inside(target, entry.LinkName)
                            ?? throw new InvalidDataException($"{entry.LinkName} leads out of the cache"),
                        path
                    );
                    break;
                default:
                    entry.ExtractToFile(path, overwrite: false);
                    break;
            }
        }

        return folders;
    }

    /// <summary>Gives folders their modes, the deepest first: one that is read-only can't be filled or moved.</summary>
    public static void SetModes(List<(string Path, UnixFileMode Mode)> folders, string from, string to)
    {
        foreach (var (path, mode) in Enumerable.Reverse(folders))
        {
            var now = to + path[from.Length..];
            if (Directory.Exists(now) && now != to)
            {
                File.SetUnixFileMode(now, mode);
            }
        }
    }

    private static void Add(TarWriter tar, string workspace, FileSystemInfo entry, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        tar.WriteEntry(entry.FullName, Path.GetRelativePath(workspace, entry.FullName));
        if (entry is DirectoryInfo folder && entry.LinkTarget is null)
        {
            foreach (var inner in folder.EnumerateFileSystemInfos())
            {
                Add(tar, workspace, inner, cancellationToken);
            }
        }
    }
}
