namespace Shipinator.Pipelines;

/// <summary>The shape of <c>.shipinator.yaml</c>, version 1: the only place where its keys are declared.</summary>
internal static class PipelineShapes
{
    private static readonly ListShape Globs = new(new TextShape(Formats.GlobPattern), OrOne: true);
    private static readonly ListShape Texts = new(new TextShape(Formats.NotBlank, Templates: true), OrOne: true);
    private static readonly TextShape Duration = new(Formats.Duration);
    private static readonly NamedShape Env = new(
        Formats.EnvName,
        new TextShape(Formats.Any, Templates: true, IsRaw: true),
        PipelineLimits.EnvEntries
    );
    private static readonly ListShape Secrets = new(new TextShape(Formats.EnvName));
    private static readonly ListShape Command = new(new TextShape(Formats.Any, Templates: true, IsRaw: true));

    private static readonly Key Image = new("image", new TextShape(Formats.Image, Templates: true), "The container image of the steps.");
    private static readonly Key EnvKey = new("env", Env, "Environment variables; inner levels override outer ones.");
    private static readonly Key SecretsKey = new(
        "secrets",
        Secrets,
        "Names of secrets that are passed to the steps as environment variables."
    );
    private static readonly Key Shell = new(
        "shell",
        new EitherShape(new TextShape(Formats.OneOf([.. ShellModel.Words])), new ListShape(new TextShape(Formats.NotBlank))),
        "What runs scripts: sh (with -e), bash (with -euo pipefail), another known shell, or a program with arguments, to which the "
            + "script's path is appended. Default: sh."
    );
    private static readonly Key JobTimeout = new("timeout", Duration, "Maximum duration of a job. Default: 60m.");

    private static readonly EitherShape Retry = new(
        new NumberShape(1, 10),
        new MapShape(
            "a retry",
            [
                new("max", new NumberShape(1, 10), "Maximum number of retries.", Required: true),
                new(
                    "on",
                    new ListShape(
                        new EitherShape(
                            new TextShape(Formats.OneOf("infrastructure", "failure", "timeout")),
                            new MapShape(
                                "a retry condition",
                                [
                                    new(
                                        "exit_code",
                                        new ListShape(new NumberShape(1, 255), OrOne: true),
                                        "Exit codes of the command that are retried.",
                                        Required: true
                                    ),
                                ]
                            )
                        ),
                        OrOne: true
                    ),
                    "What is retried. Default: infrastructure, failure and timeout."
                ),
                new("backoff", Duration, "Delay before the first retry, doubled for each further one. Default: 1s."),
            ]
        )
    );

    private static readonly IReadOnlyList<Key> Conditions =
    [
        new("branch", Globs, "The branch; for a pull request, its target branch."),
        new("tag", Globs, "The tag."),
        new(
            "event",
            new ListShape(new TextShape(Formats.Trigger([.. PipelineModel.KnownTriggers])), OrOne: true),
            "The event that started the run."
        ),
        new("path", Globs, "A changed file; true when the changed files are unknown."),
    ];

    private static readonly Key JobWhen = new(
        "when",
        When([
            .. Conditions,
            new(
                "status",
                new ListShape(new TextShape(Formats.Status), OrOne: true),
                "The outcome of the run so far. A job with failure or always runs after the other jobs of its stage. Default: success."
            ),
        ]),
        "When the job runs: keys are combined with AND, lists with OR."
    );

    private static readonly ListShape OutputPaths = new(new TextShape(Formats.OutputPath, Templates: true), OrOne: true);

    private static readonly NamedShape MatrixMap = new(Formats.Word, new TextShape(Formats.MatrixValue), Most: 20, Least: 1);
    private static readonly EitherShape MatrixValue = new(new TextShape(Formats.MatrixValue), MatrixMap);
    private static readonly ListShape MatrixEntries = new(new NamedShape(Formats.Word, MatrixValue, Most: 20, Least: 1));

    private static readonly NamedShape Matrix = new(
        Formats.Word,
        new ListShape(MatrixValue),
        Most: 12,
        Least: 1,
        Known:
        [
            new("include", MatrixEntries, "Additional values for matching combinations, or additional combinations."),
            new("exclude", MatrixEntries, "Combinations to remove: those that have all values of an entry."),
        ]
    );

