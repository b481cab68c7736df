using System.Text.Json;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>
/// The verb <c>prepare</c>, the first container of a pod: copies the runner to where the steps' images find it, checks out
/// the workspace, and gives steps of any user access to both.
/// </summary>
internal static class Prepare
{
    private const UnixFileMode Everybody =
        UnixFileMode.UserRead
        | UnixFileMode.UserWrite
        | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead
        | UnixFileMode.GroupWrite
        | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead
        | UnixFileMode.OtherWrite
        | UnixFileMode.OtherExecute;

    private const UnixFileMode Program =
        UnixFileMode.UserRead
        | UnixFileMode.UserWrite
        | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead
        | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead
        | UnixFileMode.OtherExecute;

    /// <summary>Returns the process's exit code. Errors go to the error output and to Kubernetes' termination log.</summary>
    public static async Task<int> RunAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        SourceResponse? source = null;
        try
        {
            // Neither a server nor a token is needed here.
            var settings = new RunnerSettings(
                new("http://localhost"),
                "prepare",
                "",
                Path.GetFullPath(RunnerSettings.Required("SHIPINATOR_JOB_DIR"))
            );
            source = Source();
            if (RunnerSettings.Optional("SHIPINATOR_RUNNER_TARGET") is { } target)
            {
                CopySelf(target);
            }

            Directory.CreateDirectory(settings.Control);
            await Workspace.PrepareAsync(settings, source, Console.Out.WriteLine, time, cancellationToken);
            // Each runner creates its own folder there and must not be able to change the others'.
            File.SetUnixFileMode(settings.Executions, Everybody | UnixFileMode.StickyBit);
            Directory.CreateDirectory(settings.ExportsFolder);
            File.SetUnixFileMode(settings.ExportsFolder, Everybody | UnixFileMode.StickyBit);
            File.SetUnixFileMode(settings.Workspace, Everybody);
            FileTree.OpenForAll(settings.Workspace);
            OpenCache(RunnerSettings.Optional("SHIPINATOR_CACHE_DIR"));
            return RunnerExitCodes.Done;
        }
        catch (ArgumentException e)
        {
            return Failed(e.Message, RunnerExitCodes.Usage);
        }
        catch (OperationCanceledException)
        {
            return Failed("Canceled.", RunnerExitCodes.Stopped);
        }
        catch (Exception e) when (e is PrepareException or IOException or UnauthorizedAccessException or JsonException)
        {
            return Failed(
                source?.Password is { Length: >= 4 } secret ? e.Message.Replace(secret, "********", StringComparison.Ordinal) : e.Message,
                RunnerExitCodes.Failed
            );
        }
    }

    private static SourceResponse? Source()
    {
        if (RunnerSettings.Optional("SHIPINATOR_CLONE_COMMIT") is not { } commit)
        {
            return null;
        }

        var folder = RunnerSettings.Optional("SHIPINATOR_CLONE_SECRET_DIR");
        return new()
        {
            CloneUrl = RunnerSettings.Required("SHIPINATOR_CLONE_URL"),
            Ref = RunnerSettings.Required("SHIPINATOR_CLONE_REF"),
            Commit = commit,
            Username = Secret(folder, "username"),
            Password = Secret(folder, "password"),
            CredentialScope = RunnerSettings.Optional("SHIPINATOR_CLONE_SCOPE"),
            CloneOptions = RunnerSettings.Optional("SHIPINATOR_CLONE_OPTIONS") is { } options
                ? JsonSerializer.Deserialize(options, RunnerJson.Default.CloneResponse)
                : null,
        };
    }

    private static string? Secret(string? folder, string name)
    {
        var file = folder is null ? null : Path.Combine(folder, name);
        return File.Exists(file) && File.ReadAllText(file).Trim() is { Length: > 0 } text ? text : null;
    }

    /// <summary>Moves the file into place atomically, so that an incomplete program is never started.</summary>
    private static void CopySelf(string target)
    {
        var self = Environment.ProcessPath;
        if (File.Exists(target) || self is null || Path.GetFileName(self) == "dotnet")
        {
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(target))!);
        File.Copy(self, target + ".new", overwrite: true);
        File.SetUnixFileMode(target + ".new", Program);
        File.Move(target + ".new", target, overwrite: true);
    }

    /// <summary>The repository's caches, which steps of any user add to. A failure only means that nothing is cached.</summary>
    private static void OpenCache(string? folder)
    {
        try
        {
            if (folder is not null)
            {
                File.SetUnixFileMode(folder, Everybody);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Out.WriteLine($"The cache folder can't be made accessible to all users: {e.Message}");
        }
    }

    private static int Failed(string message, int code)
    {
        Console.Error.WriteLine($"runner prepare: {message}");
        // Kubernetes shows it next to the exit code.
        var log = RunnerSettings.Optional("SHIPINATOR_TERMINATION_LOG") ?? "/dev/termination-log";
        try
        {
            if (File.Exists(log))
            {
                File.WriteAllText(log, message.Length > 4000 ? message[..4000] : message);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error output has it.
        }

        return code;
    }
}
