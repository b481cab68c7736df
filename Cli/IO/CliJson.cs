using System.Text.Json.Serialization;
using Shipinator.Client;

namespace Shipinator.Cli.IO;

/// <summary>A run with its jobs, the JSON output of <c>status</c> and <c>run</c>.</summary>
internal sealed record RunReport(RunResponse Run, IReadOnlyList<JobResponse> Jobs);

/// <summary>A server URL and token, written by <c>login</c> or by a standalone server.</summary>
internal sealed record KnownServer(string Url, string? Token);

/// <summary>The JSON that the command line prints and stores: snake_case, like <c>/v1</c>.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(RunReport))]
[JsonSerializable(typeof(RunResponse))]
[JsonSerializable(typeof(List<RunResponse>))]
[JsonSerializable(typeof(List<DeliveryResponse>))]
[JsonSerializable(typeof(List<ProjectResponse>))]
[JsonSerializable(typeof(List<RepositoryResponse>))]
[JsonSerializable(typeof(List<ScheduleResponse>))]
[JsonSerializable(typeof(ScheduleResponse))]
[JsonSerializable(typeof(List<ArtifactResponse>))]
[JsonSerializable(typeof(List<TokenResponse>))]
[JsonSerializable(typeof(List<PipelineResponse>))]
[JsonSerializable(typeof(LintResponse))]
[JsonSerializable(typeof(MeResponse))]
[JsonSerializable(typeof(KnownServer))]
[JsonSerializable(typeof(SecretResponse))]
[JsonSerializable(typeof(IReadOnlyList<SecretResponse>))]
[JsonSerializable(typeof(CredentialResponse))]
[JsonSerializable(typeof(WebhookSecretResponse))]
[JsonSerializable(typeof(RotateKeysResponse))]
[JsonSerializable(typeof(ProblemResponse))]
internal sealed partial class CliJson : JsonSerializerContext;