    private static readonly IReadOnlyList<Key> OutputKeys =
    [
        new("type", new TextShape(Formats.ArtifactType), "The artifact's type.", Required: true),
        new("path", OutputPaths, "One or more paths or globs, relative to the workspace."),
        new("paths", OutputPaths, "Same as path."),
        new(
            "ref",
            new TextShape(Formats.NotBlank, Templates: true),
            "A reference to an image or chart that was pushed elsewhere; recorded, not uploaded."
        ),
        new(
            "when",
            new TextShape(Formats.OutputWhen),
            "The results of the step after which the output is kept. Default: always for test-report and coverage, otherwise success."
        ),
        new("optional", new FlagShape(), "If true, the step does not fail when the output is missing. Default: false."),
    ];

    private static readonly ListShape Outputs = new(new MapShape("an output", OutputKeys));

    private static readonly MapShape Step = new(
        "a step",
        [
            new("name", new TextShape(Formats.Name), "The name of the step, unique in its job.", Required: true),
            new(
                "run",
                new TextShape(Formats.NotBlank, Templates: true, IsRaw: true),
                "A script, run by the step's shell (default: sh -e) or by the program of its '#!' line."
            ),
            new("command", Command, "A program and its arguments, run without a shell."),
            Image,
            Shell,
            EnvKey,
            SecretsKey,
            new("timeout", Duration, "Maximum duration of the step. Default: the job's timeout."),
            new("retry", Retry, "When the step is retried, and how often."),
            new(
                "parallel",
                new EitherShape(new FlagShape(), new TextShape(Formats.Word)),
                "Adjacent steps with true, or with the same word, run in parallel."
            ),
            new(
                "when",
                When([
                    .. Conditions,
                    new(
                        "status",
                        new ListShape(new TextShape(Formats.Status), OrOne: true),
                        "The outcome of the job so far. Default: success."
                    ),
                ]),
                "When the step runs: keys are combined with AND, lists with OR."
            ),
            new("allow_failure", new FlagShape(), "If true, a failure of this step does not fail the job. Default: false."),
            new("outputs", Outputs, "The artifacts that the step produces."),
            new("artifacts", Outputs, "Same as outputs."),
            new(
                "inputs",
                new ListShape(
                    new MapShape(
                        "an input",
                        [
                            new("type", new TextShape(Formats.ArtifactType), "Selects artifacts of this type."),
                            new("step", new TextShape(Formats.Name), "Selects artifacts of the step with this name, in an earlier stage."),
                            new(
                                "job",
                                new TextShape(Formats.Name),
                                "Selects artifacts of the job with this name, in an earlier stage; for a job with a matrix, of all its "
                                    + "combinations."
                            ),
                            new(
                                "matrix",
                                new NamedShape(Formats.MatrixName, new TextShape(Formats.MatrixValue, Templates: true), Most: 20, Least: 1),
                                "Selects artifacts of the jobs whose matrix has these values."
                            ),
                            new(
                                "id",
                                new TextShape(Formats.Uuid, Templates: true),
                                "Selects one artifact by its id, from this or an earlier run."
                            ),
                            new(
                                "path",
                                new TextShape(Formats.RelativePath, Templates: true),
                                "The folder where they are placed. Default: the workspace."
                            ),
                        ]
                    )
                ),
                "Artifacts of earlier jobs that are placed in the workspace."
            ),
            new(
                "cache",
                new MapShape(
                    "a cache",
                    [
                        new("key", Texts, "Files whose content identifies the cache.", Required: true),
                        new(
                            "paths",
                            new ListShape(new TextShape(Formats.RelativePath, Templates: true), OrOne: true),
                            "Folders and files that are kept between runs.",
                            Required: true
                        ),
                        new(
                            "restore_keys",
                            new ListShape(new TextShape(Formats.NotBlank, Templates: true), OrOne: true),
                            "What is restored when there is no cache for the whole key: the most recently saved or used cache that "
                                + "matches up to this entry of key, or any cache."
                        ),
                    ]
                ),
                "Folders and files that are kept between runs."
            ),
            new(
                "resources",
                new MapShape(
                    "resources",
                    [
                        new("cpu", new TextShape(Formats.Cpu), "CPU, such as 500m or 2."),
                        new("memory", new TextShape(Formats.Memory), "Memory, such as 512Mi or 1Gi."),
                    ]
                ),
                "Resource limits of the step."
            ),
            new(
                "workdir",
                new TextShape(Formats.RelativePath, Templates: true),
                "The folder in which the step runs, relative to the workspace. Default: the workspace."
            ),
        ]
    );

