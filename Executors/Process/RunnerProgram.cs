using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Shipinator.Executors.Process;

/// <summary>
/// The runner as step users run it: a copy in a folder of root's. The program file is executable but not readable, so the kernel never lets
/// another process of the same user, such as a step, inspect a runner.
/// </summary>
/// <param name="Command">The command that starts it.</param>
/// <param name="DotnetRoot">The folder of .NET; null for a native program.</param>
internal sealed record RunnerProgram(string[] Command, string? DotnetRoot)
{
    private const UnixFileMode Run =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
    private const UnixFileMode Read = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>The runner where it is, as the server's own user runs it.</summary>
    public static RunnerProgram InPlace(ProcessExecutorOptions options) =>
        new(options.RunnerPath.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", options.RunnerPath] : [options.RunnerPath], null);

    /// <summary>
    /// Creates the copy if it does not exist. Errors: <see cref="IOException"/>, <see cref="UnauthorizedAccessException"/>.
    /// </summary>
    public static RunnerProgram Install(ProcessExecutorOptions options)
    {
        var isDotnet = options.RunnerPath.EndsWith(".dll", StringComparison.Ordinal);
        var program = isDotnet ? options.RunnerPath[..^".dll".Length] : options.RunnerPath;
        if (!File.Exists(program))
        {
            throw new IOException(
                $"{program} is missing next to {options.RunnerPath}: build the runner with its native host (UseAppHost), or set "
                    + $"{ProcessSettingKeys.RunnerPath} to the static runner (Runner/publish-static.sh)."
            );
        }

        string[] files = isDotnet
            ?
            [
                .. Directory
                    .EnumerateFiles(Path.GetDirectoryName(options.RunnerPath)!)
                    .Where(f => f == program || Path.GetExtension(f) is ".dll" or ".json" or ".so")
                    .Order(StringComparer.Ordinal),
            ]
            : [program];
        var target = Path.Combine(options.MachineFolder, "runners", Hash(files));
        if (!Directory.Exists(target))
        {
            Copy(files, program, target);
        }

        return new([Path.Combine(target, Path.GetFileName(program))], isDotnet ? FindDotnet() : null);
    }

    /// <summary>Starts it as a step user to see whether that works. Null when it does; else the problem.</summary>
    public async Task<string?> ProbeAsync(uint user, CancellationToken cancellationToken)
    {
        var (code, output) = await StartAsync(user, cancellationToken);
        return code == RunnerExitCodes.Usage && output.Contains("runner work", StringComparison.Ordinal)
            ? null
            : $"{string.Join(' ', Command)} exited with code {code}: {output}";
    }

    private Task<(int Code, string Output)> StartAsync(uint user, CancellationToken cancellationToken) =>
        SystemCommand.RunAsync(
            [.. StepUsers.Prefix(user), .. Command],
            cancellationToken,
            DotnetRoot is null ? [] : [("DOTNET_ROOT", DotnetRoot)]
        );

    /// <summary>The folder of the .NET that the server itself runs on.</summary>
    private static string? FindDotnet() =>
        Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..")).TrimEnd('/') is var root
        && Directory.Exists(Path.Combine(root, "host", "fxr"))
            ? root
            : Environment.GetEnvironmentVariable("DOTNET_ROOT");

    private static string Hash(string[] files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in files)
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(Path.GetFileName(file) + "\0"));
            hash.AppendData(SHA256.HashData(File.ReadAllBytes(file)));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    /// <summary>Copies, then renames: another server may be doing the same.</summary>
    private static void Copy(string[] files, string program, string target)
    {
        var unfinished = $"{target}.{Environment.ProcessId}";
        Directory.CreateDirectory(unfinished);
        foreach (var file in files)
        {
            var copy = Path.Combine(unfinished, Path.GetFileName(file));
            File.Copy(file, copy, overwrite: true);
            File.SetUnixFileMode(copy, file == program ? Run : Read);
        }

        File.SetUnixFileMode(unfinished, WorkerFolder.Passable);
        File.SetUnixFileMode(Path.GetDirectoryName(target)!, WorkerFolder.Passable);
        try
        {
            Directory.Move(unfinished, target);
        }
        catch (IOException) when (Directory.Exists(target))
        {
            Directory.Delete(unfinished, recursive: true);
        }
    }
}
