using System.Collections.Immutable;

namespace Shipinator.Pipelines;

/// <summary>Plans one job of the file, once for each combination of its matrix.</summary>
internal sealed class JobPlanner(JobModel job, WhenEvaluator when, PlanSettings settings)
{
    private const string DefaultInputPath = ".";
    private const string AnyKey = "any";

    /// <summary>Each leading entry of a cache's key becomes part of its file name, whose length is limited.</summary>
    private const int MostRestorableKeys = 10;

    /// <summary>The whole file, among whose jobs inputs choose.</summary>
    public required PipelineModel Model { get; init; }

    public required ErrorList Errors { get; init; }

    public JobPlan Plan(Combination combination, Resolver resolver)
    {
        if (!settings.CanRunServices && job.Services.Count > 0)
        {
            Errors.Add(
                "services_not_supported",
                $"{job.Services[0].At.Path}: services need containers, but executor '{settings.Executor}' runs steps as processes; "
                    + "choose another executor for the repository, or start the service in a step.",
                job.Services[0].At
            );
        }

        var skip = job.When.Select(w => when.Evaluate(w).SkipReason).FirstOrDefault(r => r is not null);
        var condition = Condition();
        if (condition is { Success: false, Failure: false })
        {
            skip = "when: the 'status' conditions of the stage and of the job exclude each other.";
        }

        var target = job.Target is { } t ? resolver.Text(t, Formats.Target) : null;
        var ns = job.Namespace is { } n ? resolver.Text(n, Formats.Namespace) : null;
        if (job.Deploy is not null)
        {
            target ??= DeploySteps.LocalTarget;
            ns ??= DeploySteps.DefaultNamespace;
        }

        return new JobPlan
        {
            Name = job.NameOf(combination),
            Type = job.Type,
            Steps = job.Deploy is { } deploy
                ? [DeploySteps.Plan(job, deploy, target!, ns!, settings, resolver)]
                : [.. job.Steps.Select(s => PlanStep(s, resolver))],
            Timeout = job.Timeout,
            Matrix = combination.Values,
            Services = job.Services.ToImmutableSortedDictionary(s => s.Name, s => PlanService(s, resolver), StringComparer.Ordinal),
            SkipReason = skip,
            When = condition.Failure ? condition : null,
            Checkout = job.Type != JobType.Deploy,
            Target = target,
            Namespace = ns,
            CloneOptions = job.Type == JobType.Deploy ? null : job.CloneOptions,
        };
    }

    /// <summary>On which outcomes of the run so far the job runs; the conditions of the stage and of the job must both hold.</summary>
    private StepCondition Condition() =>
        job.When.Where(w => w.Any(c => c.Status is not null))
            .Select(w => when.Evaluate(w).Condition)
            .Aggregate(
                default(StepCondition?),
                (all, one) => all is null ? one : new(all.Success && one.Success, all.Failure && one.Failure)
            )
        ?? StepCondition.OnSuccess;

    private StepPlan PlanStep(StepModel step, Resolver resolver)
    {
        var env = resolver.StepEnv(step.Defaults.Env, step.Defaults.Secrets);
        var run = step.Run is { } script ? resolver.Script(script, env) : null;
        ImmutableArray<string>? arguments = step.Command is null ? null : [.. step.Command.Select(resolver.Argument)];
        var (skip, condition) = when.Evaluate(step.When);
        return new StepPlan
        {
            Name = step.Name,
            Order = step.Order,
            ParallelGroup = step.ParallelGroup,
            Image = step.Defaults.Image is { } image ? resolver.Text(image, Formats.Image) : settings.DefaultImage,
            Run = run,
            Shell = step.Shell is { } shell ? [.. shell.Command] : null,
            Command = arguments?.Select(Expression.Plain).ToImmutableArray(),
            CommandExpressions = arguments?.Any(Expression.HasReference) == true ? arguments : null,
            Env = env.Known,
            EnvExpressions = env.Expressions,
            Secrets = step.Defaults.Secrets,
            Timeout = step.Timeout ?? job.Timeout,
            Retry = step.Retry ?? ImplicitRetry(),
            AllowFailure = step.AllowFailure,
            When = condition,
            Outputs =
            [
                .. step.Outputs.Select(o => new ArtifactSpec
                {
                    Type = o.Type,
                    Path = o.Path is { } path ? resolver.Text(path, Formats.RelativeGlob) : null,
                    Ref = o.Ref is { } name ? resolver.Text(name, Formats.NotBlank) : null,
                    When = o.When,
                    Optional = o.Optional,
                }),
            ],
            Inputs = [.. step.Inputs.Select(i => PlanInput(i, resolver))],
            Cache = step.Cache is { } cache ? PlanCache(cache, step, resolver) : null,
            Resources = step.Resources,
            Workdir = step.Workdir is { } workdir ? resolver.Text(workdir, Formats.RelativePath) : null,
            SkipReason = skip,
        };
    }