    private static readonly Key Steps = new(
        "steps",
        new ListShape(Step, Most: PipelineLimits.StepsOfJob),
        "The steps, run in order in one workspace."
    );

    private static readonly MapShape Service = new(
        "a service",
        [
            new("image", new TextShape(Formats.Image, Templates: true), "The container image.", Required: true),
            EnvKey,
            new("command", Command, "Arguments that replace the image's own."),
            new(
                "ready",
                new MapShape(
                    "readiness",
                    [
                        new(
                            "tcp",
                            new NumberShape(1, 65535),
                            "The port that accepts connections when the service is ready.",
                            Required: true
                        ),
                        new("timeout", Duration, "How long that may take. Default: 60s."),
                    ]
                ),
                "When the service counts as ready; the steps wait for it."
            ),
        ]
    );

    private static readonly IReadOnlyList<Key> JobKeys =
    [
        Steps,
        Image,
        Shell,
        EnvKey,
        SecretsKey,
        JobTimeout,
        JobWhen,
        new("matrix", Matrix, "Runs the job once for each combination, at most 64."),
        new("services", new NamedShape(Formats.Dns, Service, Most: 20), "Containers that run beside the steps until they end."),
    ];

    /// <summary>The keys of jobs with a checkout; deploy jobs have none.</summary>
    private static readonly IReadOnlyList<Key> SourceKeys = [.. JobKeys, CloneReader.Key];

    private static readonly IReadOnlyList<Key> DeployKeys =
    [
        .. JobKeys,
        new(
            "artifact",
            new EitherShape(
                new TextShape(Formats.DeployedType),
                new MapShape(
                    "an artifact",
                    [
                        new(
                            "type",
                            new TextShape(Formats.DeployedType),
                            "How it is installed: chart by helm, file by kubectl apply, image by kubectl set image.",
                            Required: true
                        ),
                        new("step", new TextShape(Formats.Name), "The step that produces it."),
                        new("id", new TextShape(Formats.Uuid, Templates: true), "One artifact by its id, possibly from an earlier run."),
                    ]
                )
            ),
            "The artifact to install, instead of steps."
        ),
        new(
            "target",
            new TextShape(Formats.Target, Templates: true),
            "Where to install: 'local' is the cluster that the step runs in, anything else a context of the deploy image. Default: local."
        ),
        new("namespace", new TextShape(Formats.Namespace, Templates: true), "The namespace in the target. Default: default."),
        new(
            "release",
            new TextShape(Formats.Namespace, Templates: true),
            "The name of the release or deployment. Default: the repository's name."
        ),
        new("retry", Retry, "When the planned step is retried. Default: never."),
    ];

