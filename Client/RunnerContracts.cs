namespace Shipinator.Client;

// The runner's part of /v1, authenticated by a token that is valid for one execution.

/// <summary>
/// Body of <c>POST /v1/executions/{id}/claim</c>. Responses: 200 <see cref="ClaimResponse"/>, 204 no work yet, 410 not needed,
/// 409 claimed by another runner.
/// </summary>
public sealed record ClaimRequest
{
    /// <summary>
    /// A secret that identifies this runner process, generated at its start, so that the server recognizes a repeated claim. It must not
    /// be guessable, and the runner sends it to the server only: it proves who claimed.
    /// </summary>
    public required string Runner { get; init; }

    /// <summary>How long the server may hold the request when there is no work yet, in seconds; at most 30.</summary>
    public int WaitSeconds { get; init; }

    /// <summary>The execution's job, if the runner knows it: then the response to a claim of a skipped step is 410.</summary>
    public string? JobId { get; init; }

    /// <summary>
    /// The workspace already exists, so the response contains no source. Only the server decides whether a source comes with a
    /// credential.
    /// </summary>
    public bool Prepared { get; init; }
}

/// <summary>
/// Body of <c>POST /v1/executions/{id}/next</c>. Only the runner process that claimed the execution gets a token: any other holder of the
/// execution's token gets 403.
/// </summary>
public sealed record NextRequest
{
    /// <summary>As in <see cref="ClaimRequest.Runner"/>.</summary>
    public required string Runner { get; init; }
}

/// <summary>
/// Response of <c>POST /v1/executions/{id}/next</c>, requested after a failed attempt by a runner that serves all attempts of a step:
/// 200 continue with this one, 204 not decided yet (ask again in a second), 410 no further attempt, 403 claimed by another runner.
/// </summary>
public sealed record NextResponse
{
    /// <summary>The step's next execution.</summary>
    public required string ExecutionId { get; init; }

    /// <summary>The token of that execution.</summary>
    public required string Token { get; init; }
}

/// <summary>The work of an execution: the response to a claim.</summary>
public sealed record ClaimResponse
{
    public required string ExecutionId { get; init; }

    /// <summary>The step's name, for the log.</summary>
    public required string StepName { get; init; }

    public required string JobId { get; init; }

    /// <summary>The job's attempt, from 1.</summary>
    public required int JobAttempt { get; init; }

    /// <summary>A script; exactly one of this and <see cref="Command"/>.</summary>
    public string? Script { get; init; }

    /// <summary>
    /// The program that runs the script, with its arguments; the path of the script is appended. Absent: the interpreter of the
    /// script's first line (<c>#!</c>), else <c>/bin/sh -e</c>.
    /// </summary>
    public IReadOnlyList<string>? Shell { get; init; }

    /// <summary>A program and its arguments.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>Environment variables without the secrets.</summary>
    public required IReadOnlyDictionary<string, string> Env { get; init; }

    /// <summary>Environment variables whose values must never appear in the log.</summary>
    public required IReadOnlyDictionary<string, string> Secrets { get; init; }

    /// <summary>The working directory, relative to the workspace.</summary>
    public string? Workdir { get; init; }

    /// <summary>The timeout of the command in seconds; the runner then stops it and reports <c>timeout</c>.</summary>
    public required double TimeoutSeconds { get; init; }

    /// <summary>The grace period between SIGTERM and SIGKILL, in seconds.</summary>
    public required double GraceSeconds { get; init; }

    /// <summary>What to check out if the workspace is still empty; absent: nothing.</summary>
    public SourceResponse? Source { get; init; }

    /// <summary>Artifacts to download to the workspace before the command.</summary>
    public required IReadOnlyList<InputResponse> Inputs { get; init; }

    /// <summary>
    /// What to upload. A missing output fails a successful step with <c>artifact_missing</c>, an invalid one with <c>artifact_invalid</c>.
    /// </summary>
    public required IReadOnlyList<OutputResponse> Outputs { get; init; }

