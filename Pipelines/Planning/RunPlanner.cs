using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Shipinator.Globbing;

namespace Shipinator.Pipelines;

/// <summary>
/// Creates the plan of a run. Pure: the same model, facts and settings give the same plan. Whether the event starts a run at all is decided
/// by <see cref="PipelineModel.Matches"/>.
/// </summary>
public static partial class RunPlanner
{
    /// <summary>Plans a run. Errors: <see cref="OperationCanceledException"/>.</summary>
    public static PlanResult Plan(
        PipelineModel model,
        TriggerFacts facts,
        PlanSettings settings,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(settings);
        var errors = new ErrorList(model.FileName, model.Text, cancellationToken);
        facts = FactChecker.Check(facts, errors);
        if (errors.Count > 0)
        {
            return new PlanResult(null, errors.ToList());
        }

        var inputs = FillInputs(model, facts, errors);
        var trigger = HasInputs(facts) ? facts with { Inputs = inputs } : facts;
        var resolver = new Resolver(errors, TemplateValues.Of(trigger, settings, inputs), settings.MaxCharacters);
        try
        {
            var plan = new RunPlan
            {
                Trigger = trigger,
                Jobs = PlanJobs(model, new FactMatcher(trigger), settings, resolver, errors, cancellationToken),
                Concurrency = PlanConcurrency(model.Concurrency, trigger, resolver),
                SkipReason = SkipReason(trigger),
            };
            return errors.Count == 0 ? new PlanResult(plan, []) : new PlanResult(null, errors.ToList());
        }
        catch (GlobTooCostlyException)
        {
            errors.Add(
                "too_many_matches",
                "The globs of 'when' are too expensive to match against this event; use fewer patterns, or patterns with fewer wildcards.",
                0,
                0,
                ""
            );
            return new PlanResult(null, errors.ToList());
        }
        catch (Resolver.TooLargeException)
        {
            errors.Add(
                "plan_too_large",
                $"The plan would exceed {settings.MaxCharacters} characters; move scripts and long values into files of the repository.",
                0,
                0,
                ""
            );
            return new PlanResult(null, errors.ToList());
        }
    }

    private static ImmutableArray<JobPlan> PlanJobs(
        PipelineModel model,
        FactMatcher matcher,
        PlanSettings settings,
        Resolver resolver,
        ErrorList errors,
        CancellationToken cancellationToken
    )
    {
        var when = new WhenEvaluator(matcher);
        var jobs = ImmutableArray.CreateBuilder<JobPlan>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var steps = 0;
        foreach (var job in model.Jobs)
        {
            if (job.Timeout > settings.MaxJobTimeout)
            {
                errors.Add(
                    "limit",
                    $"{job.At.Path}: timeout must be at most {Durations.Write(settings.MaxJobTimeout)} on this server, "
                        + $"but was {Durations.Write(job.Timeout)}.",
                    job.At
                );
            }

            var planner = new JobPlanner(job, when, settings) { Model = model, Errors = errors };
            foreach (var combination in job.Combinations)
            {
                cancellationToken.ThrowIfCancellationRequested();
                steps += Math.Max(1, job.Steps.Count);
                if (jobs.Count == settings.MaxJobs || steps > settings.MaxSteps)
                {
                    errors.Add(
                        "limit",
                        $"{job.At.Path}: the run would exceed {settings.MaxJobs} jobs or {settings.MaxSteps} steps; "
                            + "use fewer matrix combinations or split the pipeline.",
                        job.At
                    );
                    return jobs.ToImmutable();
                }

                var planned = planner.Plan(combination, resolver.WithMatrix(combination.Values));
                if (!names.Add(planned.Name))
                {
                    errors.Add(
                        "duplicate_name",
                        $"{job.At.Path}: two jobs of the run would be named '{Phrases.Shorten(planned.Name)}'; rename one of them.",
                        job.At
                    );
                }

                jobs.Add(planned);
            }
        }

        return jobs.ToImmutable();
    }

