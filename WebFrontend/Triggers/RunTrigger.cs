using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Shipinator.Pipelines;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Problems;

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
    PipelineId Pipeline, string GitRef, IReadOnlyDictionary<string, string> Given, ResolvedRef Head, IReadOnlyList<ManualInput> Inputs, RunPlan? Plan, IReadOnlyList<PipelineError> Errors);

/// <summary>
/// Makes runs, whoever asks: a person, a webhook, a schedule. All that can be wrong is found before anything is written.
/// </summary>
public sealed class RunTrigger(
    PipelineStore pipelines, RepositoryStore repositories, RunQueries runs, IForgeRegistry forges, IExecutorRegistry executors,
    IGrainFactory grains, IOptions<WebOptions> options)
{
    /// <summary>Makes a run of a pipeline; the second value says that the key had made it before.</summary>
    public async Task<(RunId Run, bool IsRepeat)> CreateAsync(
        PipelineId pipelineId, string gitRef, string? gitSha, IReadOnlyDictionary<string, string>? inputs, string actor,
        string? idempotencyKey, CancellationToken cancellationToken)
    {
        var pipeline = await pipelines.GetAsync(pipelineId, cancellationToken) ?? throw new NotFoundException("pipeline", pipelineId.ToString());
        var repository = await repositories.GetAsync(pipeline.RepositoryId, cancellationToken)
            ?? throw new NotFoundException("repository", pipeline.RepositoryId.ToString());
        var forge = forges.Get(repository.VcsProvider);
        var forgeRepository = Of(repository);
        var resolved = await forge.Resolve(forgeRepository, gitSha ?? gitRef, cancellationToken);
        var fullRef = gitSha is null ? resolved.FullRef : (await forge.Resolve(forgeRepository, gitRef, cancellationToken)).FullRef;
        var file = PipelineFile.Parse(await forge.ReadFile(forgeRepository, resolved.Commit, FileOf(repository), cancellationToken), FileOf(repository));
        if (file.Model is null)
        {
            throw new PipelineFileException(file.Errors);
        }

        if (!file.Model.TriggerTypes.Contains(pipeline.TriggerType))
        {
            throw new InvalidInputException("trigger_not_defined", $"{FileOf(repository)} at {resolved.Commit[..8]} defines no '{pipeline.TriggerType}' trigger; it has: {string.Join(", ", file.Model.TriggerTypes)}.");
        }

        var facts = Facts(pipeline, resolved, fullRef, actor, (inputs ?? new Dictionary<string, string>()).ToImmutableSortedDictionary(StringComparer.Ordinal));
        var executor = ExecutorOf(repository);
        // Once with a number that stands for the real one, so that nothing is reserved for what can't be planned.
        Plan(file.Model, facts, repository, 1);
        var reservation = await grains.GetGrain<IRepositoryGrain>(repository.Id.Value)
            .Reserve(idempotencyKey is null ? null : $"{pipelineId}:{idempotencyKey}", Fingerprint(gitRef, gitSha, facts.Inputs), cancellationToken);
        if (reservation.IsRepeat && await runs.GetAsync(reservation.RunId, cancellationToken) is not null)
        {
            return (reservation.RunId, true);
        }

        await grains.GetGrain<IPipelineRunGrain>(reservation.RunId.Value).Create(
            new CreateRun
            {
                PipelineId = pipelineId,
                RepositoryId = repository.Id,
                ProjectId = repository.ProjectId,
                ProjectName = repository.ProjectName,
                RepositoryName = repository.Name,
                RunNumber = reservation.RunNumber,
                Source = new() { CloneUrl = repository.CloneUrl, Ref = fullRef, Commit = resolved.Commit },
                Executor = executor,
                Plan = Plan(file.Model, facts, repository, reservation.RunNumber),
                Actor = actor,
                IdempotencyKey = idempotencyKey,
            },
            cancellationToken);
        return (reservation.RunId, reservation.IsRepeat);
    }

    /// <summary>
    /// What a run would be, without making one: the inputs that the file asks for at this ref, and the plan or what is wrong.
    /// Errors: <see cref="ForgeException"/>, <see cref="NotFoundException"/>.
    /// </summary>
    public async Task<TriggerPreview> PreviewAsync(
        PipelineId pipelineId, string gitRef, IReadOnlyDictionary<string, string> inputs, string actor, CancellationToken cancellationToken)
    {
        var pipeline = await pipelines.GetAsync(pipelineId, cancellationToken) ?? throw new NotFoundException("pipeline", pipelineId.ToString());
        var repository = await repositories.GetAsync(pipeline.RepositoryId, cancellationToken)
            ?? throw new NotFoundException("repository", pipeline.RepositoryId.ToString());
        var forge = forges.Get(repository.VcsProvider);
        var resolved = await forge.Resolve(Of(repository), gitRef, cancellationToken);
        var file = PipelineFile.Parse(await forge.ReadFile(Of(repository), resolved.Commit, FileOf(repository), cancellationToken), FileOf(repository));
        var asked = file.Model is { } known && pipeline.TriggerType == "manual" ? known.Inputs : [];
        // What is empty was not given: the default stands, or it is missing.
        var given = asked.Where(i => !string.IsNullOrEmpty(inputs.GetValueOrDefault(i.Name))).ToImmutableSortedDictionary(i => i.Name, i => inputs[i.Name], StringComparer.Ordinal);
        TriggerPreview Found(RunPlan? plan, IReadOnlyList<PipelineError> errors) => new(pipelineId, gitRef, given, resolved, asked, plan, errors);
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
        RunId earlier, bool onlyFailed, string actor, string? idempotencyKey, CancellationToken cancellationToken)
    {
        var before = await grains.GetGrain<IPipelineRunGrain>(earlier.Value).Get(cancellationToken);
        if (!before.Life.IsTerminal)
        {
            throw new ConflictException("run_not_ended", $"Run #{before.RunNumber} is {before.Life.Status.Word()}; only a run that has ended can be run again.");
        }

        var reused = ImmutableDictionary<string, JobId>.Empty;
        if (onlyFailed)
        {
            var jobs = await runs.JobsAsync(earlier, cancellationToken);
            reused = jobs.Where(j => j.Status == Status.Success || j.ReusedFrom is not null).ToImmutableDictionary(j => j.Name, j => j.ReusedFrom ?? j.Id);
            if (reused.Count == jobs.Count)
            {
                throw new ConflictException("nothing_failed", $"Run #{before.RunNumber} has no job that failed; run it again from the start.");
            }

            // What comes after the others, whatever their result, comes after them again.
            reused = reused.RemoveRange(before.Plan.Jobs.Where(j => j.When is not null).Select(j => j.Name));
        }

        var reservation = await grains.GetGrain<IRepositoryGrain>(before.RepositoryId.Value)
            .Reserve(idempotencyKey is null ? null : $"{earlier}:{idempotencyKey}", $"rerun:{onlyFailed}", cancellationToken);
        await grains.GetGrain<IPipelineRunGrain>(reservation.RunId.Value).Create(
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
            cancellationToken);
        return (reservation.RunId, reservation.IsRepeat);
    }

    /// <summary>What a forge must know of a repository.</summary>
    public static ForgeRepository Of(RepositoryRow repository)
    {
        ArgumentNullException.ThrowIfNull(repository);
        return new(repository.Id, repository.CloneUrl, repository.DefaultBranch);
    }

    private static TriggerFacts Facts(
        PipelineRow pipeline, ResolvedRef resolved, string fullRef, string actor, ImmutableSortedDictionary<string, string> inputs) => new()
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

    private RunPlan Plan(PipelineModel model, TriggerFacts facts, RepositoryRow repository, long number)
    {
        var result = RunPlanner.Plan(model, facts, new()
        {
            ProjectName = repository.ProjectName,
            RepositoryName = repository.Name,
            RunNumber = number,
            DefaultImage = options.Value.DefaultImage,
            Executor = ExecutorOf(repository),
            CanRunServices = executors.Get(ExecutorOf(repository)).CanRunServices,
        });
        return result.Plan ?? throw new PipelineFileException(result.Errors);
    }

    private string ExecutorOf(RepositoryRow repository) => repository.Executor ?? options.Value.DefaultExecutor;

    private static string FileOf(RepositoryRow repository) => repository.PipelineFile ?? PipelineFile.DefaultName;

    private static string? Below(string fullRef, string prefix) =>
        fullRef.StartsWith(prefix, StringComparison.Ordinal) ? fullRef[prefix.Length..] : null;

    private static string Fingerprint(string gitRef, string? gitSha, ImmutableSortedDictionary<string, string> inputs) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
            string.Join('\0', inputs.SelectMany(i => new[] { i.Key, i.Value }).Prepend(gitSha ?? "").Prepend(gitRef)))));
}
