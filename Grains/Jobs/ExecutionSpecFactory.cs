using System.Globalization;

namespace Shipinator.Grains.Jobs;

/// <summary>Creates the specification of an execution from a step of a job.</summary>
internal static class ExecutionSpecFactory
{
    public static ExecutionSpec Create(JobRecord job, StepRecord step, ExecutionId execution, Uri publicUrl)
    {
        var plan = job.Spec.Plan.Steps[step.Index];
        var attempt = step.Executions.IndexOf(execution) + 1;
        return new()
        {
            ExecutionId = execution,
            StepId = step.Id,
            StepName = plan.Name,
            Attempt = attempt,
            Image = plan.Image,
            Command = plan.Command ?? [],
            Script = plan.Run,
            Shell = plan.Shell ?? [],
            Env = plan.Env.SetItems(BuiltIn(job, step, plan, execution, publicUrl)),
            EnvExpressions = plan.EnvExpressions,
            CommandExpressions = plan.CommandExpressions,
            Earlier = Earlier(job, plan) is { IsEmpty: false } earlier ? earlier : null,
            Artifacts = plan.Outputs,
            Timeout = plan.Timeout,
            Secrets = plan.Secrets,
            Inputs = plan.Inputs,
            Workdir = plan.Workdir,
            Cache = plan.Cache,
            Worker = Worker(job),
            Origin = RunOrigin.Of(job.Spec.Trigger),
            JoinsWorker =
                attempt > 1
                || job.Steps.Any(s =>
                    s.JobAttempt == job.Attempt
                    && s.Started > 0
                    && s.Id != step.Id
                    && (s.Life.IsTerminal || job.Spec.Plan.Steps[s.Index].Order < plan.Order)
                ),
        };
    }

    /// <summary>The started steps of this attempt that come before a step. Steps of one parallel group do not see each other.</summary>
    private static System.Collections.Immutable.ImmutableArray<EarlierStep> Earlier(JobRecord job, StepPlan plan) =>
        [
            .. job
                .Steps.Where(s => s.JobAttempt == job.Attempt && s.Started > 0 && job.Spec.Plan.Steps[s.Index].Order < plan.Order)
                .OrderBy(s => job.Spec.Plan.Steps[s.Index].Order)
                .ThenBy(s => s.Index)
                .Select(s => new EarlierStep(
                    job.Spec.Plan.Steps[s.Index].Name,
                    s.Executions[s.Started - 1],
                    plan.Secrets.All(n => job.Spec.Plan.Steps[s.Index].Secrets.Contains(n, StringComparer.Ordinal))
                )),
        ];

    /// <summary>The same for every execution of an attempt.</summary>
    private static WorkerSpec Worker(JobRecord job) =>
        new()
        {
            ProjectId = job.Spec.ProjectId,
            RepositoryId = job.Spec.RepositoryId,
            RunId = job.Spec.RunId,
            JobId = job.Id,
            Attempt = job.Attempt,
            Source = job.Spec.Plan.Checkout ? job.Spec.Source with { CloneOptions = job.Spec.Plan.CloneOptions } : null,
            Steps =
            [
                .. job
                    .Steps.Where(s => s.JobAttempt == job.Attempt)
                    .Select(s => new WorkerStep(
                        s.Id,
                        s.Executions[0],
                        job.Spec.Plan.Steps[s.Index].Name,
                        job.Spec.Plan.Steps[s.Index].Image,
                        job.Spec.Plan.Steps[s.Index].Resources,
                        job.Spec.Plan.Steps[s.Index].Order,
                        job.Spec.Plan.Steps[s.Index].Cache is not null
                    )),
            ],
            Services = job.Spec.Plan.Services,
            Timeout = job.Spec.Plan.Timeout,
            HasReadOnlyCaches = job.Spec.Trigger.IsFork,
        };

    /// <summary>The variables that every step has; they override the user's. The runner adds the path of the workspace.</summary>
    private static IEnumerable<KeyValuePair<string, string>> BuiltIn(
        JobRecord job,
        StepRecord step,
        StepPlan plan,
        ExecutionId execution,
        Uri publicUrl
    )
    {
        var spec = job.Spec;
        var commit = spec.Source.Commit;
        yield return new("CI", "true");
        yield return new("SHIPINATOR", "true");
        yield return new("CI_COMMIT_SHA", commit);
        yield return new("CI_COMMIT_SHORT_SHA", commit[..Math.Min(8, commit.Length)]);
        yield return new("CI_COMMIT_REF", spec.Source.Ref);
        yield return new("CI_COMMIT_BRANCH", spec.Trigger.Branch ?? "");
        yield return new("CI_COMMIT_TAG", spec.Trigger.Tag ?? "");
        yield return new("CI_COMMIT_MESSAGE", Shown(spec.Trigger.Message));
        yield return new("CI_COMMIT_AUTHOR", Shown(spec.Trigger.Author));
        yield return new("CI_COMMIT_BEFORE_SHA", spec.Trigger.Before ?? "");
        yield return new("CI_COMMIT_COMPARE_URL", spec.Trigger.CompareUrl ?? "");
        yield return new("CI_COMMIT_PULL_REQUEST", spec.Trigger.PrNumber?.ToString(CultureInfo.InvariantCulture) ?? "");
        yield return new("CI_COMMIT_PULL_REQUEST_TITLE", Shown(spec.Trigger.PrTitle));
        yield return new("CI_COMMIT_PULL_REQUEST_URL", spec.Trigger.PrUrl ?? "");
        yield return new("CI_COMMIT_SOURCE_BRANCH", spec.Trigger.HeadBranch ?? "");
        yield return new("CI_COMMIT_TARGET_BRANCH", spec.Trigger.PrNumber is null ? "" : spec.Trigger.Branch ?? "");
        yield return new("CI_COMMIT_SENDER", Shown(spec.Trigger.Sender));
        yield return new("CI_COMMIT_IS_FORK", spec.Trigger.IsFork ? "true" : "false");
        yield return new("CI_PIPELINE_EVENT", spec.Trigger.Event);
        yield return new("CI_PIPELINE_NUMBER", spec.RunNumber.ToString(CultureInfo.InvariantCulture));
        yield return new("CI_PIPELINE_URL", new Uri(publicUrl, $"/runs/{spec.RunId}").ToString());
        yield return new("CI_REPO", $"{spec.ProjectName}/{spec.RepositoryName}");
        yield return new("CI_REPO_CLONE_URL", spec.Source.CloneUrl);
        yield return new("CI_STEP_NAME", plan.Name);
        yield return new("SHIPINATOR_PROJECT_ID", spec.ProjectId.ToString());
        yield return new("SHIPINATOR_REPOSITORY_ID", spec.RepositoryId.ToString());
        yield return new("SHIPINATOR_RUN_ID", spec.RunId.ToString());
        yield return new("SHIPINATOR_JOB_ID", job.Id.ToString());
        yield return new("SHIPINATOR_STEP_ID", step.Id.ToString());
        yield return new("SHIPINATOR_EXECUTION_ID", execution.ToString());
        yield return new("SHIPINATOR_ATTEMPT", (step.Executions.IndexOf(execution) + 1).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>A text of a forge as the value of a variable.</summary>
    private static string Shown(string? text) => text?.Replace('\0', '\ufffd') ?? "";
}
