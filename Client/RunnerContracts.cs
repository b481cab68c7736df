namespace Shipinator.Client;

// The runner's side of /v1, authenticated by a token that is valid for one execution.

/// <summary>Body of <c>POST /v1/executions/{id}/claim</c>. Answers: 200 <see cref="ClaimResponse"/>, 204 not yet, 410 not needed, 409 claimed by another runner.</summary>
public sealed record ClaimRequest
{
    /// <summary>
    /// Names this runner process; made once at its start, so that a repeated claim is known as its own. It must not be possible to
    /// guess it, and the runner tells it to nobody but the server: it proves who claimed.
    /// </summary>
    public required string Runner { get; init; }

    /// <summary>How long the server may hold the request when there is no work yet; at most 30.</summary>
    public int WaitSeconds { get; init; }

    /// <summary>The execution's job, when the runner knows it: then a claim of a step that was passed over is answered 410.</summary>
    public string? JobId { get; init; }

    /// <summary>
    /// The workspace is there already: the answer names no source. Whether an answer that names one holds the credential for it is
    /// decided by the server alone.
    /// </summary>
    public bool Prepared { get; init; }
}

/// <summary>
/// Body of <c>POST /v1/executions/{id}/next</c>. Only the runner process that claimed the execution is answered with a token: any other
/// holder of the execution's token is refused (403).
/// </summary>
public sealed record NextRequest
{
    /// <summary>As in <see cref="ClaimRequest.Runner"/>.</summary>
    public required string Runner { get; init; }
}

/// <summary>
/// Answer of <c>POST /v1/executions/{id}/next</c>, asked after a failed report by a runner that serves all tries of a step:
/// 200 go on with this one, 204 not decided yet (ask again in a second), 410 there is no more, 403 another runner claimed.
/// </summary>
public sealed record NextResponse
{
    /// <summary>The step's next execution.</summary>
    public required string ExecutionId { get; init; }

    /// <summary>Its token.</summary>
    public required string Token { get; init; }
}

/// <summary>The work that a claim is answered with.</summary>
public sealed record ClaimResponse
{
    /// <summary>The execution.</summary>
    public required string ExecutionId { get; init; }

    /// <summary>The step's name, for the log.</summary>
    public required string StepName { get; init; }

    /// <summary>The job.</summary>
    public required string JobId { get; init; }

    /// <summary>The job's attempt, from 1.</summary>
    public required int JobAttempt { get; init; }

    /// <summary>A script; exactly one of this and <see cref="Command"/>.</summary>
    public string? Script { get; init; }

    /// <summary>
    /// The program that runs the script, with its arguments; the script's path follows them. Absent: the program that the script's
    /// first line names (<c>#!</c>), else <c>/bin/sh -e</c>.
    /// </summary>
    public IReadOnlyList<string>? Shell { get; init; }

    /// <summary>A program and its arguments.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>Environment, without the secrets.</summary>
    public required IReadOnlyDictionary<string, string> Env { get; init; }

    /// <summary>Further environment variables whose values must never appear in the log.</summary>
    public required IReadOnlyDictionary<string, string> Secrets { get; init; }

    /// <summary>Relative to the workspace.</summary>
    public string? Workdir { get; init; }

    /// <summary>Seconds from the command's start to its end; the runner stops it then and reports <c>timeout</c>.</summary>
    public required double TimeoutSeconds { get; init; }

    /// <summary>Seconds between SIGTERM and SIGKILL.</summary>
    public required double GraceSeconds { get; init; }

    /// <summary>What to check out, when the workspace is still empty; absent: nothing.</summary>
    public SourceResponse? Source { get; init; }

    /// <summary>Artifacts to put into the workspace before the command.</summary>
    public required IReadOnlyList<InputResponse> Inputs { get; init; }

    /// <summary>What to upload; a missing one fails a step that succeeded with <c>artifact_missing</c>, one that can't be kept with <c>artifact_invalid</c>.</summary>
    public required IReadOnlyList<OutputResponse> Outputs { get; init; }

