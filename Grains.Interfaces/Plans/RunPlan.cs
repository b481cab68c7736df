using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Shipinator;

/// <summary>The three stages, in their fixed order; a job's <c>job_type</c>.</summary>
[JsonConverter(typeof(JobTypeJsonConverter))]
public enum JobType
{
    /// <summary>The first stage.</summary>
    Build = 0,

    /// <summary>Runs when every build job has succeeded.</summary>
    Test = 1,

    /// <summary>Runs when every test job has succeeded.</summary>
    Deploy = 2,
}

/// <summary>Serializes job types as their words.</summary>
public sealed class JobTypeJsonConverter : WordJsonConverter<JobType>;

/// <summary>
/// Everything that a run will do, planned once from a pipeline file and the facts of a commit, and never changed: a rerun uses the stored
/// plan, not the file.
/// </summary>
[GenerateSerializer, Alias("shipinator.run-plan"), Immutable]
public sealed record RunPlan
{
    /// <summary>The version of this record's format; currently 1.</summary>
    [Id(0)]
    public int Version { get; init; } = 1;

    /// <summary>What triggered the run.</summary>
    [Id(1)]
    public required TriggerFacts Trigger { get; init; }

    /// <summary>All jobs: build, then test, then deploy; within a stage in the file's order. Names are unique.</summary>
    [Id(2)]
    public required ImmutableArray<JobPlan> Jobs { get; init; }

    /// <summary>Runs of one group of a repository take turns; absent: no turn taking.</summary>
    [Id(3)]
    public ConcurrencyPlan? Concurrency { get; init; }

    /// <summary>Set when the whole run is skipped (<c>[ci skip]</c>): the detail that says why.</summary>
    [Id(4)]
    public string? SkipReason { get; init; }

    /// <summary>
    /// Set when the pipeline file can't be planned: a run without jobs that fails at once with <see cref="Reason.ConfigError"/>.
    /// </summary>
    [Id(5)]
    public ImmutableArray<FileError>? FileErrors { get; init; }
}

/// <summary>An error of the pipeline file, as <c>PipelineError</c> of the room <c>Pipelines</c> has it.</summary>
[GenerateSerializer, Alias("shipinator.file-error"), Immutable]
public sealed record FileError
{
    /// <summary>A stable, snake_case word.</summary>
    [Id(0)]
    public required string Code { get; init; }

    /// <summary>What is wrong, and what was expected.</summary>
    [Id(1)]
    public required string Message { get; init; }

    /// <summary>The path of the file.</summary>
    [Id(2)]
    public required string File { get; init; }

    /// <summary>From 1; 0 when the error is not about a place in the file.</summary>
    [Id(3)]
    public int Line { get; init; }

    /// <summary>From 1; 0 as for <see cref="Line"/>.</summary>
    [Id(4)]
    public int Column { get; init; }

    /// <summary>The path in the document, such as <c>build.steps[1].image</c>; may be empty.</summary>
    [Id(5)]
    public string Path { get; init; } = "";

    /// <summary>The line of the file, shortened; may be empty.</summary>
    [Id(6)]
    public string Snippet { get; init; } = "";

    /// <summary>The one-line form: <c>file:line:column: message [code]</c>.</summary>
    public override string ToString() => Line == 0 ? $"{File}: {Message} [{Code}]" : $"{File}:{Line}:{Column}: {Message} [{Code}]";
}

/// <summary>A group whose runs take turns.</summary>
[GenerateSerializer, Alias("shipinator.concurrency-plan"), Immutable]
public sealed record ConcurrencyPlan([property: Id(0)] string Group, [property: Id(1)] bool CancelPrevious);

/// <summary>What triggered a run, and for which commit.</summary>
[GenerateSerializer, Alias("shipinator.trigger-facts"), Immutable]
public sealed record TriggerFacts
{
    /// <summary><c>push</c>, <c>pr</c>, <c>manual</c> or <c>schedule</c>: the pipeline's <c>trigger_type</c>.</summary>
    [Id(0)]
    public required string Event { get; init; }

    /// <summary>The full ref, such as <c>refs/heads/main</c>, <c>refs/tags/v1</c>, <c>refs/pull/7/head</c>.</summary>
    [Id(1)]
    public required string Ref { get; init; }

    /// <summary>The full commit id: 40 (or 64) lower-case hex digits.</summary>
    [Id(2)]
    public required string Commit { get; init; }

    /// <summary>The branch (for a pull request: the target branch); absent for a tag.</summary>
    [Id(3)]
    public string? Branch { get; init; }

    /// <summary>The tag, when the ref is one.</summary>
    [Id(4)]
    public string? Tag { get; init; }

    /// <summary>The pull request's number.</summary>
    [Id(5)]
    public int? PrNumber { get; init; }