    private RetryPlan? ImplicitRetry() =>
        job.Type == JobType.Deploy || settings.InfrastructureRetries == 0
            ? null
            : new RetryPlan { Max = settings.InfrastructureRetries, OnInfrastructure = true };

    private InputSpec PlanInput(InputModel input, Resolver resolver) =>
        new()
        {
            Type = input.Type,
            Step = input.Step,
            ArtifactId = input.Id is { } id ? DeploySteps.Artifact(id, resolver) : null,
            Path = input.Path is { } path ? resolver.Text(path, Formats.RelativePath) : DefaultInputPath,
            KeepPaths = true,
            OfFailed = Condition().Failure ? true : null,
            Jobs = input.Id is null && (input.Job is not null || input.Matrix.Count > 0) ? Chosen(input, resolver) : null,
        };

    /// <summary>The names, in the run, of the jobs that an input selects.</summary>
    private ImmutableArray<string> Chosen(InputModel input, Resolver resolver)
    {
        var wanted = input.Matrix.Select(m => (m.Name, Value: resolver.Text(m.Value, Formats.MatrixValue))).ToList();
        ImmutableArray<string> chosen =
        [
            .. Model
                .Jobs.Where(j => FileReader.IsBefore(j, job) && (input.Job is null || j.Name == input.Job))
                .SelectMany(j =>
                    j.Combinations.Where(c => wanted.TrueForAll(w => c.Values.GetValueOrDefault(w.Name) == w.Value)).Select(j.NameOf)
                ),
        ];
        if (chosen.IsEmpty)
        {
            Errors.Add(
                "unknown_job",
                $"{input.At.Path}.matrix: no combination of "
                    + $"{(input.Job is null ? "an earlier job" : $"job '{Phrases.Shorten(input.Job)}'")} has "
                    + $"{Phrases.List(wanted.Select(w => $"{w.Name}={Phrases.Shorten(w.Value)}"))}.",
                input.At
            );
        }

        return chosen;
    }

    private CachePlan PlanCache(CacheModel cache, StepModel step, Resolver resolver)
    {
        var plan = new CachePlan(
            Texts(cache.Key, resolver, Formats.NotBlank)!.Value,
            Texts(cache.Paths, resolver, Formats.RelativePath)!.Value
        );
        if (cache.RestoreKeys.Count == 0)
        {
            return plan;
        }

        if (plan.Key.Length > MostRestorableKeys)
        {
            Errors.Add(
                "bad_length",
                $"{step.At.Path}.cache.key: with 'restore_keys' at most {MostRestorableKeys} entries are allowed, but there are "
                    + $"{plan.Key.Length}.",
                step.At
            );
        }

        var depths = ImmutableArray.CreateBuilder<int>();
        foreach (var written in cache.RestoreKeys)
        {
            var text = resolver.Text(written, Formats.NotBlank);
            var at = plan.Key.IndexOf(text);
            if (at < 0 && text != AnyKey)
            {
                Errors.Add(
                    "bad_value",
                    $"{written.Path}: '{Phrases.Shorten(text)}' is not an entry of 'key'; expected one of {Phrases.List(plan.Key)}, or "
                        + $"{AnyKey}.",
                    written
                );
            }

            depths.Add(at + 1);
        }

        return plan with
        {
            RestoreDepths = depths.ToImmutable(),
        };
    }

    private static ServicePlan PlanService(ServiceModel service, Resolver resolver)
    {
        var plan = new ServicePlan
        {
            Image = resolver.Text(service.Image, Formats.Image),
            Env = resolver.Env([service.Env]).ToImmutableSortedDictionary(StringComparer.Ordinal),
            Command = Texts(service.Command, resolver, Formats.Any),
            ReadyTcp = service.ReadyTcp,
        };
        return service.ReadyTimeout is { } timeout ? plan with { ReadyTimeout = timeout } : plan;
    }

    private static ImmutableArray<string>? Texts(IReadOnlyList<Located>? texts, Resolver resolver, Format format) =>
        texts is null ? null : [.. texts.Select(t => resolver.Text(t, format))];
}
