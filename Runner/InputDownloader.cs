using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Downloads a step's inputs into the workspace.</summary>
internal sealed class InputDownloader(RunnerClient client, RunnerSettings settings, Action<string> log, TimeProvider time)
{
    /// <summary>Errors: <see cref="PrepareException"/>, <see cref="StepConfigException"/>.</summary>
    public async Task DownloadAsync(IReadOnlyList<InputResponse> inputs, CancellationToken cancellationToken)
    {
        foreach (var input in inputs)
        {
            var target = Inside(input.Target ?? Path.Combine(input.Path, Path.GetFileName(input.FileName)));
            CreateFolderOf(target, input);
            if (input.Ref is not null)
            {
                var name = input.Target is null ? Inside(Path.Combine(input.Path, input.ArtifactId + ".ref")) : target;
                await File.WriteAllTextAsync(name, input.Ref + "\n", cancellationToken);
                continue;
            }

            log($"Input {input.FileName} → {Path.GetRelativePath(settings.Workspace, target)}");
            await ServerRetry.TryAsync(
                async () =>
                {
                    await client.DownloadAsync(input.ArtifactId, target, input.Sha256, cancellationToken);
                    return true;
                },
                time,
                cancellationToken
            );
            // It may be a program, and artifacts have no modes: the owner may execute it.
            File.SetUnixFileMode(target, File.GetUnixFileMode(target) | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Errors: <see cref="StepConfigException"/> when the workspace has something else at the path.</summary>
    private void CreateFolderOf(string target, InputResponse input)
    {
        try
        {
            if (!Directory.Exists(target))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                return;
            }
        }
        catch (IOException)
        {
            // A file is where a folder is needed.
        }

        throw new StepConfigException(
            $"The input {input.FileName} can't be written to '{Path.GetRelativePath(settings.Workspace, target)}': the workspace has a "
                + "folder there, or a file in place of a parent folder. Give the input another 'path'."
        );
    }

    /// <summary>A path below the workspace. Errors: <see cref="PrepareException"/>.</summary>
    private string Inside(string relative) =>
        WorkspacePaths.Inside(settings.Workspace, relative)
        ?? throw new PrepareException($"'{relative}' is outside the workspace: artifacts and inputs must be inside it.");
}
