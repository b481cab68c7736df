using Shipinator.Encodings;

namespace Shipinator.Cli.IO;

/// <summary>
/// Reads a value that must not be readable in the list of processes or in the history of a shell: from standard input, a file or a variable
/// of the environment, never from an argument.
/// </summary>
internal static class SecretInput
{
    /// <summary>More than a server accepts, so that the server's own message names its limit.</summary>
    private const int MostBytes = 1024 * 1024;

    /// <summary>
    /// The value of <paramref name="variable"/>, else the content of <paramref name="file"/>, else of standard input. Errors:
    /// <see cref="CliException"/> when it is empty, not UTF-8, too long, or when standard input is a terminal.
    /// </summary>
    public static async Task<string> ReadAsync(string what, string? file, string? variable, CancellationToken cancellationToken)
    {
        if (file is not null && variable is not null)
        {
            throw new CliException(ExitCodes.Usage, "--from-file and --from-env can't be used together.");
        }

        if (variable is not null)
        {
            return Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value
                ? value
                : throw new CliException(ExitCodes.Usage, $"The environment variable {variable} is not set or empty.");
        }

        if (file is null && !Console.IsInputRedirected)
        {
            throw new CliException(
                ExitCodes.Usage,
                $"The {what} is read from standard input: append '< FILE', or use --from-file or --from-env. It can't be an argument, "
                    + "because other users can read the arguments of programs."
            );
        }

        byte[] bytes;
        await using (var stream = file is null ? Console.OpenStandardInput() : File.OpenRead(file))
        {
            bytes = await ReadAllAsync(stream, what, cancellationToken);
        }

        var text =
            Utf8Text.Read(bytes, out var problem)
            ?? throw new CliException(
                ExitCodes.Usage,
                $"The {what} is not UTF-8: {problem!.Message} Encode binary values, for example as base64."
            );
        return text.Length > 0 ? text : throw new CliException(ExitCodes.Usage, $"The {what} is empty.");
    }

    /// <summary>
    /// Without the line break after the only line: editors and <c>echo</c> add it. A value of several lines stays as it is, because a key
    /// file may end with a line break.
    /// </summary>
    public static string WithoutLastLineBreak(string value)
    {
        var cut =
            value.EndsWith("\r\n", StringComparison.Ordinal) ? value[..^2]
            : value.EndsWith('\n') ? value[..^1]
            : value;
        return cut.Contains('\n', StringComparison.Ordinal) ? value : cut;
    }

    private static async Task<byte[]> ReadAllAsync(Stream stream, string what, CancellationToken cancellationToken)
    {
        using var all = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (await stream.ReadAsync(buffer, cancellationToken) is > 0 and var count)
        {
            all.Write(buffer, 0, count);
            if (all.Length > MostBytes)
            {
                throw new CliException(ExitCodes.Usage, $"The {what} is longer than {MostBytes} bytes.");
            }
        }

        return all.ToArray();
    }
}