    /// <summary>How many bytes of the log the server keeps; absent: no limit is told.</summary>
    public long? MaxLogBytes { get; init; }

    /// <summary>What to keep between runs, where the executor has a place for it; absent: nothing.</summary>
    public CacheResponse? Cache { get; init; }

    /// <summary>
    /// Further variables, whose values the runner finishes: <c>${NAME}</c> is a variable of the environment without the file's,
    /// <c>${steps.STEP.NAME}</c> an output of an earlier step, <c>$$</c> is <c>$</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string>? EnvExpressions { get; init; }

    /// <summary><see cref="Command"/> in the same form; taken in its place.</summary>
    public IReadOnlyList<string>? CommandExpressions { get; init; }

    /// <summary>The steps of the job attempt that ended before this one, in the order in which what they left counts.</summary>
    public IReadOnlyList<EarlierResponse>? Earlier { get; init; }
}

/// <summary>An earlier step of the job attempt.</summary>
public sealed record EarlierResponse
{
    /// <summary>The step's name.</summary>
    public required string StepName { get; init; }

    /// <summary>Its last execution.</summary>
    public required string ExecutionId { get; init; }

    /// <summary>Whether its variables are this step's by themselves; otherwise only what the file names is taken.</summary>
    public bool GivesVariables { get; init; }
}

/// <summary>A cache: what its key is made of, and what it holds.</summary>
public sealed record CacheResponse
{
    /// <summary>Caches are never shared across scopes: the repository's id.</summary>
    public required string Scope { get; init; }

    /// <summary>The toolchain: the step's image.</summary>
    public required string Image { get; init; }

    /// <summary>Paths or globs below the workspace whose contents make the key.</summary>
    public required IReadOnlyList<string> KeyFiles { get; init; }

    /// <summary>Files and folders below the workspace that are kept.</summary>
    public required IReadOnlyList<string> Paths { get; init; }

    /// <summary>When there is nothing for the whole key: how many leading key files must agree, tried in this order; absent: nothing is restored then.</summary>
    public IReadOnlyList<int>? RestoreDepths { get; init; }
}

/// <summary>A commit to check out, with the credential for it, which is never written down.</summary>
public sealed record SourceResponse
{
    /// <summary>URL or absolute path.</summary>
    public required string CloneUrl { get; init; }

    /// <summary>The ref that contained the commit.</summary>
    public required string Ref { get; init; }

    /// <summary>The exact commit.</summary>
    public required string Commit { get; init; }

    /// <summary>User name for what <see cref="CredentialScope"/> says.</summary>
    public string? Username { get; init; }

    /// <summary>Password or token.</summary>
    public string? Password { get; init; }

    /// <summary>There is a credential, and another runner of the job was given it: the workspace is that one's to make.</summary>
    public bool PreparedByOther { get; init; }

    /// <summary>The URL prefix that the credential may be sent to: <c>https://git.example.org</c>. Absent: the clone URL's origin.</summary>
    public string? CredentialScope { get; init; }

    /// <summary>How to check out. Absent: the defaults.</summary>
    public CloneResponse? CloneOptions { get; init; }
}

/// <summary>How a commit is checked out.</summary>
public sealed record CloneResponse
{
    /// <summary>How many commits of history; 0: all.</summary>
    public int Depth { get; set; } = 1;

    /// <summary>Whether all tags are fetched.</summary>
    public bool Tags { get; init; }

    /// <summary><c>true</c>, or <c>recursive</c> for those of submodules, too; anything else: none.</summary>
    public string? Submodules { get; init; }

    /// <summary>Whether the content of Git LFS files is fetched.</summary>
    public bool Lfs { get; init; }

    /// <summary>A filter for a partial clone, such as <c>blob:none</c>.</summary>
    public string? Filter { get; init; }
}

