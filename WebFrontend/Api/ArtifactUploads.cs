using Microsoft.Extensions.Options;
using Shipinator.Client;
using Shipinator.Schema.Stores;
using Shipinator.Triggers;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary>
/// Stores the artifacts that runners upload. Everything is checked before the first byte is stored; a payload without a row is deleted.
/// </summary>
public sealed class ArtifactUploads(
    IArtifactStores stores,
    ArtifactMetadataStore metadata,
    ExecutionMasks masks,
    TimeProvider time,
    IOptions<WebOptions> options
)
{
    private const int LongestText = 1000;

    /// <summary>
    /// Stores an artifact of an execution. Errors: <see cref="MalformedException"/>, <see cref="InvalidInputException"/>
    /// <c>artifact_type</c>, <c>artifact_limit</c>, <c>checksum_mismatch</c>, <see cref="ConflictException"/>.
    /// </summary>
    public async Task<UploadedArtifact> StoreAsync(
        ExecutionRecord execution,
        string type,
        string name,
        string? reference,
        HttpRequest request,
        CancellationToken cancellation
    )
    {
        ArgumentNullException.ThrowIfNull(execution);
        ArgumentNullException.ThrowIfNull(request);
        Check(type, name, reference);
        if (execution.Life.IsTerminal)
        {
            throw new ConflictException(
                "already_ended",
                $"Execution {execution.Id} has ended with status {execution.Life.Status.Word()}; nothing can be added to it."
            );
        }

        var mask = await masks.OfAsync(execution.Id, cancellation);
        var row = new ArtifactRow
        {
            Id = ArtifactId.New(time),
            JobId = execution.Spec.Worker.JobId,
            ExecutionId = execution.Id,
            Type = type,
            FileName = mask.Hide(name),
            StorageBackend = stores.Current.Backend,
            StoragePath = "",
            Size = 0,
            Ref = reference is null ? null : mask.Hide(reference),
            CreatedAt = time.GetUtcNow(),
        };
        if (reference is not null)
        {
            return Uploaded((await metadata.InsertAsync(row, cancellation)).Row);
        }

        await RequireFreeSpaceAsync(execution.Spec.Worker.RunId, request, cancellation);
        var digest = request.Headers["X-Content-SHA256"].ToString() is { Length: > 0 } given ? given : null;
        var stored = await stores.Current.Put(
            row.Id,
            new(type, row.FileName, row.JobId, row.ExecutionId, row.CreatedAt),
            request.Body,
            digest,
            cancellation
        );
        return Uploaded(
            await InsertAsync(row with { StoragePath = stored.StoragePath, Checksum = stored.Sha256, Size = stored.Size }, cancellation)
        );
    }

    private static void Check(string type, string name, string? reference)
    {
        if (type.Any(char.IsControl))
        {
            throw new MalformedException(
                "type_malformed",
                "type",
                $"type must not contain control characters; expected one of {string.Join(", ", ArtifactRules.Types)}."
            );
        }

        if (!ArtifactRules.Types.Contains(type))
        {
            throw new InvalidInputException(
                "artifact_type",
                $"'{type}' is not a valid artifact type; expected one of {string.Join(", ", ArtifactRules.Types)}."
            );
        }

        if (
            name.Length is 0 or > LongestText
            || name.Any(char.IsControl)
            || (reference is null && (name.StartsWith('/') || name.Split('/').Contains("..")))
        )
        {
            throw new MalformedException(
                "name_malformed",
                "name",
                $"name must be a path below the workspace with forward slashes, of 1 to {LongestText} characters and no control characters."
            );
        }

        if (reference is not null && (reference.Length is 0 or > LongestText || reference.Any(char.IsControl)))
        {
            throw new MalformedException("ref_malformed", "ref", $"ref must have 1 to {LongestText} characters and no control characters.");
        }
    }

    /// <summary>
    /// Concurrent uploads may each count the same free space: the limit of a run is exact only up to what it uploads concurrently.
    /// </summary>
    private async Task RequireFreeSpaceAsync(RunId run, HttpRequest request, CancellationToken cancellation)
    {
        var most = options.Value.MaxRunArtifactBytes;
        var room = most - await metadata.BytesOfRunAsync(run, cancellation);
        if (room < (request.ContentLength ?? 1))
        {
            throw new InvalidInputException(
                "artifact_limit",
                $"The artifacts of a run must have at most {most} bytes in total, and {Math.Max(0, room)} are left; "
                    + "upload less, or raise Shipinator:Storage:MaxRunArtifactBytes."
            );
        }

        RunnerRoutes.Limit(request.HttpContext, Math.Min(options.Value.MaxArtifactBytes, room));
    }

    private async Task<ArtifactRow> InsertAsync(ArtifactRow row, CancellationToken cancellation)
    {
        ArtifactRow kept;
        try
        {
            (kept, _) = await metadata.InsertAsync(row, cancellation);
        }
        catch (ShipinatorException e) when (e is not StorageUnavailableException)
        {
            // There is certainly no row. When that is unknown (storage unavailable) the payload stays, and the sweep decides.
            await stores.Current.Delete(row.StoragePath, CancellationToken.None);
            throw;
        }

        if (kept.Id != row.Id)
        {
            await stores.Current.Delete(row.StoragePath, CancellationToken.None);
            if (kept.Checksum != row.Checksum)
            {
                throw new ConflictException(
                    "artifact_exists",
                    $"Execution {row.ExecutionId} already has another {row.Type} named {row.FileName}; artifacts are immutable."
                );
            }
        }

        return kept;
    }

    private static UploadedArtifact Uploaded(ArtifactRow row) =>
        new()
        {
            Id = row.Id.ToString(),
            Sha256 = row.Checksum,
            Size = row.Size,
        };
}