    /// <summary>The maximum size of the log in bytes; absent: unknown.</summary>
    public long? MaxLogBytes { get; init; }

    /// <summary>What to cache between runs, if the executor supports it; absent: nothing.</summary>
    public CacheResponse? Cache { get; init; }

    /// <summary>
    /// Environment variables whose values the runner expands: <c>${NAME}</c> is a variable of the environment without those of the
    /// pipeline file, <c>${steps.STEP.NAME}</c> an output of an earlier step, <c>$$</c> is <c>$</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string>? EnvExpressions { get; init; }

    /// <summary><see cref="Command"/> with the same expressions; replaces it.</summary>
    public IReadOnlyList<string>? CommandExpressions { get; init; }

    /// <summary>The earlier steps of the job attempt, in the order in which their variables apply.</summary>
    public IReadOnlyList<EarlierResponse>? Earlier { get; init; }
}

/// <summary>An earlier step of the job attempt.</summary>
public sealed record EarlierResponse
{
    public required string StepName { get; init; }

    /// <summary>The last execution of that step.</summary>
    public required string ExecutionId { get; init; }

    /// <summary>Whether its variables are added to this step's environment; otherwise they are available in expressions only.</summary>
    public bool GivesVariables { get; init; }
}

/// <summary>A cache: its key and its content.</summary>
public sealed record CacheResponse
{
    /// <summary>The repository's ID; caches are not shared between scopes.</summary>
    public required string Scope { get; init; }

    /// <summary>The step's image, as a part of the key.</summary>
    public required string Image { get; init; }

    /// <summary>Paths or globs in the workspace whose contents form the key.</summary>
    public required IReadOnlyList<string> KeyFiles { get; init; }

    /// <summary>Files and folders in the workspace to cache.</summary>
    public required IReadOnlyList<string> Paths { get; init; }

    /// <summary>
    /// Fallbacks without an entry for the whole key: how many leading key files must match, tried in this order; absent: no fallback.
    /// </summary>
    public IReadOnlyList<int>? RestoreDepths { get; init; }

    /// <summary>Whether it is only restored, never saved.</summary>
    public bool IsReadOnly { get; init; }
}

/// <summary>A commit to check out, with its credential, which is never written to disk.</summary>
public sealed record SourceResponse
{
    /// <summary>URL or absolute path.</summary>
    public required string CloneUrl { get; init; }

    /// <summary>The ref that contains the commit.</summary>
    public required string Ref { get; init; }

    /// <summary>The full commit ID.</summary>
    public required string Commit { get; init; }

    /// <summary>User name for <see cref="CredentialScope"/>.</summary>
    public string? Username { get; init; }

    /// <summary>Password or token.</summary>
    public string? Password { get; init; }

    /// <summary>Another runner of the job got the credential and prepares the workspace.</summary>
    public bool PreparedByOther { get; init; }

    /// <summary>
    /// The URL prefix that the credential may be sent to, such as <c>https://git.example.org</c>. Absent: the clone URL's origin.
    /// </summary>
    public string? CredentialScope { get; init; }

    /// <summary>Options of the checkout; absent: the defaults.</summary>
    public CloneResponse? CloneOptions { get; init; }
}

/// <summary>Options of a checkout.</summary>
public sealed record CloneResponse
{
    /// <summary>The number of commits to fetch; 0: the whole history.</summary>
    public int Depth { get; set; } = 1;

    /// <summary>Whether to fetch all tags.</summary>
    public bool Tags { get; init; }

    /// <summary><c>true</c>, or <c>recursive</c> for nested submodules; any other value: none.</summary>
    public string? Submodules { get; init; }

    /// <summary>Whether to fetch the content of Git LFS files.</summary>
    public bool Lfs { get; init; }

    /// <summary>A filter for a partial clone, such as <c>blob:none</c>.</summary>
    public string? Filter { get; init; }
}

