namespace Shipinator.Pipelines;

/// <summary>
/// Builds the model of a whole file and reports what a shape can't express: duplicate names, keys that can't be combined, unknown
/// references.
/// </summary>
internal sealed class FileReader(ErrorList errors, string fileName, string text)
{
    private static readonly TimeSpan DefaultJobTimeout = TimeSpan.FromMinutes(60);

    public PipelineModel Read(YamlMapping file)
    {
        var on = ReadTriggers(file);
        var inputs = ReadInputs(file);
        var scope = new TemplateScope(errors, new TemplateNames(errors, [.. inputs.Select(i => i.Name)], []));
        var jobs = ReadStages(file, scope);
        if (jobs.Count == 0 && !JobReader.Stages.Any(s => file.Has(s.Word)))
        {
            errors.Add(
                "no_stage",
                "The file has no stage; expected at least one of 'build', 'test', 'deploy'.",
                file.Line,
                file.Column,
                ""
            );
        }

        return new PipelineModel(text, on.Push, on.Pr, ReadConcurrency(file, scope), jobs)
        {
            FileName = fileName,
            TriggerTypes = on.Types,
            Inputs = inputs,
            Schedules = new ScheduleReader(errors, inputs).Read(file),
        };
    }

    private List<JobModel> ReadStages(YamlMapping file, TemplateScope scope)
    {
        var defaults = JobReader.Over(StepDefaults.None, file, scope, "", errors);
        var timeout = file.Duration("timeout") ?? DefaultJobTimeout;
        var jobs = new List<JobModel>();
        foreach (var (type, word) in JobReader.Stages)
        {
            if (file.Find(word) is YamlMapping stage)
            {
                jobs.AddRange(
                    new JobReader(errors, scope, type, word, defaults.Image, CloneReader.Over(null, file)).ReadStage(
                        stage,
                        defaults,
                        timeout
                    )
                );
            }
        }

        foreach (var same in jobs.GroupBy(j => j.Name, StringComparer.Ordinal).Where(g => g.Count() > 1))
        {
            foreach (var again in same.Skip(1))
            {
                errors.Add(
                    "duplicate_name",
                    $"{again.At.Path}: the job name '{Phrases.Shorten(same.Key)}' is already used in line {same.First().At.Line}; "
                        + "job names must be unique in the file.",
                    again.At
                );
            }
        }

        if (jobs.Sum(j => (long)j.Steps.Count) > 1000)
        {
            errors.Add("too_many_steps", "The file has more than 1000 steps; move work into scripts or split the pipeline.", 0, 0, "");
        }

        CheckStepReferences(jobs);
        return jobs;
    }

    private void CheckStepReferences(List<JobModel> jobs)
    {
        var known = new Dictionary<(JobType, bool), (HashSet<string> Jobs, HashSet<string> Steps)>();
        foreach (var job in jobs)
        {
            errors.ThrowIfCanceled();
            if (!known.TryGetValue((job.Type, job.IsClosing), out var ended))
            {
                var jobsBefore = jobs.Where(j => IsBefore(j, job)).ToList();
                ended = (
                    jobsBefore.Select(j => j.Name).ToHashSet(StringComparer.Ordinal),
                    jobsBefore.SelectMany(j => j.Steps).Select(s => s.Name).ToHashSet(StringComparer.Ordinal)
                );
                known[(job.Type, job.IsClosing)] = ended;
            }

            var (before, earlier) = ended;
            foreach (var step in job.Steps)
            {
                foreach (var input in step.Inputs.Where(i => i is { Step: not null, Id: null }))
                {
                    CheckStep(input.Step!, earlier, step.At);
                }

                foreach (var input in step.Inputs.Where(i => i is { Job: not null, Id: null } && !before.Contains(i.Job)))
                {
                    errors.Add(
                        "unknown_job",
                        $"{input.At.Path}.job: '{Phrases.Shorten(input.Job!)}' is not a job that ends before this one."
                            + errors.DidYouMean(input.Job!, before)
                            + (before.Count == 0 ? " There is no earlier job." : $" Earlier jobs: {Phrases.List(before.Take(20))}."),
                        input.At
                    );
                }
            }

            if (job.Deploy is { Step: { } wanted, Id: null } deploy)
            {
                CheckStep(wanted, earlier, deploy.At);
            }
        }
    }

