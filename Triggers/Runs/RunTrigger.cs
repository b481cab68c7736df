using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Planning;
using Shipinator.Triggers.Repositories;
using Shipinator.Triggers.Schedules;
using Shipinator.Triggers.Statuses;

namespace Shipinator.Triggers.Runs;

/// <summary>A request for a run.</summary>
public sealed record RunRequest
{
    /// <summary>A branch, a tag, a full ref or a commit.</summary>
    public required string GitRef { get; init; }

    /// <summary>The commit to run; it must be reachable from <see cref="GitRef"/>. Absent: the commit that the ref names.</summary>
    public string? GitSha { get; init; }

    /// <summary>Values of the inputs that the pipeline file declares.</summary>
    public IReadOnlyDictionary<string, string>? Inputs { get; init; }

    /// <summary>Who requests the run.</summary>
    public required Actor Actor { get; init; }

    /// <summary>Requests with the same key, actor and pipeline create one run. Absent: each request creates a run.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>How the run came about, as a sentence for people, when that is worth knowing.</summary>
    public string? Note { get; init; }

    /// <summary>The schedule that the run is for.</summary>
    public ScheduledRun? Schedule { get; init; }
}

/// <summary>
/// Creates runs for users, webhooks and schedules. All validation happens before anything is written. The forge is queried once, and not
/// at all when a run with the idempotency key already exists.
/// </summary>
/// <remarks>
/// Errors of every method: <see cref="MalformedException"/>, <see cref="NotFoundException"/>, <see cref="RateLimitedException"/>,
/// <see cref="ForgeException"/>, <see cref="PipelineFileException"/>, <see cref="InvalidInputException"/> <c>trigger_not_defined</c>,
/// <see cref="ConflictException"/> <c>idempotency_key_reused</c>, <see cref="PlanningBusyException"/>.
/// </remarks>
public sealed partial class RunTrigger(
    PipelineStore pipelines,
    RepositoryStore repositories,
    IForgeRegistry forges,
    IGrainFactory grains,
    IRunLimits limits,
    RunPlanning planning,
    RunReservations reservations,
    CommitStatuses statuses,
    ILogger<RunTrigger> logger
)
{
    /// <summary>Creates a run of a pipeline.</summary>
    public async Task<TriggeredRun> CreateAsync(PipelineId pipelineId, RunRequest request, CancellationToken cancellationToken)
    {
        Check(request);
        var pipeline =
            await pipelines.GetAsync(pipelineId, cancellationToken) ?? throw new NotFoundException("pipeline", pipelineId.ToString());
        var repository = await RepositoryAsync(pipeline.RepositoryId, cancellationToken);
        return await CreateAsync(repository, pipeline.TriggerType, pipeline, request, cancellationToken);
    }

    /// <summary>
    /// Creates a run of a repository from the pipeline file of the run's commit, independent of the default branch. Creates the pipeline if
    /// it is the first of its trigger type.
    /// </summary>
    public async Task<TriggeredRun> CreateAsync(
        RepositoryId repositoryId,
        string triggerType,
        RunRequest request,
        CancellationToken cancellationToken
    )
    {
        Check(request);
        if (!PipelineStore.TriggerTypes.Contains(triggerType, StringComparer.Ordinal))
        {
            throw new MalformedException(
                "trigger_type_malformed",
                "trigger_type",
                $"'{Fields.Excerpt(triggerType ?? "")}' is not a valid trigger type; "
                    + $"expected {string.Join(", ", PipelineStore.TriggerTypes)}."
            );
        }

        var repository = await RepositoryAsync(repositoryId, cancellationToken);
        var pipeline = await pipelines.FindAsync(repository.Id, triggerType, cancellationToken);
        return await CreateAsync(repository, triggerType, pipeline, request, cancellationToken);
    }

    private static void Check(RunRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        Fields.GitRef(request.GitRef);
        Fields.Commit(request.GitSha, "git_sha");
        Fields.InputValues(request.Inputs);
    }

    private async Task<RepositoryRow> RepositoryAsync(RepositoryId id, CancellationToken cancellationToken) =>
        await repositories.GetAsync(id, cancellationToken) ?? throw new NotFoundException("repository", id.ToString());

    private async Task<TriggeredRun> CreateAsync(
        RepositoryRow repository,
        string triggerType,
        PipelineRow? pipeline,
        RunRequest request,
        CancellationToken cancellationToken
    )
    {
        var inputs = (request.Inputs ?? new Dictionary<string, string>()).ToImmutableSortedDictionary(StringComparer.Ordinal);
        var fingerprint = request.Schedule is { DueAt: not null }
            ? "schedule"
            : RunReservations.Fingerprint(request.GitRef, request.GitSha, inputs);
        // Without the pipeline there is no run of it, so the key can't have been used.
        var (existing, number) = await reservations.LookUpAsync(
            repository.Id,
            pipeline is null ? null : Key(pipeline),
            fingerprint,
            cancellationToken
        );
        if (existing is not null)
        {
            return existing;
        }

        limits.TakeRun(request.Actor, repository.Id);
        var file = await forges
            .Get(repository.VcsProvider)
            .ReadAt(repository.ForForge(), repository.RefOf(request.GitRef), request.GitSha, repository.PipelinePath(), cancellationToken);
        var model = await planning.ParseAsync(repository, file, triggerType, cancellationToken);
        request.Schedule?.Require(repository, file, model);
        var facts = RunPlanning.Facts(triggerType, file.Head, request.Actor, inputs);
        // Before the number is reserved, so that a plan with errors reserves nothing.
        var plan = await PlanAsync(number);
        pipeline ??= await pipelines.EnsureAsync(repository.Id, repository.Name, triggerType, cancellationToken);
        var (reservation, exists) = await reservations.ReserveAsync(repository.Id, Key(pipeline), fingerprint, cancellationToken);
        if (exists)
        {
            return new(reservation.RunId, IsRepeat: true);
        }

        if (reservation.RunNumber != number)
        {
            // Another run has taken the number in the meantime; plans may contain it.
            plan = await PlanAsync(reservation.RunNumber);
        }

        await statuses.RegisterAsync(repository, file.Head.Commit, reservation.RunId, [triggerType], cancellationToken);
        await grains
            .GetGrain<IPipelineRunGrain>(reservation.RunId.Value)
            .Create(
                RunCommands.Of(repository, pipeline, reservation, file.Head, planning.ExecutorOf(repository), plan) with
                {
                    Actor = request.Actor.ToString(),
                    IdempotencyKey = request.IdempotencyKey,
                    Note = request.Note,
                },
                cancellationToken
            );
        Created(reservation.RunId, reservation.RunNumber, repository.Id, triggerType, file.Head.Commit, request.Actor);
        return new(reservation.RunId, reservation.IsRepeat);

        string? Key(PipelineRow of) => RunReservations.Key(request.Actor, of.Id.ToString(), request.IdempotencyKey);

        async Task<RunPlan> PlanAsync(long runNumber)
        {
            var result = await planning.PlanAsync(model, facts, repository, runNumber, cancellationToken);
            return result.Plan ?? throw new PipelineFileException(result.Errors);
        }
    }

    [LoggerMessage(
        4512,
        LogLevel.Information,
        "Created run {Run} (#{Number} of repository {Repository}, trigger {TriggerType}, commit {Commit}) for {Actor}"
    )]
    private partial void Created(RunId run, long number, RepositoryId repository, string triggerType, string commit, Actor actor);
}
