using System.Text.Json.Serialization;

namespace Shipinator.Client;

/// <summary>The runner's contracts in JSON, generated at build time: the runner is compiled ahead of time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(ClaimRequest))]
[JsonSerializable(typeof(ClaimAnswer))]
[JsonSerializable(typeof(NextRequest))]
[JsonSerializable(typeof(NextAnswer))]
[JsonSerializable(typeof(RunnerAnswer))]
[JsonSerializable(typeof(HeartbeatRequest))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(UploadedArtifact))]
[JsonSerializable(typeof(CloneAnswer))]
public sealed partial class RunnerJson : JsonSerializerContext;
