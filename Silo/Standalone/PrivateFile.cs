namespace Shipinator.Silo.Standalone;

/// <summary>Writes files that only their owner can read, completely or not at all.</summary>
internal static class PrivateFile
{
    /// <summary>The mode of such a file.</summary>
    public const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>
    /// Writes the content under a temporary name and moves it to the file's. An existing file is replaced with
    /// <paramref name="overwrite"/>, else kept.
    /// </summary>
    public static void Write(string file, bool overwrite, Action<FileStream> write)
    {
        var temporary = file + ".new";
        File.Delete(temporary);
        using (
            var stream = new FileStream(
                temporary,
                new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    UnixCreateMode = OwnerOnly,
                }
            )
        )
        {
            write(stream);
        }

        try
        {
            File.Move(temporary, file, overwrite);
        }
        catch (IOException) when (!overwrite && File.Exists(file))
        {
            File.Delete(temporary);
        }
    }
}
