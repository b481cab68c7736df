using System.Formats.Tar;
using System.IO.Compression;

namespace Shipinator.Runner;

/// <summary>Archives of workspace paths. Links stay links; nothing is written outside the folder that they are unpacked into.</summary>
internal static class CacheArchive
{
    private const UnixFileMode Writable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>
    /// Packs files and folders under their paths relative to the workspace. Returns false, with an incomplete file, when the
    /// archive would have more than <paramref name="maxBytes"/>: it is never written further than that.
    /// </summary>
    public static bool TryPack(string file, string workspace, IEnumerable<string> paths, long maxBytes, CancellationToken cancellationToken)
    {
        using var stream = new LimitedStream(file, maxBytes);
        try
        {
            using var zip = new GZipStream(stream, CompressionLevel.Fastest);
            using var tar = new TarWriter(zip, TarEntryFormat.Pax);
            foreach (var path in paths)
            {
                Add(tar, workspace, Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path), cancellationToken);
            }
        }
        catch (IOException) when (stream.IsExceeded)
        {
            return false;
        }

        return !stream.IsExceeded;
    }

    /// <summary>Unpacks; returns the folders with the modes that they get once everything is in place.</summary>
    public static List<(string Path, UnixFileMode Mode)> Unpack(string file, string target)
    {
        var folders = new List<(string, UnixFileMode)>();
        using var stream = File.OpenRead(file);
        using var zip = new GZipStream(stream, CompressionMode.Decompress);
        using var tar = new TarReader(zip);
        Directory.CreateDirectory(target);
        while (tar.GetNextEntry() is { } entry)
        {
            var path =
                WorkspacePaths.Inside(target, entry.Name) ?? throw new InvalidDataException($"'{entry.Name}' points outside the cache");
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
                            ?? throw new InvalidDataException($"'{entry.LinkName}' points outside the cache"),
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

    /// <summary>Sets the folders' modes, the deepest first: a read-only one can't be filled or moved.</summary>
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

    /// <summary>Fails a write beyond the limit, before it reaches the disk.</summary>
    private sealed class LimitedStream(string file, long maxBytes)
        : FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0)
    {
        public bool IsExceeded { get; private set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Require(buffer.Length);
            base.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            Require(count);
            base.Write(buffer, offset, count);
        }

        private void Require(int count)
        {
            if (IsExceeded || Position + count > maxBytes)
            {
                IsExceeded = true;
                throw new IOException("The archive exceeds its limit.");
            }
        }
    }
}
