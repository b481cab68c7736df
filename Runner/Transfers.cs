using System.Formats.Tar;
using System.IO.Compression;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Artifacts in and out of the workspace.</summary>
internal sealed class Transfers(RunnerClient client, RunnerSettings settings, Action<string> say, TimeProvider time)
{
    private const int Tries = 8;

    /// <summary>Puts the inputs into the workspace. Errors: <see cref="PrepareException"/>.</summary>
    public async Task DownloadAsync(IReadOnlyList<InputAnswer> inputs, CancellationToken cancellationToken)
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
            await PersistAsync(async () =>
            {
                await client.DownloadAsync(input.ArtifactId, target, input.Sha256, cancellationToken);
                return true;
            });
            // What was built may be a program: artifacts carry no modes, so owners may run what they are given.
            File.SetUnixFileMode(target, File.GetUnixFileMode(target) | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Errors: <see cref="StepMistakeException"/> when the workspace has something else there.</summary>
    private void MakeFolderOf(string target, InputAnswer input)
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
            $"The input {input.FileName} can't be put at '{Path.GetRelativePath(settings.Workspace, target)}': the workspace has a folder there, or a file on the way. Give the input another 'path'.");
    }

    /// <summary>Uploads what the step declared. Errors: <see cref="ArtifactMissingException"/> names what is not there.</summary>
    public async Task<List<string>> UploadAsync(IReadOnlyList<OutputAnswer> outputs, CancellationToken cancellationToken)
    {
        var ids = new List<string>();
        var missing = outputs.Where(o => o.Path is not null && !IsThere(o.Path)).Select(o => $"{o.Type} {o.Path}").ToList();
        if (missing.Count > 0)
        {
            throw new ArtifactMissingException($"The step succeeded, but a declared output is not there: {string.Join(", ", missing)}.");
        }

        foreach (var output in outputs)
        {
            if (output.Ref is not null)
            {
                ids.Add((await PersistAsync(() => client.RecordRefAsync(output.Type, output.Ref, cancellationToken))).Id);
                continue;
            }

            foreach (var (file, name) in Files(output.Path!))
            {
                var uploaded = await PersistAsync(() => client.UploadAsync(output.Type, name, file, cancellationToken));
                say($"Artifact {output.Type} {name} ({uploaded.Size} bytes)");
                ids.Add(uploaded.Id);
            }
        }

        return ids;
    }

    private bool IsThere(string pattern) =>
        Directory.Exists(Inside(Trim(pattern))) || new WorkspaceFiles(settings.Workspace).Find(Trim(pattern), CancellationToken.None).Files.Count > 0;

    private static string Trim(string pattern)
    {
        var trimmed = pattern.Trim().TrimEnd('/');
        while (trimmed.StartsWith("./", StringComparison.Ordinal))
        {
            trimmed = trimmed[2..];
        }

        return trimmed.Length == 0 ? "." : trimmed;
    }

    /// <summary>The files that a declared path or glob means; a folder becomes one packed file.</summary>
    private IEnumerable<(string File, string Name)> Files(string pattern)
    {
        var trimmed = Trim(pattern);
        var folder = Inside(trimmed);
        if (Directory.Exists(folder))
        {
            yield return (Pack(folder), (trimmed == "." ? "workspace" : trimmed) + ".tar.gz");
            yield break;
        }

        var found = new WorkspaceFiles(settings.Workspace).Find(trimmed, CancellationToken.None);
        if (found.Told is { } told)
        {
            say($"Output {trimmed}: {told}");
        }

        foreach (var file in found.Files)
        {
            yield return (file.Path, file.Name);
        }
    }

    private string Pack(string folder)
    {
        var target = Path.Combine(settings.Control, $"{Path.GetFileName(folder)}.tar.gz");
        using var file = File.Create(target);
        using var zip = new GZipStream(file, CompressionLevel.Fastest);
        TarFile.CreateFromDirectory(folder, zip, includeBaseDirectory: true);
        return target;
    }

    /// <summary>A path below the workspace. Errors: <see cref="PrepareException"/>.</summary>
    private string Inside(string relative) => WorkspacePaths.Inside(settings.Workspace, relative)
        ?? throw new PrepareException($"'{relative}' is not below the workspace: artifacts and inputs stay inside it.");

    /// <summary>Tries through a server that is away; an answer that will not change ends it.</summary>
    private async Task<T> PersistAsync<T>(Func<Task<T>> call)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                return await call();
            }
            catch (HttpRequestException e) when (e.StatusCode is null or >= System.Net.HttpStatusCode.InternalServerError or System.Net.HttpStatusCode.RequestTimeout or System.Net.HttpStatusCode.TooManyRequests)
            {
                await Backoff.WaitAsync(failures, time);
            }
            catch (IOException) when (failures < Tries)
            {
                await Backoff.WaitAsync(failures, time);
            }
            catch (HttpRequestException e)
            {
                throw new PrepareException($"The server refused an artifact: {e.Message}");
            }
        }
    }
}

/// <summary>A declared output is not there.</summary>
internal sealed class ArtifactMissingException(string message) : Exception(message);