    /// <summary>The head commit's message, as far as the forge provides it.</summary>
    [Id(6)]
    public string? Message { get; init; }

    /// <summary>The commit's author, for display.</summary>
    [Id(7)]
    public string? Author { get; init; }

    /// <summary>Who or what triggered the run: <c>token:NAME</c>, a forge user.</summary>
    [Id(8)]
    public string? Actor { get; init; }

    /// <summary>Paths changed by the push or pull request; absent when unknown, and then every <c>path</c> filter holds.</summary>
    [Id(9)]
    public ImmutableArray<string>? ChangedFiles { get; init; }

    /// <summary>The values of a manual run's inputs, including defaults.</summary>
    [Id(10)]
    public ImmutableSortedDictionary<string, string> Inputs { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Whether the commit is of a fork: the run gets no secrets.</summary>
    [Id(11)]
    public bool IsFork { get; init; }

    /// <summary>The pull request's title.</summary>
    [Id(12)]
    public string? PrTitle { get; init; }

    /// <summary>The pull request's page.</summary>
    [Id(13)]
    public string? PrUrl { get; init; }

    /// <summary>The short name of the pull request's head branch, in the head repository.</summary>
    [Id(14)]
    public string? HeadBranch { get; init; }

    /// <summary>The full name of the pull request's head repository; absent when it was deleted.</summary>
    [Id(15)]
    public string? HeadRepository { get; init; }

    /// <summary>The commit of the pull request's base branch that the forge reported.</summary>
    [Id(16)]
    public string? BaseCommit { get; init; }

    /// <summary>For a push: the commit that the ref named before; absent for a new ref.</summary>
    [Id(17)]
    public string? Before { get; init; }

    /// <summary>A page of the forge that shows what changed.</summary>
    [Id(18)]
    public string? CompareUrl { get; init; }

    /// <summary>The login of the forge user who caused the event.</summary>
    [Id(19)]
    public string? Sender { get; init; }
}

/// <summary>One job: steps that share a workspace.</summary>
[GenerateSerializer, Alias("shipinator.job-plan"), Immutable]
public sealed record JobPlan
{
    /// <summary>Unique in the run: <c>build</c>, <c>linux</c>, <c>test (go=1.23)</c>.</summary>
    [Id(0)]
    public required string Name { get; init; }

    [Id(1)]
    public required JobType Type { get; init; }

    /// <summary>In execution order; adjacent parallel steps share a <see cref="StepPlan.Order"/>.</summary>
    [Id(2)]
    public required ImmutableArray<StepPlan> Steps { get; init; }

    /// <summary>The limit of the time from the job's start to its end.</summary>
    [Id(3)]
    public required TimeSpan Timeout { get; init; }

    /// <summary>The combination of the matrix that this job is for; empty without a matrix.</summary>
    [Id(4)]
    public ImmutableSortedDictionary<string, string> Matrix { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The job's services, by name.</summary>
    [Id(5)]
    public ImmutableSortedDictionary<string, ServicePlan> Services { get; init; } = ImmutableSortedDictionary<string, ServicePlan>.Empty;

    /// <summary>Set when a filter excluded the job: the detail that says which.</summary>
    [Id(6)]
    public string? SkipReason { get; init; }

    /// <summary>Whether the commit is checked out. False for a deploy, which consumes artifacts: its workspace starts empty.</summary>
    [Id(7)]
    public bool Checkout { get; init; } = true;

    /// <summary>The deploy's <c>target</c>.</summary>
    [Id(8)]
    public string? Target { get; init; }

    /// <summary>The target's namespace.</summary>
    [Id(9)]
    public string? Namespace { get; init; }

    /// <summary>How the commit is checked out; absent: the defaults.</summary>
    [Id(20)]
    public ClonePlan? CloneOptions { get; init; }

    /// <summary>
    /// Set for a job that may run after a failure: it begins when the other jobs of its stage have ended, if the outcome of the
    /// run so far is one of these. Absent: it runs in parallel with the others, when the stages before it succeeded.
    /// </summary>
    [Id(19)]
    public StepCondition? When { get; init; }
}

/// <summary>One step of a job.</summary>
[GenerateSerializer, Alias("shipinator.step-plan"), Immutable]
public sealed record StepPlan
{
    /// <summary>Unique in its job.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>From 0; steps with the same order run in parallel.</summary>
    [Id(1)]
    public required int Order { get; init; }

    /// <summary>The parallel group's name; absent for a step that runs alone.</summary>
    [Id(2)]
    public string? ParallelGroup { get; init; }

    /// <summary>The container image; ignored by the process executor.</summary>
    [Id(3)]
    public required string Image { get; init; }

    /// <summary>A script, run by the image's shell with <c>-e</c>; exactly one of this and <see cref="Command"/>.</summary>
    [Id(4)]
    public string? Run { get; init; }

