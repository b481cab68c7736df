using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Artifacts into the workspace.</summary>
internal sealed class Transfers(RunnerClient client, RunnerSettings settings, Action<string> say, TimeProvider time)
{
    /// <summary>Puts the inputs into the workspace. Errors: <see cref="PrepareException"/>.</summary>
    public async Task DownloadAsync(IReadOnlyList<InputResponse> inputs, CancellationToken cancellationToken)
    {
        foreach (var input in inputs)
        {
            var target = Inside(input.Target ?? Path.Combine(input.Path, Path.GetFileName(input.FileName)));
            MakeFolderOf(target, input);
            if (input.Ref is not null)
            {
                var name = input.Target is null ? Inside(Path.Combine(input.Path, input.ArtifactId + ".ref")) : target;
                await File.WriteAllTextAsync(name, input.Ref + "\n", cancellationToken);
                continue;
            }

            say($"Input {input.FileName} → {Path.GetRelativePath(settings.Workspace, target)}");
            await Persistence.TryAsync(
                async () =>
                {
                    await client.DownloadAsync(input.ArtifactId, target, input.Sha256, cancellationToken);
                    return true;
                },
                time,
                cancellationToken
            );
            // What was built may be a program: artifacts carry no modes, so owners may run what they are given.
            File.SetUnixFileMode(target, File.GetUnixFileMode(target) | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Errors: <see cref="StepMistakeException"/> when the workspace has something else there.</summary>
    private void MakeFolderOf(string target, InputResponse input)
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
            // A file stands where a folder is wanted.
        }

        throw new StepMistakeException(
            $"The input {input.FileName} can't be put at '{Path.GetRelativePath(settings.Workspace, target)}': the workspace has a folder there, or a file on the way. Give the input another 'path'."
        );
    }

    /// <summary>A path below the workspace. Errors: <see cref="PrepareException"/>.</summary>
    private string Inside(string relative) =>
        WorkspacePaths.Inside(settings.Workspace, relative)
        ?? throw new PrepareException($"'{relative}' is not below the workspace: artifacts and inputs stay inside it.");
}