    private static ConcurrencyPlan? PlanConcurrency(ConcurrencyModel? model, TriggerFacts facts, Resolver resolver)
    {
        var isPr = facts.Event == "pr";
        if (model is null)
        {
            return isPr ? new ConcurrencyPlan(OfRef(), CancelPrevious: true) : null;
        }

        var group = model.Group is { } written ? resolver.Text(written, Formats.NotBlank) : OfRef();
        return new ConcurrencyPlan(group, model.CancelPrevious ?? isPr);

        string OfRef() => $"{facts.Event}:{facts.Ref}";
    }

    /// <summary>Whether the event can give values to inputs: somebody who starts a run does, and so does a schedule.</summary>
    private static bool HasInputs(TriggerFacts facts) => facts.Event is "manual" or "schedule";

    private static ImmutableSortedDictionary<string, string> FillInputs(PipelineModel model, TriggerFacts facts, ErrorList errors)
    {
        var filled = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        var given = HasInputs(facts) ? facts.Inputs : ImmutableSortedDictionary<string, string>.Empty;
        foreach (var unknown in given.Keys.Where(k => model.Inputs.All(i => i.Name != k)))
        {
            var names = model.Inputs.Select(i => i.Name).ToList();
            errors.Add(
                "unknown_input",
                $"The input '{Phrases.Shorten(unknown)}' is not declared in 'on.manual.inputs'.{errors.DidYouMean(unknown, names)} "
                    + $"Known inputs: {(names.Count == 0 ? "none" : Phrases.Some(names))}.",
                0,
                0,
                "on.manual.inputs"
            );
        }

        foreach (var input in model.Inputs)
        {
            var path = $"on.manual.inputs.{input.Name}";
            if (given.TryGetValue(input.Name, out var value))
            {
                if (input.Options.Count > 0 && !input.Options.Contains(value, StringComparer.Ordinal))
                {
                    errors.Add(
                        "bad_input",
                        $"The input '{input.Name}' must be one of {Phrases.Some(input.Options)}, but was '{Phrases.Shorten(value)}'."
                            + errors.DidYouMean(value, input.Options),
                        0,
                        0,
                        path
                    );
                }

                filled[input.Name] = value;
            }
            else if (input.Default is not null)
            {
                filled[input.Name] = input.Default;
            }
            else if (facts.Event == "manual")
            {
                var expected = input.Options.Count > 0 ? $"one of {Phrases.Some(input.Options)}" : "a value";
                errors.Add("missing_input", $"The input '{input.Name}' is required; expected {expected}.", 0, 0, path);
            }
        }

        return filled.ToImmutable();
    }

    /// <summary>
    /// Why the event asks for no run: the head commit's message of a push, or the title of a pull request, contains a mark such as
    /// <c>[ci skip]</c>. Null: it does not. Tags, manual runs and schedules are never skipped.
    /// </summary>
    public static string? SkipReason(TriggerFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return facts switch
        {
            { Event: "push", Tag: null, Message: { } message } when Mark(message) is { } mark =>
                $"The message of the head commit contains {mark}.",
            { Event: "pr", PrTitle: { } title } when Mark(title) is { } mark => $"The title of the pull request contains {mark}.",
            // Without a title: a preview, or a plan of an older version.
            { Event: "pr", PrTitle: null, Message: { } message } when Mark(message) is { } mark =>
                $"The message of the head commit contains {mark}.",
            _ => null,
        };
    }

    private static string? Mark(string text) => SkipMark().Match(text) is { Success: true } mark ? mark.Value.Trim() : null;

    /// <summary>The marks of GitHub, Gitea, GitLab, Drone, Woodpecker and Buildkite, and GitHub's trailer.</summary>
    [GeneratedRegex(
        @"\[(?:ci[ -]*skip|skip[ -]*ci|no[ -]?ci|skip actions|actions skip)\]|\*\*\*no_ci\*\*\*|^skip-checks:[ ]*true\s*\z",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Multiline
    )]
    private static partial Regex SkipMark();
}
