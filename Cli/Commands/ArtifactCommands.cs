using System.CommandLine;
using System.Security.Cryptography;
using Shipinator.Cli.IO;
using Shipinator.Cli.Runs;
using Shipinator.Client;

namespace Shipinator.Cli.Commands;

/// <summary><c>artifacts</c>: the artifacts of runs.</summary>
internal static class ArtifactCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        yield return new Command("artifacts", "List and download artifacts") { List(line), Download(line) };
    }

    private static Command List(CommandLine line)
    {
        var (name, repository) = HistoryCommands.RunArguments();
        return line.Remote(
            new Command("list", "List the artifacts of a run") { name, repository },
            async (session, parsed) =>
            {
                var run = await session.Catalog.RunAsync(parsed.GetValue(name), parsed.GetValue(repository), session.Token);
                var artifacts = RunSummary.Artifacts((await session.Client.GetJobsAsync(run.Id, session.Token)).Jobs);
                return session.Print(
                    artifacts,
                    CliJson.Default.ListArtifactResponse,
                    all =>
                    {
                        if (all.Count == 0)
                        {
                            session.Terminal.WriteNote($"Run {run.Id} has no artifacts.");
                        }
                        else
                        {
                            session.Terminal.Write(RunSummary.ArtifactTable(all));
                        }
                    }
                );
            }
        );
    }

    private static Command Download(CommandLine line)
    {
        var id = new Argument<string>("ID") { Description = "Artifact ID" };
        var to = new Option<string?>("--to", "-o")
        {
            Description = "File or folder to write to, or - for standard output; default: the artifact's file name in the current folder",
            HelpName = "PATH",
        };
        var force = new Option<bool>("--force") { Description = "Overwrite an existing file" };
        return line.Remote(
            new Command("download", "Download an artifact and verify its SHA-256") { id, to, force },
            async (session, parsed) =>
            {
                var artifact = await session.Client.GetArtifactAsync(parsed.GetRequiredValue(id), session.Token);
                if (artifact.Ref is not null)
                {
                    throw new CliException(
                        ExitCodes.Invalid,
                        $"Artifact {artifact.Id} is a reference to {artifact.Ref} and has no content to download."
                    );
                }

                var target = parsed.GetValue(to);
                if (target == "-")
                {
                    if (session.Terminal.IsOutputTerminal)
                    {
                        throw new CliException(
                            ExitCodes.Usage,
                            "Artifacts are not written to a terminal. Redirect standard output, or pass a file with --to."
                        );
                    }

                    await using var output = session.Terminal.OpenOutput();
                    await using var bytes = await session.Client.DownloadAsync(artifact.Id, session.Token);
                    await bytes.CopyToAsync(output, session.Token);
                    return ExitCodes.Success;
                }

                // A step chose the name: only its last segment is used, so that the file can't leave the folder.
                var file = Path.GetFileName(artifact.FileName.Replace('\\', '/')) is { Length: > 0 } last and not ("." or "..")
                    ? last
                    : artifact.Id;
                var path = Path.GetFullPath(
                    target is null ? file
                    : Directory.Exists(target) ? Path.Combine(target, file)
                    : target
                );
                await using var payload = await session.Client.DownloadAsync(artifact.Id, session.Token);
                await SaveAsync(artifact, payload, path, parsed.GetValue(force), session.Token);
                session.Terminal.WriteNote($"{path} ({ConsoleFormat.Size(artifact.Size)})");
                return session.IsJson ? session.Print([artifact], CliJson.Default.ListArtifactResponse, _ => { }) : ExitCodes.Success;
            }
        );
    }

    /// <summary>Writes to a temporary file first: the target is complete and verified, or does not exist.</summary>
    private static async Task SaveAsync(
        ArtifactResponse artifact,
        Stream payload,
        string path,
        bool replace,
        CancellationToken cancellationToken
    )
    {
        if (!replace && File.Exists(path))
        {
            throw new CliException(
                ExitCodes.Usage,
                $"File {path} already exists. Use --force to overwrite it, or --to to choose another path."
            );
        }

        var temporary = $"{path}.{artifact.Id}.part";
        try
        {
            using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            await using (var output = File.Create(temporary))
            {
                var buffer = new byte[81920];
                int read;
                while ((read = await payload.ReadAsync(buffer, cancellationToken)) > 0)
                {
                    sum.AppendData(buffer.AsSpan(0, read));
                    await output.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                }
            }

            var actual = Convert.ToHexStringLower(sum.GetHashAndReset());
            if (artifact.Checksum is { } expected && actual != expected)
            {
                throw new CliException(
                    ExitCodes.Failed,
                    $"Artifact {artifact.Id} is corrupted: its SHA-256 is {actual}, expected {expected}. Download it again."
                );
            }

            File.Move(temporary, path, replace);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
