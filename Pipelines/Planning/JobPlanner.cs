using System.Collections.Immutable;

namespace Shipinator.Pipelines;

/// <summary>Plans one job of the file, once for each combination of its matrix.</summary>
internal sealed class JobPlanner(JobModel job, WhenEvaluator when, PlanSettings settings)
{
    private const string DefaultInputPath = ".";

    public JobPlan Plan(ImmutableSortedDictionary<string, string> combination, Resolver resolver)
    {
        var target = job.Target is { } t ? resolver.Text(t, Formats.Name) : null;
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
            Matrix = combination,
            Services = job.Services.ToImmutableSortedDictionary(s => s.Name, s => PlanService(s, resolver), StringComparer.Ordinal),
            SkipReason = job.When.Select(w => when.Evaluate(w).SkipReason).FirstOrDefault(r => r is not null),
            Checkout = job.Type != JobType.Deploy,
            Target = target,
            Namespace = ns,
            CloneOptions = job.Type == JobType.Deploy ? null : job.CloneOptions,
        };
    }

    private StepPlan PlanStep(StepModel step, Resolver resolver)
    {
        var env = resolver.Env(step.Defaults.Env);
        var run = step.Run is { } script ? resolver.Script(script, env) : null;
        var (skip, condition) = when.Evaluate(step.When);
        return new StepPlan
        {
            Name = step.Name,
            Order = step.Order,
            ParallelGroup = step.ParallelGroup,
            Image = step.Defaults.Image is { } image ? resolver.Text(image, Formats.Image) : settings.DefaultImage,
            Run = run,
            Shell = step.Shell is { } shell ? [.. shell.Command] : null,
            Command = Texts(step.Command, resolver, Formats.Any),
            Env = env.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Secrets = step.Defaults.Secrets,
            Timeout = step.Timeout ?? job.Timeout,
            Retry = step.Retry ?? ImplicitRetry(),
            AllowFailure = step.AllowFailure,
            When = condition,
            Outputs = [.. step.Outputs.Select(o => new ArtifactSpec
            {
                Type = o.Type,
                Path = o.Path is { } path ? resolver.Text(path, Formats.RelativeGlob) : null,
                Ref = o.Ref is { } name ? resolver.Text(name, Formats.NotBlank) : null,
                When = o.When,
                Optional = o.Optional,
            })],
            Inputs = [.. step.Inputs.Select(i => PlanInput(i, resolver))],
            Cache = step.Cache is { } cache
                ? new CachePlan(Texts(cache.Key, resolver, Formats.NotBlank)!.Value, Texts(cache.Paths, resolver, Formats.RelativePath)!.Value)
                : null,
            Resources = step.Resources,
            Workdir = step.Workdir is { } workdir ? resolver.Text(workdir, Formats.RelativePath) : null,
            SkipReason = skip,
        };
    }

    private RetryPlan? ImplicitRetry() => job.Type == JobType.Deploy || settings.InfrastructureRetries == 0
        ? null
        : new RetryPlan { Max = settings.InfrastructureRetries, OnInfrastructure = true };

    private static InputSpec PlanInput(InputModel input, Resolver resolver) => new()
    {
        Type = input.Type,
        Step = input.Step,
        ArtifactId = input.Id is { } id ? DeploySteps.Artifact(id, resolver) : null,
        Path = input.Path is { } path ? resolver.Text(path, Formats.RelativePath) : DefaultInputPath,
    };

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
