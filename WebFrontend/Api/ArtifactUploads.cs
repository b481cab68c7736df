using Microsoft.Extensions.Options;
using Shipinator.Client;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Api.Problems;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary>Takes what steps leave: everything is checked before the first byte is stored, and what gets no row is not kept.</summary>
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
    public async Task<UploadedArtifact> TakeAsync(
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
                $"Execution {execution.Id} has ended as {execution.Life.Status.Word()}; nothing can be added to it."
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
            return Answer((await metadata.InsertAsync(row, cancellation)).Row);
        }

        await RequireRoomAsync(execution.Spec.Worker.RunId, request, cancellation);
        var digest = request.Headers["X-Content-SHA256"].ToString() is { Length: > 0 } given ? given : null;
        var stored = await stores.Current.Put(
            row.Id,
            new(type, row.FileName, row.JobId, row.ExecutionId, row.CreatedAt),
            request.Body,
            digest,
            cancellation
        );
        return Answer(
            await InsertAsync(row with { StoragePath = stored.StoragePath, Checksum = stored.Sha256, Size = stored.Size }, cancellation)
        );
    }

    private static void Check(string type, string name, string? reference)
    {
        if (type.Any(char.IsControl))
        {
            throw new MalformedException("type_malformed", "type", $"type must be one of {string.Join(", ", ArtifactRules.Types)}.");
        }

        if (!ArtifactRules.Types.Contains(type))
        {
            throw new InvalidInputException(
                "artifact_type",
                $"'{type}' is not an artifact type; known: {string.Join(", ", ArtifactRules.Types)}."
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
                $"name must be a path below the workspace, with forward slashes and without control characters, of at most {LongestText} characters."
            );
        }

        if (reference is not null && (reference.Length is 0 or > LongestText || reference.Any(char.IsControl)))
        {
            throw new MalformedException("ref_malformed", "ref", $"ref must be 1 to {LongestText} characters without control characters.");
        }
    }

    /// <summary>Two uploads at once may each have the same room: a run's limit is held to within what it uploads side by side.</summary>
    private async Task RequireRoomAsync(RunId run, HttpRequest request, CancellationToken cancellation)
    {
        var most = options.Value.MaxRunArtifactBytes;
        var room = most - await metadata.BytesOfRunAsync(run, cancellation);
        if (room < (request.ContentLength ?? 1))
        {
            throw new InvalidInputException(
                "artifact_limit",
                $"The artifacts of a run may have {most} bytes together, and {Math.Max(0, room)} are left: keep less, or raise Shipinator:Storage:MaxRunArtifactBytes."
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
            // Certainly without a row. When it is not certain, the payload stays: the sweep will know.
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
                    $"Execution {row.ExecutionId} has left another {row.Type} named {row.FileName} already; artifacts never change."
                );
            }
        }

        return kept;
    }

    private static UploadedArtifact Answer(ArtifactRow row) =>
        new()
        {
            Id = row.Id.ToString(),
            Sha256 = row.Checksum,
            Size = row.Size,
        };
}
