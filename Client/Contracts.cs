namespace Shipinator.Client;

/// <summary>One page of a list.</summary>
public sealed record PageResponse<T>
{
    /// <summary>The items.</summary>
    public required IReadOnlyList<T> Items { get; init; }

    /// <summary>Give it as <c>?cursor=</c> for the next page; absent on the last one.</summary>
    public string? NextCursor { get; init; }
}

/// <summary>A project.</summary>
public sealed record ProjectResponse
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public string? Description { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>Body of <c>POST /v1/projects</c>.</summary>
public sealed record CreateProjectRequest
{
    /// <summary>Unique; 1 to 100 characters.</summary>
    public required string Name { get; init; }

    public string? Description { get; init; }
}

/// <summary>Body of <c>PATCH /v1/projects/{id}</c>: what is absent stays.</summary>
public sealed record UpdateProjectRequest
{
    public string? Name { get; init; }

    public string? Description { get; init; }
}

/// <summary>A repository.</summary>
public sealed record RepositoryResponse
{
    public required string Id { get; init; }

    public required string ProjectId { get; init; }

    public required string ProjectName { get; init; }

    public required string Name { get; init; }

    /// <summary><c>git</c>, <c>github</c>, <c>gitea</c>.</summary>
    public required string VcsProvider { get; init; }

    public required string CloneUrl { get; init; }

    public required string DefaultBranch { get; init; }

    /// <summary>Absent: the server's default.</summary>
    public string? Executor { get; init; }

    /// <summary>Where its pipeline file lies below its root; absent: <c>.shipinator.yaml</c>.</summary>
    public string? PipelineFile { get; init; }

    public DateTimeOffset? LastSyncedAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>Body of <c>POST /v1/projects/{id}/repositories</c>.</summary>
public sealed record CreateRepositoryRequest
{
    public required string VcsProvider { get; init; }

    /// <summary>An http or https URL, or an absolute path; without a credential in it.</summary>
    public required string CloneUrl { get; init; }

    /// <summary>Absent: the branch that the repository's HEAD names.</summary>
    public string? DefaultBranch { get; init; }

    /// <summary>Absent: the last part of the clone URL.</summary>
    public string? Name { get; init; }

    public string? Executor { get; init; }

    /// <summary>Where the pipeline file lies below the root; absent: <c>.shipinator.yaml</c>.</summary>
    public string? PipelineFile { get; init; }
}

/// <summary>Body of <c>PATCH /v1/repositories/{id}</c>: what is absent stays.</summary>
public sealed record UpdateRepositoryRequest
{
    public string? Name { get; init; }

    public string? CloneUrl { get; init; }

    public string? DefaultBranch { get; init; }

    public string? Executor { get; init; }

    /// <summary>Where the pipeline file lies below the root; empty: <c>.shipinator.yaml</c> again.</summary>
    public string? PipelineFile { get; init; }
}

/// <summary>A pipeline: one trigger type of a repository.</summary>
public sealed record PipelineResponse
{
    public required string Id { get; init; }

    public required string RepositoryId { get; init; }

    public required string Name { get; init; }

    /// <summary><c>push</c>, <c>pr</c>, <c>manual</c> or <c>schedule</c>.</summary>
    public required string TriggerType { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>Body of <c>POST /v1/pipelines/{id}/runs</c> and <c>POST /v1/repositories/{id}/runs</c>.</summary>
public sealed record CreateRunRequest
{
    /// <summary>
    /// A full ref, a branch or tag, or a commit. A short name that is a branch and a tag is refused, but for the default branch's.
    /// </summary>
    public required string GitRef { get; init; }

    /// <summary>The exact commit; absent: what the ref names now.</summary>
    public string? GitSha { get; init; }

    /// <summary>Values of the pipeline's manual inputs.</summary>
    public IReadOnlyDictionary<string, string>? Inputs { get; init; }

    /// <summary>Of a repository only: which trigger of the file, <c>manual</c> when absent.</summary>
    public string? TriggerType { get; init; }
}

/// <summary>Body of <c>POST /v1/pipeline-runs/{id}/rerun</c>.</summary>
public sealed record RerunRequest
{
    /// <summary><c>start</c>, or <c>failed</c>: jobs that succeeded are not run again.</summary>
    public string From { get; set; } = "start";
}

/// <summary>A run.</summary>
public sealed record RunResponse
{
    public required string Id { get; init; }

    public required string PipelineId { get; init; }

    public required string PipelineName { get; init; }

    public required string RepositoryId { get; init; }

    public required string RepositoryName { get; init; }

    public required string ProjectId { get; init; }

    public required string ProjectName { get; init; }

    public required long RunNumber { get; init; }

    public required string GitRef { get; init; }

    public required string GitSha { get; init; }

    public required string Event { get; init; }

    public string? Branch { get; init; }

    public string? CommitMessage { get; init; }

    public string? CommitAuthor { get; init; }

    public required string Executor { get; init; }

    public required string Actor { get; init; }

    public string? RerunOf { get; init; }

    /// <summary><c>pending</c>, <c>running</c>, <c>success</c>, <c>failed</c>, <c>canceled</c>.</summary>
    public required string Status { get; init; }

    /// <summary>A word of the closed set.</summary>
    public string? Reason { get; init; }

    /// <summary>The human sentence.</summary>
    public string? Detail { get; init; }

    /// <summary>What it waits for, while it is not terminal.</summary>
    public string? WaitingFor { get; init; }

    /// <summary>The word of the closed set that <see cref="WaitingFor"/> explains: <c>slot</c>, <c>image</c>, <c>dependencies</c>, …</summary>
    public string? WaitingForKind { get; init; }

    /// <summary>When a stop was asked for.</summary>
    public DateTimeOffset? CancelRequestedAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Where a person sees it.</summary>
    public required string Url { get; init; }
}

/// <summary>The jobs of a run.</summary>
public sealed record JobsResponse
{
    public required IReadOnlyList<JobResponse> Jobs { get; init; }
}

/// <summary>A job.</summary>
public sealed record JobResponse
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    /// <summary><c>build</c>, <c>test</c>, <c>deploy</c>.</summary>
    public required string JobType { get; init; }

    public required int Attempt { get; init; }

    public required string Status { get; init; }

    public string? Reason { get; init; }

    public string? Detail { get; init; }

    public string? WaitingFor { get; init; }

    /// <summary>The word of the closed set that <see cref="WaitingFor"/> explains: <c>slot</c>, <c>image</c>, <c>dependencies</c>, …</summary>
    public string? WaitingForKind { get; init; }

    /// <summary>The job of an earlier run whose result stands for this one.</summary>
    public string? ReusedFrom { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Steps of all attempts.</summary>
    public required IReadOnlyList<StepResponse> Steps { get; init; }
}

/// <summary>A step of a job attempt.</summary>
public sealed record StepResponse
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required int JobAttempt { get; init; }

    /// <summary>From 0; steps with the same order run side by side.</summary>
    public int? ExecutionOrder { get; init; }

    public string? ParallelGroup { get; init; }

    public required string Status { get; init; }

    public string? Reason { get; init; }

    public string? Detail { get; init; }

    public string? WaitingFor { get; init; }

    /// <summary>The word of the closed set that <see cref="WaitingFor"/> explains: <c>slot</c>, <c>image</c>, <c>dependencies</c>, …</summary>
    public string? WaitingForKind { get; init; }

    public int? ExitCode { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    public required IReadOnlyList<ExecutionResponse> Executions { get; init; }
}

/// <summary>When the bytes of a log were printed: each mark speaks for the bytes from its offset to the next one's.</summary>
public sealed record LogTimesResponse
{
    public required IReadOnlyList<LogTimeResponse> Times { get; init; }
}

/// <summary>One mark.</summary>
public sealed record LogTimeResponse
{
    public required long Offset { get; init; }

    public required DateTimeOffset At { get; init; }
}

/// <summary>One attempt of a step.</summary>
public sealed record ExecutionResponse
{
    public required string Id { get; init; }

    public required string StepId { get; init; }

    public required string JobId { get; init; }

    public required string RunId { get; init; }

    public required int Attempt { get; init; }

    public required string ExecutorType { get; init; }

    public required string ExternalId { get; init; }

    public required string Status { get; init; }

    public string? Reason { get; init; }

    public string? Detail { get; init; }

    public string? WaitingFor { get; init; }

    /// <summary>The word of the closed set that <see cref="WaitingFor"/> explains: <c>slot</c>, <c>image</c>, <c>dependencies</c>, …</summary>
    public string? WaitingForKind { get; init; }

    public int? ExitCode { get; init; }

    /// <summary>Where its log is read.</summary>
    public required string LogsUri { get; init; }

    public required DateTimeOffset SubmittedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? CompletedAt { get; init; }

    public required IReadOnlyList<ArtifactResponse> Artifacts { get; init; }
}

/// <summary>An artifact's metadata.</summary>
public sealed record ArtifactResponse
{
    public required string Id { get; init; }

    public required string JobId { get; init; }

    public required string ExecutionId { get; init; }

    public required string ArtifactType { get; init; }

    public required string FileName { get; init; }

    /// <summary>Bytes.</summary>
    public required long Size { get; init; }

    /// <summary>SHA-256 in lower-case hex; absent for a <c>ref</c> artifact.</summary>
    public string? Checksum { get; init; }

    /// <summary>Set when the artifact is only a name.</summary>
    public string? Ref { get; init; }

    public required string StorageBackend { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>One line of a run's history, and of its event stream.</summary>
public sealed record TransitionResponse
{
    /// <summary>Its place in the history: <c>Last-Event-ID</c>.</summary>
    public required string Cursor { get; init; }

    /// <summary><c>run</c>, <c>job</c>, <c>step</c>, <c>execution</c>.</summary>
    public required string Machine { get; init; }

    public required string EntityId { get; init; }

    /// <summary>1 for the creation.</summary>
    public required int Sequence { get; init; }

    public required DateTimeOffset At { get; init; }

    public string? From { get; init; }

    public required string To { get; init; }

    public string? Reason { get; init; }

    public string? Detail { get; init; }

    public required string Actor { get; init; }
}

/// <summary>Body of <c>POST /v1/pipeline-files/lint</c>.</summary>
public sealed record LintRequest
{
    /// <summary>The text of a <c>.shipinator.yaml</c>.</summary>
    public required string Content { get; init; }

    /// <summary>The file's name, for messages; default <c>.shipinator.yaml</c>.</summary>
    public string? FileName { get; init; }

    /// <summary><c>manual</c> (default), <c>push</c>, <c>pr</c>, <c>schedule</c>: for whom it is planned.</summary>
    public string Event { get; set; } = "manual";

    /// <summary>The branch that it is planned for; default <c>main</c>.</summary>
    public string Branch { get; set; } = "main";

    public IReadOnlyDictionary<string, string>? Inputs { get; init; }

    /// <summary>The executor that it is planned for; absent: the repository's, or else the server's default.</summary>
    public string? Executor { get; init; }

    /// <summary>The id of the repository that it is planned for.</summary>
    public string? Repository { get; init; }
}

/// <summary>What is wrong with a pipeline file, or what it would do.</summary>
public sealed record LintResponse
{
    public required bool Valid { get; init; }

    public required IReadOnlyList<PipelineErrorResponse> Errors { get; init; }

    /// <summary>What is allowed and probably not meant.</summary>
    public IReadOnlyList<PipelineErrorResponse> Warnings { get; set; } = [];

    /// <summary>The plan, when it is valid.</summary>
    public System.Text.Json.JsonElement? Plan { get; init; }
}

/// <summary>One error of a pipeline file.</summary>
public sealed record PipelineErrorResponse
{
    public required string Code { get; init; }

    public required string Message { get; init; }

    public required string File { get; init; }

    /// <summary>From 1.</summary>
    public required int Line { get; init; }

    /// <summary>From 1.</summary>
    public required int Column { get; init; }

    /// <summary>Where in the document: <c>build.steps[0].run</c>.</summary>
    public required string Path { get; init; }

    /// <summary>The offending line.</summary>
    public string? Snippet { get; init; }
}

/// <summary>Body of <c>POST /v1/tokens</c>.</summary>
public sealed record CreateTokenRequest
{
    public required string Name { get; init; }

    /// <summary><c>admin</c>, <c>write</c> or <c>read</c>.</summary>
    public required string Role { get; init; }
}

/// <summary>An API token; its text only in the answer to its creation.</summary>
public sealed record TokenResponse
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Role { get; init; }

    /// <summary>The first characters, to tell tokens apart.</summary>
    public required string Prefix { get; init; }

    /// <summary>Shown once.</summary>
    public string? Token { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? LastUsedAt { get; init; }

    public DateTimeOffset? RevokedAt { get; init; }
}

/// <summary>Who a token speaks for.</summary>
public sealed record MeResponse
{
    public required string Name { get; init; }

    public required string Role { get; init; }
}

/// <summary>RFC 9457 problem details with our stable code.</summary>
public sealed record ProblemResponse
{
    public string? Type { get; init; }

    public string? Title { get; init; }

    public int? Status { get; init; }

    public string? Detail { get; init; }

    public string? Instance { get; init; }

    /// <summary>A stable word for programs.</summary>
    public string? Code { get; init; }

    /// <summary>By field.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>Of a pipeline file that can't be planned.</summary>
    public IReadOnlyList<PipelineErrorResponse>? PipelineErrors { get; init; }
}