    /// <summary>
    /// Whether a job has always ended when another starts: it is of an earlier stage, or of the same stage when the other runs after the
    /// rest.
    /// </summary>
    internal static bool IsBefore(JobModel job, JobModel other) =>
        job.Type < other.Type || (job.Type == other.Type && other.IsClosing && !job.IsClosing);

    private void CheckStep(string wanted, HashSet<string> earlier, Located at)
    {
        if (!earlier.Contains(wanted) && !errors.IsFull)
        {
            errors.Add(
                "unknown_step",
                $"{at.Path}: '{Phrases.Shorten(wanted)}' is not a step of an earlier stage.{errors.DidYouMean(wanted, earlier)}"
                    + (earlier.Count == 0 ? " There is no earlier stage." : $" Earlier steps: {Phrases.List(earlier.Take(20))}."),
                at
            );
        }
    }

    private (IReadOnlyList<string> Types, RefFilter Push, RefFilter Pr) ReadTriggers(YamlMapping file)
    {
        if (!file.Has("on"))
        {
            return (["push", "pr", "manual"], RefFilter.Open, RefFilter.Open);
        }

        var named = file.Find("on") is YamlMapping map ? map.Entries.Select(e => e.Key.Value).ToList() : [.. file.Texts("on") ?? []];
        var types = PipelineModel.KnownTriggers.Where(named.Contains).ToList();
        if (types.Count == 0 && file.Find("on") is YamlMapping { Entries.Count: 0 } empty)
        {
            errors.Add(
                "bad_length",
                "on: the map is empty, so no event would start a run; remove 'on' to use the defaults.",
                empty.Line,
                empty.Column,
                "on"
            );
        }

        return (types, Filter(file.Map("on")?.Map("push")), Filter(file.Map("on")?.Map("pr")));
    }

    private static RefFilter Filter(YamlMapping? map) =>
        map is null
            ? RefFilter.Open
            : new RefFilter(map.Globs("branches"), map.Globs("tags"), map.Globs("paths"), map.Globs("paths_ignore"));

    private List<ManualInput> ReadInputs(YamlMapping file)
    {
        var inputs = new List<ManualInput>();
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in file.Map("on")?.Map("manual")?.Entries("inputs") ?? [])
        {
            var path = $"on.manual.inputs.{Phrases.Shorten(key.Value)}";
            if (!seen.Add(key.Value.Replace('-', '_')))
            {
                errors.Add(
                    "duplicate_name",
                    $"{path}: another input has a name that differs only in case, '-' or '_'; rename one of them.",
                    key.Line,
                    key.Column,
                    path
                );
            }

            var map = value as YamlMapping;
            var options = map?.Texts("options") ?? [];
            var given = map?.Text("default");
            if (given is not null && options.Count > 0 && !options.Contains(given, StringComparer.Ordinal))
            {
                errors.Add(
                    "bad_value",
                    $"{path}.default: '{Phrases.Shorten(given)}' is not a valid option; expected one of {Phrases.Some(options)}.",
                    value.Line,
                    value.Column,
                    path
                );
            }

            inputs.Add(new ManualInput(key.Value, map?.Text("description") ?? "", given, options));
        }

        return inputs;
    }

    private static ConcurrencyModel? ReadConcurrency(YamlMapping file, TemplateScope scope) =>
        file.Find("concurrency") switch
        {
            YamlMapping map => new ConcurrencyModel(scope.Read(map, "group", "concurrency"), map.Flag("cancel_previous")),
            YamlScalar group => new ConcurrencyModel(scope.Read(group, "concurrency"), null),
            _ => null,
        };
}