/// <summary>An artifact to download to <c>Path/FileName</c> in the workspace.</summary>
public sealed record InputResponse
{
    /// <summary>The ID for <c>GET /v1/artifacts/{id}/download</c>.</summary>
    public required string ArtifactId { get; init; }

    /// <summary>The relative file name, with forward slashes.</summary>
    public required string FileName { get; init; }

    /// <summary>The folder in the workspace.</summary>
    public required string Path { get; init; }

    /// <summary>The path in the workspace; absent: <see cref="FileName"/> in <see cref="Path"/>.</summary>
    public string? Target { get; init; }

    /// <summary>The expected digest; absent for a <c>ref</c> artifact, whose ref is written to the file.</summary>
    public string? Sha256 { get; init; }

    /// <summary>The ref of a <c>ref</c> artifact, which has no content.</summary>
    public string? Ref { get; init; }
}

/// <summary>A declared output.</summary>
public sealed record OutputResponse
{
    /// <summary>The artifact type.</summary>
    public required string Type { get; init; }

    /// <summary>A path or glob in the workspace; one artifact per file; a folder is uploaded as <c>NAME.tar.gz</c>.</summary>
    public string? Path { get; init; }

    /// <summary>The ref of a <c>ref</c> artifact, which is recorded without an upload.</summary>
    public string? Ref { get; init; }

    /// <summary>The results after which it is uploaded: <c>success</c> (default), <c>failure</c> or <c>always</c>.</summary>
    public string? When { get; init; }

    /// <summary>Whether the step may succeed without it.</summary>
    public bool Optional { get; init; }
}

/// <summary>Response of <c>POST /v1/executions/{id}/logs?offset=N</c> (body: raw bytes) and of a heartbeat.</summary>
public sealed record RunnerResponse
{
    /// <summary>The log's length in bytes; 0 for a heartbeat. With 409 and code <c>log_gap</c>: continue here.</summary>
    public long Length { get; init; }

    /// <summary>Whether to cancel: SIGTERM, grace period, SIGKILL; then report <c>canceled</c>.</summary>
    public bool Cancel { get; init; }

    /// <summary>Whether the log has reached its limit; further bytes are discarded and need not be sent.</summary>
    public bool LogFull { get; init; }
}

/// <summary>Body of <c>POST /v1/executions/{id}/heartbeat</c>.</summary>
public sealed record HeartbeatRequest
{
    /// <summary>As in <see cref="ClaimRequest.Runner"/>.</summary>
    public required string Runner { get; init; }
}

/// <summary>
/// Body of <c>POST /v1/executions/{id}/status</c>: the specification's payload (§4.3), with a reason. 200 when recorded, also when
/// repeated; 409 with the recorded status if it differs.
/// </summary>
public sealed record StatusReport
{
    /// <summary><c>success</c>, <c>failed</c>, or <c>canceled</c> after a cancel request.</summary>
    public required string Status { get; init; }

    public int? ExitCode { get; init; }

    /// <summary>The location of the log, if it is stored elsewhere.</summary>
    public string? LogsUri { get; init; }

    /// <summary>IDs of the uploaded artifacts.</summary>
    public IReadOnlyList<string> Artifacts { get; set; } = [];

    /// <summary>A reason: <c>exit_code</c>, <c>timeout</c>, <c>artifact_missing</c>, <c>executor_error</c>, …</summary>
    public string? Reason { get; init; }

    public string? Detail { get; init; }
}

/// <summary>
/// Response of <c>POST /v1/executions/{id}/artifacts?type=T&amp;name=PATH[&amp;ref=R]</c> (body: the content; header
/// <c>X-Content-SHA256</c>: its SHA-256 in lower-case hex, verified). Repeated with the same name and digest: the same artifact.
/// </summary>
public sealed record UploadedArtifact
{
    public required string Id { get; init; }

    /// <summary>The SHA-256 as stored.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Size in bytes.</summary>
    public long Size { get; init; }
}
