using System.Text.Json.Serialization;
using Shipinator.Client;

namespace Shipinator.Cli.IO;

/// <summary>A run with its jobs, as <c>status</c> and <c>run</c> print it.</summary>
internal sealed record RunReport(RunAnswer Run, IReadOnlyList<JobAnswer> Jobs);

/// <summary>What <c>login</c> keeps, and what a standalone server writes down.</summary>
internal sealed record KnownServer(string Url, string? Token);

/// <summary>The JSON that the command line prints and keeps: snake_case, like <c>/v1</c>.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(RunReport))]
[JsonSerializable(typeof(RunAnswer))]
[JsonSerializable(typeof(List<RunAnswer>))]
[JsonSerializable(typeof(List<ProjectAnswer>))]
[JsonSerializable(typeof(List<RepositoryAnswer>))]
[JsonSerializable(typeof(List<ArtifactAnswer>))]
[JsonSerializable(typeof(List<TokenAnswer>))]
[JsonSerializable(typeof(List<PipelineAnswer>))]
[JsonSerializable(typeof(LintAnswer))]
[JsonSerializable(typeof(MeAnswer))]
[JsonSerializable(typeof(KnownServer))]
[JsonSerializable(typeof(ProblemAnswer))]
internal sealed partial class CliJson : JsonSerializerContext;