    /// <summary>A program and its arguments, run without any shell.</summary>
    [Id(5)]
    public ImmutableArray<string>? Command { get; init; }

    /// <summary>The file's variables, with templates replaced; built-in variables override them.</summary>
    [Id(6)]
    public ImmutableSortedDictionary<string, string> Env { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Names of the secrets that the step gets as environment variables.</summary>
    [Id(7)]
    public ImmutableArray<string> Secrets { get; init; } = [];

    /// <summary>The limit of the time from running to the end.</summary>
    [Id(8)]
    public required TimeSpan Timeout { get; init; }

    /// <summary>When the step is retried; absent: never.</summary>
    [Id(9)]
    public RetryPlan? Retry { get; init; }

    /// <summary>A failure of this step does not fail the job.</summary>
    [Id(10)]
    public bool AllowFailure { get; init; }

    /// <summary>After which outcome of the steps before it the step runs; by default only when none failed.</summary>
    [Id(11)]
    public StepCondition When { get; init; } = StepCondition.OnSuccess;

    /// <summary>The step's outputs.</summary>
    [Id(12)]
    public ImmutableArray<ArtifactSpec> Outputs { get; init; } = [];

    /// <summary>The step's inputs.</summary>
    [Id(13)]
    public ImmutableArray<InputSpec> Inputs { get; init; } = [];

    /// <summary>What is kept between runs.</summary>
    [Id(14)]
    public CachePlan? Cache { get; init; }

    /// <summary>CPU and memory, for executors that can enforce them.</summary>
    [Id(15)]
    public ResourcesPlan? Resources { get; init; }

    /// <summary>Relative to the workspace; absent: the workspace itself.</summary>
    [Id(16)]
    public string? Workdir { get; init; }

    /// <summary>Set when a filter excluded the step: the detail that says which.</summary>
    [Id(17)]
    public string? SkipReason { get; init; }

    /// <summary>
    /// The program that runs <see cref="Run"/>, with its arguments; the script's path follows them. Absent: the program that the
    /// script's first line names (<c>#!</c>), else <c>/bin/sh -e</c>.
    /// </summary>
    [Id(40)]
    public ImmutableArray<string>? Shell { get; init; }

    /// <summary>
    /// Variables whose values only the runner can complete: <c>${NAME}</c> stands for a variable that the command would have without
    /// these, <c>${steps.STEP.NAME}</c> for an output of an earlier step of the job, <c>$$</c> for <c>$</c>.
    /// </summary>
    [Id(27)]
    public ImmutableSortedDictionary<string, string>? EnvExpressions { get; init; }

    /// <summary><see cref="Command"/> in the same form, when the runner has to complete it.</summary>
    [Id(28)]
    public ImmutableArray<string>? CommandExpressions { get; init; }
}

/// <summary>After which outcomes of the job so far a step runs.</summary>
[GenerateSerializer, Alias("shipinator.step-condition"), Immutable]
public sealed record StepCondition([property: Id(0)] bool Success, [property: Id(1)] bool Failure)
{
    /// <summary>Only when nothing failed: the default.</summary>
    public static StepCondition OnSuccess { get; } = new(Success: true, Failure: false);
}

/// <summary>When a step is retried, and after which delay.</summary>
[GenerateSerializer, Alias("shipinator.retry-plan"), Immutable]
public sealed record RetryPlan
{
    /// <summary>How many attempts beyond the first, 1 to 10.</summary>
    [Id(0)]
    public required int Max { get; init; }

    /// <summary>For infrastructure failures: the job starts again in a new workspace.</summary>
    [Id(1)]
    public bool OnInfrastructure { get; init; }

    /// <summary>For any failure of the command.</summary>
    [Id(2)]
    public bool OnFailure { get; init; }

    /// <summary>For a step that exceeded its timeout.</summary>
    [Id(3)]
    public bool OnTimeout { get; init; }

    /// <summary>For these exit codes.</summary>
    [Id(4)]
    public ImmutableArray<int> OnExitCodes { get; init; } = [];

