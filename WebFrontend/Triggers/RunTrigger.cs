using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Shipinator.Forges;
using Shipinator.Pipelines;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Api.Problems;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Triggers;

/// <summary>What a trigger would do.</summary>
/// <param name="Pipeline">What was asked for: the pipeline,</param>
/// <param name="GitRef">its ref,</param>
/// <param name="Given">and those of the inputs that the file asks for and that were given a value.</param>
/// <param name="Head">The commit.</param>
/// <param name="Inputs">What the file asks for; nothing unless a person starts the pipeline by hand.</param>
/// <param name="Plan">Null when something is wrong.</param>
/// <param name="Errors">What is wrong, and where.</param>
public sealed record TriggerPreview(
    PipelineId Pipeline,
    string GitRef,
    IReadOnlyDictionary<string, string> Given,
    ResolvedRef Head,
    IReadOnlyList<ManualInput> Inputs,
    RunPlan? Plan,
    IReadOnlyList<PipelineError> Errors
)
{
    /// <summary>What of the file is allowed and probably not meant.</summary>
    public IReadOnlyList<PipelineError> Warnings { get; init; } = [];
}

/// <summary>
/// Makes runs, whoever asks: a person, a webhook, a schedule. All that can be wrong is found before anything is written.
/// </summary>
public sealed class RunTrigger(
    PipelineStore pipelines,
    RepositoryStore repositories,
    RunQueries runs,
    IForgeRegistry forges,
    IExecutorRegistry executors,
    IGrainFactory grains,
    AttemptLimits limits,
    IOptions<WebOptions> options,
    PlanningGate gate
)
{
    /// <summary>Makes a run of a pipeline; the second value says that the key had made it before.</summary>
    public async Task<(RunId Run, bool IsRepeat)> CreateAsync(
        PipelineId pipelineId,
        string gitRef,
        string? gitSha,
        IReadOnlyDictionary<string, string>? inputs,
        string actor,
        string? idempotencyKey,
        CancellationToken cancellationToken
    )
    {
        var pipeline =
            await pipelines.GetAsync(pipelineId, cancellationToken) ?? throw new NotFoundException("pipeline", pipelineId.ToString());
        var repository = await RepositoryAsync(pipeline.RepositoryId, cancellationToken);
        limits.TakeRun(actor, repository.Id);
        var at = await ReadAsync(repository, pipeline.TriggerType, gitRef, gitSha, cancellationToken);
        return await CreateAsync(repository, pipeline, at, gitRef, gitSha, inputs, actor, idempotencyKey, cancellationToken);
    }

    /// <summary>
    /// Makes a run of a repository from the pipeline file of its own commit alone, whatever the default branch holds; the pipeline is made
    /// if it is the first of its trigger type.
    /// </summary>
    public async Task<(RunId Run, bool IsRepeat)> CreateAsync(
        RepositoryId repositoryId,
        string triggerType,
        string gitRef,
        string? gitSha,
        IReadOnlyDictionary<string, string>? inputs,
        string actor,
        string? idempotencyKey,
        CancellationToken cancellationToken
    )
    {
        var repository = await RepositoryAsync(repositoryId, cancellationToken);
        limits.TakeRun(actor, repository.Id);
        var at = await ReadAsync(repository, triggerType, gitRef, gitSha, cancellationToken);
        var pipeline =
            await pipelines.FindAsync(repository.Id, triggerType, cancellationToken)
            ?? await pipelines.EnsureAsync(repository.Id, repository.Name, triggerType, cancellationToken);
        return await CreateAsync(repository, pipeline, at, gitRef, gitSha, inputs, actor, idempotencyKey, cancellationToken);
    }

    /// <summary>The ref of the default branch, by its full name: a tag may have the same short one.</summary>
    public static string DefaultRef(RepositoryRow repository)
    {
        ArgumentNullException.ThrowIfNull(repository);
        return repository.DefaultBranch.StartsWith("refs/", StringComparison.Ordinal)
            ? repository.DefaultBranch
            : "refs/heads/" + repository.DefaultBranch;
    }

    /// <summary>The default branch's name is that branch, also where a tag has it.</summary>
    private static string Named(RepositoryRow repository, string gitRef) =>
        gitRef == repository.DefaultBranch ? DefaultRef(repository) : gitRef;

    private async Task<RepositoryRow> RepositoryAsync(RepositoryId id, CancellationToken cancellationToken) =>
        await repositories.GetAsync(id, cancellationToken) ?? throw new NotFoundException("repository", id.ToString());

    private async Task<(ResolvedRef Head, string FullRef, PipelineModel Model)> ReadAsync(
        RepositoryRow repository,
        string triggerType,
        string gitRef,
        string? gitSha,
        CancellationToken cancellationToken
    )
    {
        var forge = forges.Get(repository.VcsProvider);
        var place = Of(repository);
        gitRef = Named(repository, gitRef);
        var head = gitSha is null
            ? await forge.Resolve(place, gitRef, cancellationToken)
            : await forge.ResolveCommit(place, gitSha, cancellationToken);
        // The ref may be the commit itself, when no ref holds it.
        var fullRef =
            gitSha is null || string.Equals(gitRef, gitSha, StringComparison.OrdinalIgnoreCase)
                ? head.FullRef
                : (await forge.Resolve(place, gitRef, cancellationToken)).FullRef;
        var file = await ParseAsync(
            await forge.ReadFile(place, head.Commit, FileOf(repository), cancellationToken),
            FileOf(repository),
            cancellationToken
        );
        if (file.Model is null)
        {
            throw new PipelineFileException(file.Errors);
        }

        return file.Model.TriggerTypes.Contains(triggerType)
            ? (head, fullRef, file.Model)
            : throw new InvalidInputException(
                "trigger_not_defined",
                $"{FileOf(repository)} at {head.Commit[..8]} defines no '{triggerType}' trigger; it has: {string.Join(", ", file.Model.TriggerTypes)}."
            );
    }

    private async Task<(RunId Run, bool IsRepeat)> CreateAsync(
        RepositoryRow repository,
        PipelineRow pipeline,
        (ResolvedRef Head, string FullRef, PipelineModel Model) at,
        string gitRef,
        string? gitSha,
        IReadOnlyDictionary<string, string>? inputs,
        string actor,
        string? idempotencyKey,
        CancellationToken cancellationToken
    )
    {
        var facts = Facts(
            pipeline,
            at.Head,
            at.FullRef,
            actor,
            (inputs ?? new Dictionary<string, string>()).ToImmutableSortedDictionary(StringComparer.Ordinal)
        );
        var executor = ExecutorOf(repository);
        // Once with a number that stands for the real one, so that nothing is reserved for what can't be planned.
        Plan(at.Model, facts, repository, 1);

        var reservation = await grains
            .GetGrain<IRepositoryGrain>(repository.Id.Value)
            .Reserve(
                idempotencyKey is null ? null : Key(actor, pipeline.Id.ToString(), idempotencyKey),
                Fingerprint(gitRef, gitSha, facts.Inputs),
                cancellationToken
            );
        if (reservation.IsRepeat && await runs.GetAsync(reservation.RunId, cancellationToken) is not null)
        {
            return (reservation.RunId, true);
        }

        await grains
            .GetGrain<IPipelineRunGrain>(reservation.RunId.Value)
            .Create(
                new CreateRun
                {
                    PipelineId = pipeline.Id,
                    RepositoryId = repository.Id,
                    ProjectId = repository.ProjectId,
                    ProjectName = repository.ProjectName,
                    RepositoryName = repository.Name,
                    RunNumber = reservation.RunNumber,
                    Source = new()
                    {
                        CloneUrl = at.Head.MovedTo ?? CloneAddress.TryParse(repository.CloneUrl, out _)?.Url ?? repository.CloneUrl,
                        Ref = at.FullRef,
                        Commit = at.Head.Commit,
                    },
                    Executor = executor,
                    Plan = Plan(at.Model, facts, repository, reservation.RunNumber),
                    Actor = actor,
                    IdempotencyKey = idempotencyKey,
                },
                cancellationToken
            );
        return (reservation.RunId, reservation.IsRepeat);
    }

    /// <summary>
    /// What a run would be, without making one: the inputs that the file asks for at this ref, and the plan or what is wrong.
    /// Errors: <see cref="ForgeException"/>, <see cref="NotFoundException"/>.
    /// </summary>
    public async Task<TriggerPreview> PreviewAsync(
        PipelineId pipelineId,
        string gitRef,
        IReadOnlyDictionary<string, string> inputs,
        string actor,
        CancellationToken cancellationToken
    )
    {
        var pipeline =
            await pipelines.GetAsync(pipelineId, cancellationToken) ?? throw new NotFoundException("pipeline", pipelineId.ToString());
        var repository =
            await repositories.GetAsync(pipeline.RepositoryId, cancellationToken)
            ?? throw new NotFoundException("repository", pipeline.RepositoryId.ToString());
        var forge = forges.Get(repository.VcsProvider);
        var resolved = await forge.Resolve(Of(repository), gitRef, cancellationToken);
        var file = await ParseAsync(
            await forge.ReadFile(Of(repository), resolved.Commit, FileOf(repository), cancellationToken),
            FileOf(repository),
            cancellationToken
        );
        var asked = file.Model is { } known && pipeline.TriggerType == "manual" ? known.Inputs : [];
        // What is empty was not given: the default stands, or it is missing.
        var given = asked
            .Where(i => !string.IsNullOrEmpty(inputs.GetValueOrDefault(i.Name)))
            .ToImmutableSortedDictionary(i => i.Name, i => inputs[i.Name], StringComparer.Ordinal);
        TriggerPreview Found(RunPlan? plan, IReadOnlyList<PipelineError> errors) =>
            new(pipelineId, gitRef, given, resolved, asked, plan, errors) { Warnings = file.Warnings };
        if (file.Model is null)
        {
            return Found(null, file.Errors);
        }

        try
        {
            return Found(Plan(file.Model, Facts(pipeline, resolved, resolved.FullRef, actor, given), repository, 1), []);
        }
        catch (PipelineFileException e)
        {
            return Found(null, e.Errors);
        }
    }

    /// <summary>Runs the stored plan of an earlier run again; <paramref name="onlyFailed"/>: what succeeded stands.</summary>
    public async Task<(RunId Run, bool IsRepeat)> RerunAsync(
        RunId earlier,
        bool onlyFailed,
        string actor,
        string? idempotencyKey,
        CancellationToken cancellationToken
    )
    {
        var before = await grains.GetGrain<IPipelineRunGrain>(earlier.Value).Get(cancellationToken);
        if (!before.Life.IsTerminal)
        {
            throw new ConflictException(
                "run_not_ended",
                $"Run #{before.RunNumber} is {before.Life.Status.Word()}; only a run that has ended can be run again."
            );
        }

        limits.TakeRun(actor, before.RepositoryId);
        var reused = ImmutableDictionary<string, JobId>.Empty;
        if (onlyFailed)
        {
            var jobs = await runs.JobsAsync(earlier, cancellationToken);
            reused = jobs.Where(j => j.Status == Status.Success || j.ReusedFrom is not null)
                .ToImmutableDictionary(j => j.Name, j => j.ReusedFrom ?? j.Id);
            if (reused.Count == jobs.Count)
            {
                throw new ConflictException(
                    "nothing_failed",
                    $"Run #{before.RunNumber} has no job that failed; run it again from the start."
                );
            }

            // What comes after the others, whatever their result, comes after them again.
            reused = reused.RemoveRange(before.Plan.Jobs.Where(j => j.When is not null).Select(j => j.Name));
        }

        var reservation = await grains
            .GetGrain<IRepositoryGrain>(before.RepositoryId.Value)
            .Reserve(
                idempotencyKey is null ? null : Key(actor, earlier.ToString(), idempotencyKey),
                $"rerun:{onlyFailed}",
                cancellationToken
            );
        await grains
            .GetGrain<IPipelineRunGrain>(reservation.RunId.Value)
            .Create(
                new CreateRun
                {
                    PipelineId = before.PipelineId,
                    RepositoryId = before.RepositoryId,
                    ProjectId = before.ProjectId,
                    ProjectName = before.ProjectName,
                    RepositoryName = before.RepositoryName,
                    RunNumber = reservation.RunNumber,
                    Source = before.Source,
                    Executor = before.Executor,
                    Plan = before.Plan,
                    Actor = actor,
                    RerunOf = earlier,
                    Reused = reused,
                    IdempotencyKey = idempotencyKey,
                },
                cancellationToken
            );
        return (reservation.RunId, reservation.IsRepeat);
    }

    /// <summary>What a forge must know of a repository.</summary>
    public static ForgeRepository Of(RepositoryRow repository)
    {
        ArgumentNullException.ThrowIfNull(repository);
        return new(repository.Id, repository.CloneUrl, repository.DefaultBranch);
    }

    private static TriggerFacts Facts(
        PipelineRow pipeline,
        ResolvedRef resolved,
        string fullRef,
        string actor,
        ImmutableSortedDictionary<string, string> inputs
    ) =>
        new()
        {
            Event = pipeline.TriggerType,
            Ref = fullRef,
            Commit = resolved.Commit,
            Branch = Below(fullRef, "refs/heads/"),
            Tag = Below(fullRef, "refs/tags/"),
            Message = resolved.Message,
            Author = resolved.Author,
            Actor = actor,
            Inputs = inputs,
        };

    private async Task<PipelineFileResult> ParseAsync(string text, string path, CancellationToken cancellationToken)
    {
        using var turn = await gate.EnterAsync(cancellationToken);
        return PipelineFile.Parse(text, path, cancellationToken);
    }

    private RunPlan Plan(PipelineModel model, TriggerFacts facts, RepositoryRow repository, long number)
    {
        var result = RunPlanner.Plan(
            model,
            facts,
            new()
            {
                ProjectName = repository.ProjectName,
                RepositoryName = repository.Name,
                RunNumber = number,
                DefaultImage = options.Value.DefaultImage,
                Executor = ExecutorOf(repository),
                CanRunServices = executors.Get(ExecutorOf(repository)).CanRunServices,
            }
        );
        return result.Plan ?? throw new PipelineFileException(result.Errors);
    }

    /// <summary>Keys are each token's own: nobody learns of a run, or keeps one from being made, by guessing another's.</summary>
    private static string Key(string actor, string what, string key) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{actor}\0{what}\0{key}")));

    private string ExecutorOf(RepositoryRow repository) => repository.Executor ?? options.Value.DefaultExecutor;

    private static string FileOf(RepositoryRow repository) => repository.PipelineFile ?? PipelineFile.DefaultName;

    private static string? Below(string fullRef, string prefix) =>
        fullRef.StartsWith(prefix, StringComparison.Ordinal) ? fullRef[prefix.Length..] : null;

    private static string Fingerprint(string gitRef, string? gitSha, ImmutableSortedDictionary<string, string> inputs) =>
        Convert.ToHexStringLower(
            SHA256.HashData(
                Encoding.UTF8.GetBytes(
                    string.Join('\0', inputs.SelectMany(i => new[] { i.Key, i.Value }).Prepend(gitSha ?? "").Prepend(gitRef))
                )
            )
        );
}
