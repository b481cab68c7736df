using System.Text.Json.Serialization;

namespace Shipinator.Client;

/// <summary>The contracts of <c>/v1</c> in JSON: snake_case, generated at build time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip
)]
[JsonSerializable(typeof(ProjectAnswer))]
[JsonSerializable(typeof(PageAnswer<ProjectAnswer>))]
[JsonSerializable(typeof(CreateProjectRequest))]
[JsonSerializable(typeof(UpdateProjectRequest))]
[JsonSerializable(typeof(RepositoryAnswer))]
[JsonSerializable(typeof(PageAnswer<RepositoryAnswer>))]
[JsonSerializable(typeof(CreateRepositoryRequest))]
[JsonSerializable(typeof(UpdateRepositoryRequest))]
[JsonSerializable(typeof(PageAnswer<PipelineAnswer>))]
[JsonSerializable(typeof(PipelineAnswer))]
[JsonSerializable(typeof(CreateRunRequest))]
[JsonSerializable(typeof(RerunRequest))]
[JsonSerializable(typeof(RunAnswer))]
[JsonSerializable(typeof(PageAnswer<RunAnswer>))]
[JsonSerializable(typeof(JobsAnswer))]
[JsonSerializable(typeof(ExecutionAnswer))]
[JsonSerializable(typeof(LogTimesAnswer))]
[JsonSerializable(typeof(ArtifactAnswer))]
[JsonSerializable(typeof(PageAnswer<ArtifactAnswer>))]
[JsonSerializable(typeof(TransitionAnswer))]
[JsonSerializable(typeof(PageAnswer<TransitionAnswer>))]
[JsonSerializable(typeof(LintRequest))]
[JsonSerializable(typeof(LintAnswer))]
[JsonSerializable(typeof(CreateTokenRequest))]
[JsonSerializable(typeof(TokenAnswer))]
[JsonSerializable(typeof(PageAnswer<TokenAnswer>))]
[JsonSerializable(typeof(MeAnswer))]
[JsonSerializable(typeof(ProblemAnswer))]
public sealed partial class ShipinatorJson : JsonSerializerContext;
