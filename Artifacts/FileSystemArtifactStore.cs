using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;

namespace Shipinator.Artifacts;

/// <summary>
/// Artifacts in folders, by the specification's layout (§3.2): <c>artifacts/ID/payload</c> and <c>metadata.json</c>. A
/// folder appears by a single rename once all of it is on disk, so that no reader sees a partial artifact.
/// </summary>
public sealed class FileSystemArtifactStore : IArtifactStore
{
    private const string Payload = "payload";
    private const string Metadata = "metadata.json";
    private const int SweptAtOnce = 500;
    private readonly string _root;
    private readonly string _incoming;

    /// <summary>Creates the folders.</summary>
    public FileSystemArtifactStore(IOptions<FileStoreOptions> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _root = Path.Combine(options.Value.Root, "artifacts");
        _incoming = Path.Combine(_root, ".incoming");
        Directory.CreateDirectory(_incoming);
    }

    /// <inheritdoc/>
    public string Backend => "nfs";

    /// <inheritdoc/>
    public async Task<StoredArtifact> Put(
        ArtifactId id,
        ArtifactMetadata metadata,
        Stream content,
        string? expectedSha256,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(content);
        var temporary = Path.Combine(_incoming, $"{id}-{Guid.CreateVersion7():N}");
        Directory.CreateDirectory(temporary);
        try
        {
            var (sha256, size) = await WriteAsync(Path.Combine(temporary, Payload), content, cancellationToken);
            if (expectedSha256 is not null && !string.Equals(expectedSha256, sha256, StringComparison.OrdinalIgnoreCase))
            {
                throw new InvalidInputException(
                    "checksum_mismatch",
                    $"The payload's SHA-256 is {sha256}, but {expectedSha256} was expected. Upload it again."
                );
            }

            var description = new StoredMetadata(
                id.ToString(),
                metadata.Type,
                metadata.FileName,
                metadata.JobId.ToString(),
                metadata.ExecutionId.ToString(),
                metadata.CreatedAt,
                sha256,
                size
            );
            await using (var stream = Create(Path.Combine(temporary, Metadata)))
            {
                await JsonSerializer.SerializeAsync(stream, description, MetadataJson.Default.StoredMetadata, cancellationToken);
                stream.Flush(flushToDisk: true);
            }

            await Durable.FlushFolderAsync(temporary);
            return await PublishAsync(id, temporary, sha256, size, cancellationToken);
        }
        finally
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    /// <inheritdoc/>
    public Task<Stream?> Open(string storagePath, CancellationToken cancellationToken)
    {
        var path = FullPath(storagePath);
        return Task.FromResult<Stream?>(
            File.Exists(path)
                ? new FileStream(
                    path,
                    FileMode.Open,
                    FileAccess.Read,
                    FileShare.Read | FileShare.Delete,
                    81920,
                    FileOptions.Asynchronous | FileOptions.SequentialScan
                )
                : null
        );
    }

    /// <inheritdoc/>
    public Task Delete(string storagePath, CancellationToken cancellationToken)
    {
        var folder = Path.GetDirectoryName(FullPath(storagePath))!;
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<int> Sweep(
        DateTimeOffset before,
        Func<IReadOnlyList<StoredOwner>, CancellationToken, Task<IReadOnlyList<ArtifactId>>> orphans,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(orphans);
        var removed = 0;
        foreach (var folder in new DirectoryInfo(_incoming).EnumerateDirectories().Where(f => f.LastWriteTimeUtc < before.UtcDateTime))
        {
            folder.Delete(recursive: true);
            removed++;
        }

        foreach (
            var folders in new DirectoryInfo(_root)
                .EnumerateDirectories()
                .Where(f => f.LastWriteTimeUtc < before.UtcDateTime && EntityId.TryParse<ArtifactId>(f.Name, out _))
                .Chunk(SweptAtOnce)
        )
        {
            var stored = new List<StoredOwner>();
            foreach (var folder in folders)
            {
                if (await OwnerAsync(folder.FullName, cancellationToken) is { } owner)
                {
                    stored.Add(owner);
                }
            }

            foreach (var orphan in await orphans(stored, cancellationToken))
            {
                Directory.Delete(Path.Combine(_root, orphan.ToString()), recursive: true);
                removed++;
            }
        }

        return removed;
    }

    /// <summary>Null when the folder has no readable metadata; it is then kept.</summary>
    private static async Task<StoredOwner?> OwnerAsync(string folder, CancellationToken cancellationToken)
    {
        try
        {
            await using var stream = File.OpenRead(Path.Combine(folder, Metadata));
            var known = await JsonSerializer.DeserializeAsync(stream, MetadataJson.Default.StoredMetadata, cancellationToken);
            return
                known is not null
                && EntityId.TryParse<ArtifactId>(Path.GetFileName(folder), out var artifact)
                && EntityId.TryParse<ExecutionId>(known.ExecutionId, out var execution)
                ? new(artifact, execution)
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    private async Task<StoredArtifact> PublishAsync(
        ArtifactId id,
        string temporary,
        string sha256,
        long size,
        CancellationToken cancellationToken
    )
    {
        var stored = new StoredArtifact($"{id}/{Payload}", sha256, size);
        var final = Path.Combine(_root, id.ToString());
        try
        {
            Directory.Move(temporary, final);
            await Durable.FlushFolderAsync(_root);
            return stored;
        }
        catch (IOException) when (Directory.Exists(final))
        {
            await using var stream = File.OpenRead(Path.Combine(final, Metadata));
            var first = await JsonSerializer.DeserializeAsync(stream, MetadataJson.Default.StoredMetadata, cancellationToken);
            return first?.Sha256 == sha256
                ? stored
                : throw new ConflictException(
                    "artifact_exists",
                    $"Artifact {id} already exists with different content. Artifacts can't be changed."
                );
        }
    }

    private static async Task<(string Sha256, long Size)> WriteAsync(string path, Stream content, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(128 * 1024);
        try
        {
            long size = 0;
            await using var stream = Create(path);
            int read;
            while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
            {
                hash.AppendData(buffer, 0, read);
                await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                size += read;
            }

            stream.Flush(flushToDisk: true);
            return (Convert.ToHexStringLower(hash.GetHashAndReset()), size);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static FileStream Create(string path) =>
        new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 81920, FileOptions.Asynchronous);

    /// <summary>Accepts only paths that this store has created: an id, a slash, <c>payload</c>.</summary>
    private string FullPath(string storagePath) =>
        storagePath.Split('/') is [var id, Payload] && EntityId.TryParse<ArtifactId>(id, out _)
            ? Path.Combine(_root, id, Payload)
            : throw new InvalidInputException(
                "storage_path_invalid",
                $"'{storagePath}' is not a valid path of the file system artifact store; expected ID/payload."
            );
}

internal sealed record StoredMetadata(
    string Id,
    string Type,
    string FileName,
    string JobId,
    string ExecutionId,
    DateTimeOffset CreatedAt,
    string Sha256,
    long Size
);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(StoredMetadata))]
internal sealed partial class MetadataJson : JsonSerializerContext;
