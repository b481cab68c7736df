namespace Shipinator.Pipelines;

/// <summary>Reads one stage: its jobs, with the values that they inherit.</summary>
internal sealed class JobReader(
    ErrorList errors,
    TemplateScope scope,
    JobType type,
    string stageWord,
    Located? fileImage,
    ClonePlan? fileClone = null
)
{
    private static readonly string[] OfOneJob = ["steps", "matrix", "services", "artifact", "target", "namespace", "release"];

    private static readonly string[] OfPlannedDeploy = ["release", "retry"];

    /// <summary>The stages in their order, with their keys in the file.</summary>
    public static IReadOnlyList<(JobType Type, string Word)> Stages { get; } =
    [(JobType.Build, "build"), (JobType.Test, "test"), (JobType.Deploy, "deploy")];

    /// <summary>Applies a level's <c>image</c>, <c>env</c> and <c>secrets</c> on top of those of the enclosing level.</summary>
    public static StepDefaults Over(StepDefaults outer, YamlMapping map, TemplateScope scope, string path, ErrorList errors)
    {
        var env = scope.ReadEnv(map, path);
        var secrets = map.Texts("secrets") ?? [];
        foreach (var (name, value) in env.Entries.Where(e => secrets.Count > 0 && secrets.Contains(e.Name, StringComparer.Ordinal)))
        {
            errors.Add(
                "duplicate_name",
                $"{value.Path}: '{Phrases.Shorten(name)}' is also listed in 'secrets'; remove it from one of the two.",
                value
            );
        }

        foreach (var twice in secrets.GroupBy(s => s, StringComparer.Ordinal).Where(g => g.Count() > 1))
        {
            var at = map.Find("secrets")!;
            errors.Add(
                "duplicate_name",
                $"{path}.secrets: '{Phrases.Shorten(twice.Key)}' is listed twice; remove one.".TrimStart('.'),
                at.Line,
                at.Column,
                $"{path}.secrets".TrimStart('.')
            );
        }

        return new StepDefaults(
            scope.Read(map, "image", path) ?? outer.Image,
            env.Entries.Count == 0 ? outer.Env : outer.Env.Add(env),
            secrets.Count == 0 ? outer.Secrets : [.. outer.Secrets.Union(secrets, StringComparer.Ordinal)]
        )
        {
            Shell = ShellModel.Read(map) ?? outer.Shell,
        };
    }

    public IEnumerable<JobModel> ReadStage(YamlMapping stage, StepDefaults outer, TimeSpan timeout)
    {
        if (stage.Find("jobs") is not { } jobs)
        {
            return [ReadJob(stage, stageWord, stageWord, outer, timeout, [], fileClone)];
        }

        foreach (var key in OfOneJob.Where(stage.Has))
        {
            errors.Add(
                "conflict",
                $"{stageWord}.{key}: a stage with 'jobs' can't have its own '{key}'; move it into a job.",
                stage.Line,
                stage.Column,
                $"{stageWord}.{key}"
            );
        }

        var defaults = Over(outer, stage, scope, stageWord, errors);
        var when = StepReader.ReadWhen(stage);
        return
        [
            .. (jobs as YamlMapping)
                ?.Entries.Take(PipelineLimits.ListItems)
                .Where(e => e.Value is YamlMapping)
                .Select(e =>
                    ReadJob(
                        (YamlMapping)e.Value,
                        e.Key.Value,
                        $"{stageWord}.jobs.{Phrases.Shorten(e.Key.Value)}",
                        defaults,
                        stage.Duration("timeout") ?? timeout,
                        when,
                        CloneReader.Over(fileClone, stage)
                    )
                )
                ?? [],
        ];
    }

    private JobModel ReadJob(
        YamlMapping map,
        string name,
        string path,
        StepDefaults outer,
        TimeSpan outerTimeout,
        IReadOnlyList<WhenClause> stageWhen,
        ClonePlan? outerClone
    )
    {
        var at = new Located(name, map.Line, map.Column, path);
        var (names, combinations) = new MatrixReader(errors, path).Read(map.Map("matrix"));
        var inner = scope.WithMatrix(names);
        var defaults = Over(outer, map, inner, path, errors);
        var timeout = map.Duration("timeout") ?? outerTimeout;
        var deploy = ReadDeploy(map, inner, path);
        var steps = map.Find("steps") is YamlSequence list
            ? new StepReader(errors, inner, $"{path}.steps").ReadAll(list, defaults, timeout)
            : [];
        inner.EarlierSteps = [];
        CheckBody(map, at, deploy);
        var ownWhen = StepReader.ReadWhen(map);
        return new JobModel
        {
            Name = name,
            Type = type,
            At = at,
            Combinations = combinations,
            When = [stageWhen, ownWhen],
            Services = ReadServices(map, inner, path),
            Timeout = timeout,
            Steps = steps,
            // A planned deploy runs in the deploy image: the file's image is for explicit steps.
            Defaults = ReferenceEquals(defaults.Image, fileImage) ? defaults with { Image = null } : defaults,
            CloneOptions = CloneReader.Over(outerClone, map),
            Target = inner.Read(map, "target", path),
            Namespace = inner.Read(map, "namespace", path),
            Deploy = deploy,
        };
    }

    private void CheckBody(YamlMapping map, Located at, DeployModel? deploy)
    {
        if (map.Has("steps") && map.Has("artifact"))
        {
            errors.Add(
                "conflict",
                $"{at.Path}: 'steps' and 'artifact' can't be combined; use 'steps' with 'inputs', or 'artifact' alone to have it "
                    + $"installed.",
                at
            );
        }
        else if (!map.Has("steps") && !map.Has("artifact"))
        {
            errors.Add(
                "missing_key",
                type == JobType.Deploy
                    ? $"{at.Path}: 'artifact' or 'steps' is required."
                    : $"{at.Path}: 'steps' (or 'jobs') is required; expected a list of steps.",
                at
            );
        }

        if (deploy is null && type == JobType.Deploy)
        {
            foreach (var key in OfPlannedDeploy.Where(map.Has))
            {
                errors.Add(
                    "conflict",
                    $"{at.Path}.{key}: '{key}' requires 'artifact'; in a deploy with 'steps', put it into the steps.",
                    at
                );
            }
        }
    }

    private static DeployModel? ReadDeploy(YamlMapping map, TemplateScope inner, string path)
    {
        var release = inner.Read(map, "release", path);
        var retry = StepReader.ReadRetry(map);
        return map.Find("artifact") switch
        {
            YamlScalar type => new DeployModel(ArtifactTypes.Canonical(type.Value), null, null, release, retry, At(type)),
            YamlMapping artifact => new DeployModel(
                ArtifactTypes.Canonical(artifact.Text("type") ?? ""),
                artifact.Text("step"),
                inner.Read(artifact, "id", $"{path}.artifact"),
                release,
                retry,
                At(artifact)
            ),
            _ => null,
        };

        Located At(YamlNode node) => new("", node.Line, node.Column, $"{path}.artifact");
    }

    private static List<ServiceModel> ReadServices(YamlMapping map, TemplateScope inner, string path) =>
        [
            .. map.Entries("services")
                .Where(e => e.Value is YamlMapping)
                .Select(e =>
                {
                    var service = (YamlMapping)e.Value;
                    var place = $"{path}.services.{Phrases.Shorten(e.Key.Value)}";
                    var ready = service.Map("ready");
                    return new ServiceModel(
                        e.Key.Value,
                        inner.Read(service, "image", place) ?? new Located("", service.Line, service.Column, place),
                        inner.ReadEnv(service, place, Runtime.None),
                        inner.ReadList(service, "command", place),
                        ready?.Number("tcp"),
                        ready?.Duration("timeout")
                    )
                    {
                        At = new("", service.Line, service.Column, place),
                    };
                }),
        ];
}
