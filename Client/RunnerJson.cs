using System.Text.Json.Serialization;

namespace Shipinator.Client;

/// <summary>The runner's contracts in JSON, source-generated, because the runner is compiled ahead of time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(ClaimRequest))]
[JsonSerializable(typeof(ClaimResponse))]
[JsonSerializable(typeof(NextRequest))]
[JsonSerializable(typeof(NextResponse))]
[JsonSerializable(typeof(RunnerResponse))]
[JsonSerializable(typeof(HeartbeatRequest))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(UploadedArtifact))]
[JsonSerializable(typeof(CloneResponse))]
public sealed partial class RunnerJson : JsonSerializerContext;
