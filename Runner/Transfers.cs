using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Artifacts into the workspace.</summary>
internal sealed class Transfers(RunnerClient client, RunnerSettings settings, Action<string> say, TimeProvider time)
{
    /// <summary>Puts the inputs into the workspace. Errors: <see cref="PrepareException"/>.</summary>
    public async Task DownloadAsync(IReadOnlyList<InputAnswer> inputs, CancellationToken cancellationToken)
    {
        foreach (var input in inputs)
        {
            var target = Inside(Path.Combine(input.Path, Path.GetFileName(input.FileName)));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            if (input.Ref is not null)
            {
                var name = Inside(Path.Combine(input.Path, input.ArtifactId + ".ref"));
                await File.WriteAllTextAsync(name, input.Ref + "\n", cancellationToken);
                continue;
            }

            say($"Input {input.FileName} → {Path.GetRelativePath(settings.Workspace, target)}");
            await Persistence.TryAsync(async () =>
            {
                await client.DownloadAsync(input.ArtifactId, target, input.Sha256, cancellationToken);
                return true;
            }, time, cancellationToken);
            // What was built may be a program: artifacts carry no modes, so owners may run what they are given.
            File.SetUnixFileMode(target, File.GetUnixFileMode(target) | UnixFileMode.UserExecute);
        }
    }

    /// <summary>A path below the workspace. Errors: <see cref="PrepareException"/>.</summary>
    private string Inside(string relative) => WorkspacePaths.Inside(settings.Workspace, relative)
        ?? throw new PrepareException($"'{relative}' is not below the workspace: artifacts and inputs stay inside it.");
}
