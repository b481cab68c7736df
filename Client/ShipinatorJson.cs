using System.Text.Json.Serialization;

namespace Shipinator.Client;

/// <summary>The contracts of <c>/v1</c> in JSON: snake_case, source-generated.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip
)]
[JsonSerializable(typeof(ProjectResponse))]
[JsonSerializable(typeof(PageResponse<ProjectResponse>))]
[JsonSerializable(typeof(CreateProjectRequest))]
[JsonSerializable(typeof(UpdateProjectRequest))]
[JsonSerializable(typeof(RepositoryResponse))]
[JsonSerializable(typeof(PageResponse<RepositoryResponse>))]
[JsonSerializable(typeof(CreateRepositoryRequest))]
[JsonSerializable(typeof(UpdateRepositoryRequest))]
[JsonSerializable(typeof(RetryStatusesResponse))]
[JsonSerializable(typeof(PageResponse<PipelineResponse>))]
[JsonSerializable(typeof(PipelineResponse))]
[JsonSerializable(typeof(ScheduleResponse))]
[JsonSerializable(typeof(PageResponse<ScheduleResponse>))]
[JsonSerializable(typeof(UpdateScheduleRequest))]
[JsonSerializable(typeof(CreateRunRequest))]
[JsonSerializable(typeof(RerunRequest))]
[JsonSerializable(typeof(RunResponse))]
[JsonSerializable(typeof(PageResponse<RunResponse>))]
[JsonSerializable(typeof(DeliveryAcceptedResponse))]
[JsonSerializable(typeof(DeliveryResponse))]
[JsonSerializable(typeof(PageResponse<DeliveryResponse>))]
[JsonSerializable(typeof(JobsResponse))]
[JsonSerializable(typeof(ExecutionResponse))]
[JsonSerializable(typeof(LogTimesResponse))]
[JsonSerializable(typeof(ArtifactResponse))]
[JsonSerializable(typeof(PageResponse<ArtifactResponse>))]
[JsonSerializable(typeof(TransitionResponse))]
[JsonSerializable(typeof(PageResponse<TransitionResponse>))]
[JsonSerializable(typeof(LintRequest))]
[JsonSerializable(typeof(LintResponse))]
[JsonSerializable(typeof(CreateTokenRequest))]
[JsonSerializable(typeof(TokenResponse))]
[JsonSerializable(typeof(PageResponse<TokenResponse>))]
[JsonSerializable(typeof(MeResponse))]
[JsonSerializable(typeof(SecretResponse))]
[JsonSerializable(typeof(PageResponse<SecretResponse>))]
[JsonSerializable(typeof(SetSecretRequest))]
[JsonSerializable(typeof(CredentialResponse))]
[JsonSerializable(typeof(SetCredentialRequest))]
[JsonSerializable(typeof(WebhookSecretResponse))]
[JsonSerializable(typeof(SetWebhookSecretRequest))]
[JsonSerializable(typeof(RotateKeysResponse))]
[JsonSerializable(typeof(ProblemResponse))]
public sealed partial class ShipinatorJson : JsonSerializerContext;
