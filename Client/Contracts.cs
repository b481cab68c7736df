namespace Shipinator.Client;

/// <summary>One page of a list.</summary>
public sealed record PageResponse<T>
{
    public required IReadOnlyList<T> Items { get; init; }

    /// <summary>The <c>?cursor=</c> of the next page; absent on the last page.</summary>
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

/// <summary>Body of <c>PATCH /v1/projects/{id}</c>: absent members stay unchanged.</summary>
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

    /// <summary>Path of the pipeline file in the repository; absent: <c>.shipinator.yaml</c>.</summary>
    public string? PipelineFile { get; init; }

    public DateTimeOffset? LastSyncedAt { get; init; }

    /// <summary>Whether everybody can load its badge without signing in.</summary>
    public bool PublicBadge { get; init; }

    /// <summary>Commit statuses that its forge does not accept; absent in lists, and when there are none.</summary>
    public StatusProblemResponse? StatusProblem { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>Body of <c>POST /v1/projects/{id}/repositories</c>.</summary>
public sealed record CreateRepositoryRequest
{
    public required string VcsProvider { get; init; }

    /// <summary>An http or https URL without credentials, or an absolute path.</summary>
    public required string CloneUrl { get; init; }

    /// <summary>Absent: the branch of the repository's HEAD.</summary>
    public string? DefaultBranch { get; init; }

    /// <summary>Absent: the last segment of the clone URL.</summary>
    public string? Name { get; init; }

    public string? Executor { get; init; }

    /// <summary>Path of the pipeline file in the repository; absent: <c>.shipinator.yaml</c>.</summary>
    public string? PipelineFile { get; init; }
}

/// <summary>Body of <c>PATCH /v1/repositories/{id}</c>: absent members stay unchanged.</summary>
public sealed record UpdateRepositoryRequest
{
    public string? Name { get; init; }

    public string? CloneUrl { get; init; }

    public string? DefaultBranch { get; init; }

    public string? Executor { get; init; }

    /// <summary>Path of the pipeline file in the repository; empty: <c>.shipinator.yaml</c>.</summary>
    public string? PipelineFile { get; init; }

    /// <summary>Whether everybody can load its badge without signing in.</summary>
    public bool? PublicBadge { get; init; }
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
    /// A full ref, a branch, a tag or a commit. A short name of both a branch and a tag is rejected, except for the default branch.
    /// </summary>
    public required string GitRef { get; init; }

    /// <summary>The full commit ID; absent: the commit that the ref points to.</summary>
    public string? GitSha { get; init; }

    /// <summary>Values of the pipeline's inputs.</summary>
    public IReadOnlyDictionary<string, string>? Inputs { get; init; }

    /// <summary>For a repository only: the trigger type; absent: <c>manual</c>.</summary>
    public string? TriggerType { get; init; }
}

/// <summary>Body of <c>POST /v1/pipeline-runs/{id}/rerun</c>.</summary>
public sealed record RerunRequest
{
    /// <summary><c>start</c>, or <c>failed</c> to keep the results of successful jobs.</summary>
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

    public string? Tag { get; init; }

    public string? CommitMessage { get; init; }

    public string? CommitAuthor { get; init; }

    public required string Executor { get; init; }

    public required string Actor { get; init; }

    public string? RerunOf { get; init; }

    /// <summary>How the run came about, as a sentence, when that is worth knowing: that its schedule was late.</summary>
    public string? Note { get; init; }

    /// <summary><c>pending</c>, <c>running</c>, <c>success</c>, <c>failed</c>, <c>canceled</c>.</summary>
    public required string Status { get; init; }

    public string? Reason { get; init; }

    public string? Detail { get; init; }

    /// <summary>What the run waits for, unless it is terminal.</summary>
    public string? WaitingFor { get; init; }

    /// <summary>The kind of <see cref="WaitingFor"/>: <c>slot</c>, <c>image</c>, <c>dependencies</c>, …</summary>
    public string? WaitingForKind { get; init; }

    /// <summary>When a cancel was requested.</summary>
    public DateTimeOffset? CancelRequestedAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>The run's page in the dashboard.</summary>
    public required string Url { get; init; }

    /// <summary>The number of the pull request; <c>branch</c> is then the branch that it is to be merged into.</summary>
    public int? PrNumber { get; init; }

    public string? PrTitle { get; init; }

    /// <summary>The page of the pull request on the forge.</summary>
    public string? PrUrl { get; init; }

    /// <summary>The branch of the pull request, in <see cref="HeadRepository"/>.</summary>
    public string? HeadBranch { get; init; }

    public string? HeadRepository { get; init; }

    /// <summary>The commit of the base branch that the forge reported.</summary>
    public string? BaseCommit { get; init; }

    /// <summary>For a push: the commit that the ref named before.</summary>
    public string? Before { get; init; }

    /// <summary>A page of the forge that shows what changed.</summary>
    public string? CompareUrl { get; init; }

    /// <summary>The forge user who caused the event.</summary>
    public string? Sender { get; init; }

    /// <summary>Whether the commit comes from a fork; absent: no.</summary>
    public bool? IsFork { get; init; }

    /// <summary>The errors of the pipeline file, for which the run failed; only of a single run, not in lists.</summary>
    public IReadOnlyList<PipelineErrorResponse>? FileErrors { get; init; }
}

/// <summary>A webhook delivery was stored: the response to the forge.</summary>
public sealed record DeliveryAcceptedResponse
{
    public required string Id { get; init; }

    /// <summary>Whether the forge has sent it before.</summary>
    public bool IsRepeat { get; init; }
}

/// <summary>A webhook delivery and what came of it.</summary>
public sealed record DeliveryResponse
{
    public required string Id { get; init; }

    public required string RepositoryId { get; init; }

    /// <summary>The forge's ID of the delivery.</summary>
    public string? ForgeDeliveryId { get; init; }

    /// <summary>The forge's name of the event: <c>push</c>, <c>pull_request</c>.</summary>
    public required string EventName { get; init; }

    /// <summary>What it reports, in one line.</summary>
    public required string Summary { get; init; }

    /// <summary>The forge user who caused the event.</summary>
    public string? Sender { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>Absent while it waits.</summary>
    public DateTimeOffset? ProcessedAt { get; init; }

    /// <summary>
    /// <c>run_created</c>, <c>run_shared</c>, <c>filtered</c>, <c>skipped</c>, <c>no_pipeline_file</c>, <c>ignored</c>, <c>ping</c>,
    /// <c>duplicate</c>, <c>ref_deleted</c>, <c>pull_request_closed</c>, <c>error</c> or <c>gave_up</c>; absent while it waits.
    /// </summary>
    public string? Outcome { get; init; }

    /// <summary>Why, in a sentence.</summary>
    public string? Detail { get; init; }

    /// <summary>The earlier delivery that reported the same.</summary>
    public string? DuplicateOf { get; init; }

    /// <summary>Its runs, the latest last.</summary>
    public required IReadOnlyList<string> Runs { get; init; }

    /// <summary>The errors of the pipeline file.</summary>
    public required IReadOnlyList<PipelineErrorResponse> FileErrors { get; init; }

    public required int Attempts { get; init; }

    /// <summary>Why the last attempt failed, while it waits for the next one.</summary>
    public string? Failure { get; init; }

    public DateTimeOffset? NextAttemptAt { get; init; }

    /// <summary>Who had it processed again.</summary>
    public string? RequestedBy { get; init; }
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

    /// <summary>The kind of <see cref="WaitingFor"/>: <c>slot</c>, <c>image</c>, <c>dependencies</c>, …</summary>
    public string? WaitingForKind { get; init; }

    /// <summary>The job of an earlier run whose result was reused.</summary>
    public string? ReusedFrom { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>The steps of all job attempts.</summary>
    public required IReadOnlyList<StepResponse> Steps { get; init; }
}

/// <summary>A step of a job attempt.</summary>
public sealed record StepResponse
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required int JobAttempt { get; init; }

    /// <summary>From 0; steps with the same order run in parallel.</summary>
    public int? ExecutionOrder { get; init; }

    public string? ParallelGroup { get; init; }

    public required string Status { get; init; }

    public string? Reason { get; init; }

    public string? Detail { get; init; }

    public string? WaitingFor { get; init; }

    /// <summary>The kind of <see cref="WaitingFor"/>: <c>slot</c>, <c>image</c>, <c>dependencies</c>, …</summary>
    public string? WaitingForKind { get; init; }

    public int? ExitCode { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    public required IReadOnlyList<ExecutionResponse> Executions { get; init; }
}

/// <summary>When the bytes of a log were printed: each entry covers the bytes from its offset to the next entry's.</summary>
public sealed record LogTimesResponse
{
    public required IReadOnlyList<LogTimeResponse> Times { get; init; }
}

/// <summary>One entry of <see cref="LogTimesResponse"/>.</summary>
public sealed record LogTimeResponse
{
    public required long Offset { get; init; }

    public required DateTimeOffset At { get; init; }
}

/// <summary>An execution: one attempt of a step.</summary>
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

    /// <summary>The kind of <see cref="WaitingFor"/>: <c>slot</c>, <c>image</c>, <c>dependencies</c>, …</summary>
    public string? WaitingForKind { get; init; }

    public int? ExitCode { get; init; }

    /// <summary>The URL of the log.</summary>
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

    /// <summary>Size in bytes.</summary>
    public required long Size { get; init; }

    /// <summary>SHA-256 in lower-case hex; absent for a <c>ref</c> artifact.</summary>
    public string? Checksum { get; init; }

    /// <summary>The ref of a <c>ref</c> artifact, which has no content.</summary>
    public string? Ref { get; init; }

    public required string StorageBackend { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>One entry of a run's history and event stream.</summary>
public sealed record TransitionResponse
{
    /// <summary>The position in the history, for <c>Last-Event-ID</c>.</summary>
    public required string Cursor { get; init; }

    /// <summary><c>run</c>, <c>job</c>, <c>step</c>, <c>execution</c>.</summary>
    public required string Machine { get; init; }

    public required string EntityId { get; init; }

    /// <summary>From 1, which is the creation.</summary>
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

    /// <summary>The file name for messages; default <c>.shipinator.yaml</c>.</summary>
    public string? FileName { get; init; }

    /// <summary>The trigger type to plan for: <c>manual</c> (default), <c>push</c>, <c>pr</c>, <c>schedule</c>.</summary>
    public string Event { get; set; } = "manual";

    /// <summary>The branch to plan for; default <c>main</c>.</summary>
    public string Branch { get; set; } = "main";

    public IReadOnlyDictionary<string, string>? Inputs { get; init; }

    /// <summary>The executor to plan for; absent: that of the repository, else the server's default.</summary>
    public string? Executor { get; init; }

    /// <summary>The ID of the repository to plan for.</summary>
    public string? Repository { get; init; }
}

/// <summary>The errors of a pipeline file, or its plan.</summary>
public sealed record LintResponse
{
    public required bool Valid { get; init; }

    public required IReadOnlyList<PipelineErrorResponse> Errors { get; init; }

    /// <summary>Valid constructs that are probably mistakes.</summary>
    public IReadOnlyList<PipelineErrorResponse> Warnings { get; set; } = [];

    /// <summary>The plan of a valid file.</summary>
    public System.Text.Json.JsonElement? Plan { get; init; }
}

/// <summary>One error of a pipeline file.</summary>
public sealed record PipelineErrorResponse
{
    public required string Code { get; init; }

    public required string Message { get; init; }

    public required string File { get; init; }

    /// <summary>1-based.</summary>
    public required int Line { get; init; }

    /// <summary>1-based.</summary>
    public required int Column { get; init; }

    /// <summary>The path in the document, such as <c>build.steps[0].run</c>.</summary>
    public required string Path { get; init; }

    /// <summary>The source line.</summary>
    public string? Snippet { get; init; }
}

/// <summary>Body of <c>POST /v1/tokens</c>.</summary>
public sealed record CreateTokenRequest
{
    public required string Name { get; init; }

    /// <summary><c>admin</c>, <c>write</c> or <c>read</c>.</summary>
    public required string Role { get; init; }
}

/// <summary>An API token; its secret is only in the response to its creation.</summary>
public sealed record TokenResponse
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Role { get; init; }

    /// <summary>The first characters, which identify the token.</summary>
    public required string Prefix { get; init; }

    /// <summary>The secret; shown once.</summary>
    public string? Token { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? LastUsedAt { get; init; }

    public DateTimeOffset? RevokedAt { get; init; }
}

/// <summary>The identity of a token.</summary>
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

    /// <summary>A stable code for programs.</summary>
    public string? Code { get; init; }

    /// <summary>Errors by field.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>The errors of an invalid pipeline file.</summary>
    public IReadOnlyList<PipelineErrorResponse>? PipelineErrors { get; init; }
}