    /// <summary>The delay before the second attempt; doubled each time, at most five minutes.</summary>
    [Id(5)]
    public TimeSpan Backoff { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>A service container that runs alongside a job's steps.</summary>
[GenerateSerializer, Alias("shipinator.service-plan"), Immutable]
public sealed record ServicePlan
{
    [Id(0)]
    public required string Image { get; init; }

    [Id(1)]
    public ImmutableSortedDictionary<string, string> Env { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Arguments that replace the image's own.</summary>
    [Id(2)]
    public ImmutableArray<string>? Command { get; init; }

    /// <summary>The TCP port that accepts connections when the service is ready.</summary>
    [Id(3)]
    public int? ReadyTcp { get; init; }

    /// <summary>How long the service may take to become ready.</summary>
    [Id(4)]
    public TimeSpan ReadyTimeout { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>The key and the content of a cache.</summary>
[GenerateSerializer, Alias("shipinator.cache-plan"), Immutable]
public sealed record CachePlan([property: Id(0)] ImmutableArray<string> Key, [property: Id(1)] ImmutableArray<string> Paths)
{
    /// <summary>
    /// When no cache exists for the whole key: how many of its leading entries must match for the newest to be restored, tried in this
    /// order; 0: none.
    /// </summary>
    [Id(11)]
    public ImmutableArray<int>? RestoreDepths { get; init; }

    /// <summary>Whether the step may restore the cache, but saves nothing to it.</summary>
    [Id(12), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsReadOnly { get; init; }
}

/// <summary>What a step may use, in Kubernetes' notation (<c>500m</c>, <c>1Gi</c>).</summary>
[GenerateSerializer, Alias("shipinator.resources-plan"), Immutable]
public sealed record ResourcesPlan([property: Id(0)] string? Cpu, [property: Id(1)] string? Memory);

/// <summary>An output of a step: files of the workspace, or the name of something that was pushed elsewhere.</summary>
[GenerateSerializer, Alias("shipinator.artifact-spec"), Immutable]
public sealed record ArtifactSpec
{
    /// <summary><c>binary</c>, <c>image</c>, <c>chart</c>, <c>test-report</c>, <c>coverage</c> or <c>file</c>.</summary>
    [Id(0)]
    public required string Type { get; init; }

    /// <summary>A path or glob below the workspace; exactly one of this and <see cref="Ref"/>.</summary>
    [Id(1)]
    public string? Path { get; init; }

    /// <summary>A name such as an image's, templates replaced: recorded, nothing is uploaded.</summary>
    [Id(2)]
    public string? Ref { get; init; }

    /// <summary>After which results of the step it is stored; absent: <see cref="ArtifactRules"/> has the default of its type.</summary>
    [Id(17)]
    public StepCondition? When { get; init; }

    /// <summary>Whether it may be missing without failing the step.</summary>
    [Id(18)]
    public bool Optional { get; init; }
}

/// <summary>The defaults of outputs.</summary>
public static class ArtifactRules
{
    /// <summary>Every <c>artifact_type</c>.</summary>
    public static ImmutableArray<string> Types { get; } = ["binary", "image", "chart", "test-report", "coverage", "file"];

    /// <summary>
    /// Whether the output is stored after this result. Without <c>when</c>, reports and coverage always are, since they describe failures.
    /// </summary>
    public static bool IsKept(this ArtifactSpec output, bool succeeded)
    {
        ArgumentNullException.ThrowIfNull(output);
        return succeeded ? output.When?.Success ?? true : output.When?.Failure ?? output.Type is "test-report" or "coverage";
    }

    /// <summary>Whether a step that succeeded without it fails.</summary>
    public static bool IsRequired(this ArtifactSpec output) => output.IsKept(succeeded: true) && !output.Optional;

    /// <summary>The word of the file and of the runner's protocol: <c>success</c>, <c>failure</c> or <c>always</c>.</summary>
    public static string WhenWord(this ArtifactSpec output) =>
        (output.IsKept(succeeded: true), output.IsKept(succeeded: false)) switch
        {
            (true, true) => "always",
            (false, _) => "failure",
            _ => "success",
        };
}

/// <summary>Which artifacts of earlier jobs a step gets, and where they are put.</summary>
[GenerateSerializer, Alias("shipinator.input-spec"), Immutable]
public sealed record InputSpec
{
    /// <summary>Artifacts of this type; at least one of this, <see cref="Step"/> and <see cref="ArtifactId"/> is set.</summary>
    [Id(0)]
    public string? Type { get; init; }

    /// <summary>Artifacts of the step with this name.</summary>
    [Id(1)]
    public string? Step { get; init; }

    /// <summary>The artifact with this id, possibly of an earlier run.</summary>
    [Id(2)]
    public ArtifactId? ArtifactId { get; init; }

    /// <summary>The folder below the workspace that they are put into.</summary>
    [Id(3)]
    public required string Path { get; init; }

    /// <summary>
    /// Whether files keep their paths below <see cref="Path"/>, and two artifacts with the same path are an error. Absent in plans of older
    /// versions: only the files' names are kept, and a later file replaces an earlier one.
    /// </summary>
    [Id(13)]
    public bool? KeepPaths { get; init; }

    /// <summary>Only artifacts of the run's jobs with these names.</summary>
    [Id(14)]
    public ImmutableArray<string>? Jobs { get; init; }

    /// <summary>Whether artifacts of failed steps (of their last attempt) are included: the job also runs after a failure.</summary>
    [Id(15)]
    public bool? OfFailed { get; init; }
}
