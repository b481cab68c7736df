using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Shipinator.Pipelines;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Planning;
using Shipinator.Triggers.Runs;
using Shipinator.Triggers.Statuses;

namespace Shipinator.Triggers.Events;

/// <summary>An event that may start a run.</summary>
internal sealed record EventRunRequest
{
    public required QueuedDelivery Delivery { get; init; }

    public required RepositoryRow Repository { get; init; }

    public required EventFile File { get; init; }

    /// <summary>Without the changed files.</summary>
    public required TriggerFacts Facts { get; init; }

    /// <summary>Determines the changed files; called only if the pipeline file looks at them.</summary>
    public required Func<CancellationToken, Task<ImmutableArray<string>?>> ChangedFiles { get; init; }

    /// <summary>The other trigger type whose run of the same commit and an equal plan counts for this event, too; null: none.</summary>
    public string? SharesWith { get; init; }

    /// <summary>The branch that both events are about.</summary>
    public string? HeadBranch { get; init; }
}

/// <summary>Decides whether an event starts a run, and creates it once, however often it is called.</summary>
public sealed partial class EventRuns(
    PipelineStore pipelines,
    DeliveryStore deliveries,
    RunQueries runs,
    EventRunQueries eventRuns,
    EventCancellation cancellation,
    RunPlanning planning,
    RunReservations reservations,
    CommitStatuses statuses,
    IRunLimits limits,
    IGrainFactory grains,
    ILogger<EventRuns> logger
)
{
    internal async Task<DeliveryResult> CreateAsync(EventRunRequest request, CancellationToken cancellationToken)
    {
        var facts = request.Facts;
        if (RunPlanner.SkipReason(facts) is { } skip)
        {
            return Result(facts, DeliveryOutcome.Skipped, skip);
        }

        var errors = Of(request.File.Parsed.Errors);
        var model = request.File.Parsed.Model;
        if (model is not null)
        {
            if (model.UsesChangedFiles)
            {
                facts = facts with { ChangedFiles = await request.ChangedFiles(cancellationToken) };
            }

            if (model.Matches(facts) is { Runs: false } match)
            {
                return Result(facts, DeliveryOutcome.Filtered, match.Reason);
            }
        }

        if (await SharedAsync(request, model, facts, errors, cancellationToken) is { } shared)
        {
            return shared;
        }

        var actor = request.Delivery.RequestedBy is { } person ? Actor.Parse(person) : new(ActorKind.Forge, facts.Sender ?? "unknown");
        facts = facts with { Actor = actor.ToString() };
        var pipeline = await pipelines.EnsureAsync(request.Repository.Id, request.Repository.Name, facts.Event, cancellationToken);
        var (reservation, exists) = await ReserveAsync(request, actor, facts, cancellationToken);
        var plan = await PlanAsync(request, model, facts, errors, reservation.RunNumber, cancellationToken);
        if (!exists)
        {
            await statuses.RegisterAsync(request.Repository, facts.Commit, reservation.RunId, [facts.Event], cancellationToken);
            await grains
                .GetGrain<IPipelineRunGrain>(reservation.RunId.Value)
                .Create(Command(request, pipeline, reservation, plan, actor), cancellationToken);
            Created(reservation.RunId, reservation.RunNumber, request.Repository.Id, facts.Event, facts.Commit, request.Delivery.Id);
        }

        return Result(facts, DeliveryOutcome.RunCreated, null) with
        {
            Run = reservation.RunId,
            FileErrors = plan.FileErrors ?? [],
        };
    }

    private static DeliveryResult Result(TriggerFacts facts, DeliveryOutcome outcome, string? detail) =>
        new(outcome, detail) { TriggerType = facts.Event, Commit = facts.Commit };

    /// <summary>
    /// The run of the other trigger type for the same commit, if its plan has equal jobs. Both events are of one branch and processed in
    /// order, so that no two runs are created at the same time.
    /// </summary>
    private async Task<DeliveryResult?> SharedAsync(
        EventRunRequest request,
        PipelineModel? model,
        TriggerFacts facts,
        ImmutableArray<FileError> errors,
        CancellationToken cancellationToken
    )
    {
        if (
            request.SharesWith is not { } other
            || request.HeadBranch is not { } branch
            // A person who has the delivery processed again wants a run.
            || request.Delivery.Round > 0
            || await eventRuns.SameCommitAsync(request.Repository.Id, other, branch, facts.Commit, cancellationToken) is not { } candidate
            || await runs.PlanAsync(candidate.Id, cancellationToken) is not { } existing
        )
        {
            return null;
        }

        // With the number of that run, since a plan may contain it.
        var plan = await PlanAsync(request, model, facts, errors, candidate.RunNumber, cancellationToken);
        if (!IsEqual(plan, existing))
        {
            return null;
        }

        if (facts.Event == "pr" && plan.Concurrency is not { CancelPrevious: false })
        {
            await cancellation.CancelAsync(
                request.Repository.Id,
                facts.Event,
                facts.Ref,
                $"Superseded by run #{candidate.RunNumber}, which runs the pull request's new commit.",
                candidate.Id,
                cancellationToken
            );
        }

        await statuses.RegisterAsync(request.Repository, facts.Commit, candidate.Id, [facts.Event], cancellationToken);
        return Result(
            facts,
            DeliveryOutcome.RunShared,
            $"Run #{candidate.RunNumber} of the {(other == "push" ? "push" : "pull request")} runs the same jobs for this commit."
        ) with
        {
            Run = candidate.Id,
            FileErrors = plan.FileErrors ?? [],
        };
    }

    private static bool IsEqual(RunPlan plan, RunPlan existing)
    {
        // Read back like the existing one: absent members have their defaults.
        var stored = PlanJson.Deserialize<RunPlan>(PlanJson.Serialize(plan));
        return PlanJson.Serialize(stored.Jobs) == PlanJson.Serialize(existing.Jobs)
            && PlanJson.Serialize(stored.FileErrors ?? []) == PlanJson.Serialize(existing.FileErrors ?? []);
    }

    /// <summary>
    /// The id and the number of the run. The delivery's row keeps them: the coordinator forgets a key after a day, a delivery may wait
    /// for longer.
    /// </summary>
    private async Task<(RunReservation Reservation, bool Exists)> ReserveAsync(
        EventRunRequest request,
        Actor actor,
        TriggerFacts facts,
        CancellationToken cancellationToken
    )
    {
        if (request.Delivery.Reserved is { } earlier)
        {
            return (earlier, await runs.GetAsync(earlier.RunId, cancellationToken) is not null);
        }

        limits.TakeRun(actor, request.Repository.Id);
        var key = Key(request.Delivery, facts.Event);
        var (reservation, _) = await reservations.ReserveAsync(request.Repository.Id, key, key, cancellationToken);
        var kept = await deliveries.ReserveAsync(request.Delivery.Id, reservation, cancellationToken);
        return (kept, (reservation.IsRepeat || kept.IsRepeat) && await runs.GetAsync(kept.RunId, cancellationToken) is not null);
    }

    private static string Key(QueuedDelivery delivery, string triggerType) =>
        delivery.Round == 0 ? $"delivery:{delivery.Id}:{triggerType}" : $"delivery:{delivery.Id}:{triggerType}:{delivery.Round}";

    private async Task<RunPlan> PlanAsync(
        EventRunRequest request,
        PipelineModel? model,
        TriggerFacts facts,
        ImmutableArray<FileError> errors,
        long runNumber,
        CancellationToken cancellationToken
    )
    {
        if (model is not null)
        {
            var result = await planning.PlanAsync(model, facts, request.Repository, runNumber, cancellationToken);
            if (result.Plan is { } plan)
            {
                return facts.IsFork ? ForkRules.Apply(plan) : plan;
            }

            errors = Of(result.Errors);
        }

        return new RunPlan
        {
            Trigger = facts,
            Jobs = [],
            FileErrors = errors,
        };
    }

    private CreateRun Command(EventRunRequest request, PipelineRow pipeline, RunReservation reservation, RunPlan plan, Actor actor) =>
        RunCommands.Of(
            request.Repository,
            pipeline,
            reservation,
            new(request.Facts.Ref, request.Facts.Commit, null, null) { MovedTo = request.File.Head?.MovedTo },
            planning.ExecutorOf(request.Repository),
            plan
        ) with
        {
            Actor = actor.ToString(),
            IdempotencyKey = Key(request.Delivery, request.Facts.Event),
        };

    private static ImmutableArray<FileError> Of(IReadOnlyList<PipelineError> errors) =>
        [
            .. errors.Select(e => new FileError
            {
                Code = e.Code,
                Message = e.Message,
                File = e.File,
                Line = e.Line,
                Column = e.Column,
                Path = e.Path,
                Snippet = e.Snippet,
            }),
        ];

    [LoggerMessage(
        4546,
        LogLevel.Information,
        "Created run {Run} (#{Number} of repository {Repository}, trigger {TriggerType}, commit {Commit}) for delivery {Delivery}"
    )]
    private partial void Created(RunId run, long number, RepositoryId repository, string triggerType, string commit, DeliveryId delivery);
}