    /// <summary>The whole file.</summary>
    public static MapShape File { get; } =
        new(
            "a pipeline file",
            [
                new("version", new TextShape(Formats.Version), "The version of the file format."),
                new(
                    "on",
                    new EitherShape(
                        new ListShape(
                            new TextShape(Formats.Trigger([.. PipelineModel.KnownTriggers.Where(t => t != "schedule")])),
                            OrOne: true
                        ),
                        new MapShape(
                            "triggers",
                            [
                                new(
                                    "push",
                                    new MapShape(
                                        "a push filter",
                                        [
                                            new("branches", Globs, "The branches whose pushes start a run."),
                                            new("tags", Globs, "The tags that start a run; without this key no tag does."),
                                            new("paths", Globs, "At least one changed file must match."),
                                            new("paths_ignore", Globs, "Changed files to ignore."),
                                        ],
                                        OrNothing: true
                                    ),
                                    "Runs for pushes of branches and tags."
                                ),
                                new(
                                    "pr",
                                    new MapShape(
                                        "a pull request filter",
                                        [
                                            new("branches", Globs, "The target branches whose pull requests start a run."),
                                            new("paths", Globs, "At least one changed file must match."),
                                            new("paths_ignore", Globs, "Changed files to ignore."),
                                        ],
                                        OrNothing: true
                                    ),
                                    "Runs for pull requests."
                                ),
                                new(
                                    "manual",
                                    new MapShape(
                                        "a manual trigger",
                                        [
                                            new(
                                                "inputs",
                                                new NamedShape(
                                                    Formats.Word,
                                                    new MapShape(
                                                        "an input",
                                                        [
                                                            new("description", new TextShape(Formats.Any), "Shown beside the input."),
                                                            new(
                                                                "default",
                                                                new TextShape(Formats.Any),
                                                                "The value when none is given; without a default the input is required."
                                                            ),
                                                            new(
                                                                "options",
                                                                new ListShape(new TextShape(Formats.Any)),
                                                                "The allowed values."
                                                            ),
                                                        ],
                                                        OrNothing: true
                                                    )
                                                ),
                                                "Inputs of a manual run."
                                            ),
                                        ],
                                        OrNothing: true
                                    ),
                                    "Runs started by a user or an API client."
                                ),
                                new(
                                    "schedule",
                                    new ListShape(
                                        new MapShape(
                                            "a schedule",
                                            [
                                                new(
                                                    "cron",
                                                    new TextShape(Formats.Cron),
                                                    "A cron expression with five fields: minute, hour, day, month, weekday. H is a value "
                                                        + "that is fixed per repository.",
                                                    Required: true
                                                ),
                                                new(
                                                    "branch",
                                                    new TextShape(Formats.Branch),
                                                    "The branch. Default: the repository's default branch."
                                                ),
                                                new(
                                                    "timezone",
                                                    new TextShape(Formats.TimeZone),
                                                    "The IANA time zone of cron. Default: UTC."
                                                ),
                                                new(
                                                    "inputs",
                                                    new NamedShape(Formats.Word, new TextShape(Formats.Any), PipelineLimits.ListItems),
                                                    "Values of the inputs that on.manual.inputs declares. Default: their defaults."
                                                ),
                                                new(
                                                    "name",
                                                    new TextShape(Formats.Name),
                                                    "A name that remains when the other keys change, unique in the file."
                                                ),
                                            ]
                                        )
                                    ),
                                    "Runs started by a schedule."
                                ),
                            ]
                        )
                    ),
                    "What starts a run. Default: pushes to any branch, pull requests, and manual runs."
                ),
                new(
                    "concurrency",
                    new EitherShape(
                        new TextShape(Formats.NotBlank, Templates: true),
                        new MapShape(
                            "concurrency",
                            [
                                new(
                                    "group",
                                    new TextShape(Formats.NotBlank, Templates: true),
                                    "Runs of the same group run one after another. Default: the event and the ref."
                                ),
                                new(
                                    "cancel_previous",
                                    new FlagShape(),
                                    "If true, a newer run cancels older ones of its group. Default: true for pull requests, otherwise "
                                        + "false."
                                ),
                            ]
                        )
                    ),
                    "Which runs must not run at the same time."
                ),
                Image,
                Shell,
                EnvKey,
                SecretsKey,
                JobTimeout,
                CloneReader.Key,
                new("build", Stage("build", SourceKeys), "The first stage."),
                new("test", Stage("test", SourceKeys), "Runs when every build job has succeeded."),
                new("deploy", Stage("deploy", DeployKeys), "Runs when every test job has succeeded."),
            ],
            Free: true
        );

    private static MapShape Stage(string name, IReadOnlyList<Key> job) =>
        new(
            $"the {name} stage",
            [
                .. job,
                new(
                    "jobs",
                    new NamedShape(Formats.Name, new MapShape("a job", job), Least: 1),
                    "Several jobs that run in parallel, instead of steps."
                ),
            ]
        );

    private static EitherShape When(IReadOnlyList<Key> keys)
    {
        var clause = new MapShape("a condition", keys);
        return new EitherShape(clause, new ListShape(clause));
    }
}
