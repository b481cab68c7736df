using Shipinator.Client;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Api.Responses;

/// <summary>Artifacts as the API shows them.</summary>
internal static class ArtifactResponses
{
    public static ArtifactResponse Of(ArtifactRow a) =>
        new()
        {
            Id = a.Id.ToString(),
            JobId = a.JobId.ToString(),
            ExecutionId = a.ExecutionId.ToString(),
            ArtifactType = a.Type,
            FileName = a.FileName,
            Size = a.Size,
            Checksum = a.Checksum,
            Ref = a.Ref,
            StorageBackend = a.StorageBackend,
            CreatedAt = a.CreatedAt,
        };
}