/// <summary>An artifact to download to <c>Path/FileName</c> below the workspace.</summary>
public sealed record InputResponse
{
    /// <summary>The artifact: <c>GET /v1/artifacts/{id}/download</c>, with the execution's token.</summary>
    public required string ArtifactId { get; init; }

    /// <summary>Relative, forward slashes.</summary>
    public required string FileName { get; init; }

    /// <summary>The folder below the workspace.</summary>
    public required string Path { get; init; }

    /// <summary>The file's place below the workspace; absent: its name in <see cref="Path"/>.</summary>
    public string? Target { get; init; }

    /// <summary>Absent for a <c>ref</c> artifact, of which there is nothing to download: its ref is written to the file.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Set when the artifact is only a name.</summary>
    public string? Ref { get; init; }
}

/// <summary>A declared output.</summary>
public sealed record OutputResponse
{
    /// <summary>The artifact's type.</summary>
    public required string Type { get; init; }

    /// <summary>A path or glob below the workspace; one artifact per file; a folder is uploaded as <c>NAME.tar.gz</c>.</summary>
    public string? Path { get; init; }

    /// <summary>Only a name: recorded, nothing is uploaded.</summary>
    public string? Ref { get; init; }

    /// <summary>After which results it is uploaded: <c>success</c> (also when absent), <c>failure</c> or <c>always</c>.</summary>
    public string? When { get; init; }

    /// <summary>A success without it is no failure.</summary>
    public bool Optional { get; init; }
}

/// <summary>Answer of <c>POST /v1/executions/{id}/logs?offset=N</c> (body: raw bytes) and of a heartbeat.</summary>
public sealed record RunnerResponse
{
    /// <summary>The log's length in bytes; 0 for a heartbeat. With 409 and code <c>log_gap</c>: go on from here.</summary>
    public long Length { get; init; }

    /// <summary>Stop: SIGTERM, grace, SIGKILL; then report <c>canceled</c>.</summary>
    public bool Cancel { get; init; }

    /// <summary>The log has reached its limit: what follows is not kept and need not be sent.</summary>
    public bool LogFull { get; init; }
}

/// <summary>Body of <c>POST /v1/executions/{id}/heartbeat</c>.</summary>
public sealed record HeartbeatRequest
{
    /// <summary>As in <see cref="ClaimRequest.Runner"/>.</summary>
    public required string Runner { get; init; }
}

/// <summary>
/// Body of <c>POST /v1/executions/{id}/status</c>: the specification's payload (§4.3), with why. 200 when recorded, also
/// when repeated; 409 with the first status when it ended otherwise.
/// </summary>
public sealed record StatusReport
{
    /// <summary><c>success</c>, <c>failed</c>, or <c>canceled</c> after a stop was asked for.</summary>
    public required string Status { get; init; }

    /// <summary>The command's exit code.</summary>
    public int? ExitCode { get; init; }

    /// <summary>Where the log lies, when elsewhere.</summary>
    public string? LogsUri { get; init; }

    /// <summary>Ids of uploaded artifacts.</summary>
    public IReadOnlyList<string> Artifacts { get; set; } = [];

    /// <summary>A word of the closed set: <c>exit_code</c>, <c>timeout</c>, <c>artifact_missing</c>, <c>executor_error</c>, …</summary>
    public string? Reason { get; init; }

    /// <summary>The human sentence.</summary>
    public string? Detail { get; init; }
}

/// <summary>
/// Answer of <c>POST /v1/executions/{id}/artifacts?type=T&amp;name=PATH[&amp;ref=R]</c> (body: the payload; header
/// <c>X-Content-SHA256</c>: its SHA-256, lower-case hex, checked). Repeated with the same name and digest: the same artifact.
/// </summary>
public sealed record UploadedArtifact
{
    /// <summary>The artifact.</summary>
    public required string Id { get; init; }

    /// <summary>SHA-256 as stored.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Bytes.</summary>
    public long Size { get; init; }
}
