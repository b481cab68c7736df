namespace Shipinator.Pipelines;

/// <summary>The shape of <c>.shipinator.yaml</c>, version 1: its keys are declared here and nowhere else.</summary>
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
    private static readonly Key EnvKey = new("env", Env, "Environment variables; an inner one wins over an outer one.");
    private static readonly Key SecretsKey = new(
        "secrets",
        Secrets,
        "Names of the secrets that the steps are given as environment variables."
    );
    private static readonly Key Shell = new(
        "shell",
        new EitherShape(new TextShape(Formats.OneOf([.. ShellModel.Words])), new ListShape(new TextShape(Formats.NotBlank))),
        "What runs scripts: sh by default (-e); bash with -euo pipefail; or a program with arguments, which are followed by the script's path."
    );
    private static readonly Key JobTimeout = new("timeout", Duration, "From a job's start to its end; 60m by default.");

    private static readonly EitherShape Retry = new(
        new NumberShape(1, 10),
        new MapShape(
            "a retry",
            [
                new("max", new NumberShape(1, 10), "Attempts beyond the first.", Required: true),
                new(
                    "on",
                    new ListShape(
                        new EitherShape(
                            new TextShape(Formats.OneOf("infrastructure", "failure", "timeout")),
                            new MapShape(
                                "a cause",
                                [
                                    new(
                                        "exit_code",
                                        new ListShape(new NumberShape(1, 255), OrOne: true),
                                        "Exit codes of the command.",
                                        Required: true
                                    ),
                                ]
                            )
                        ),
                        OrOne: true
                    ),
                    "The causes for another attempt; infrastructure, failure and timeout by default."
                ),
                new("backoff", Duration, "The wait before the second attempt, doubled each time; 1s by default."),
            ]
        )
    );

    private static readonly IReadOnlyList<Key> Conditions =
    [
        new("branch", Globs, "The branch; of a pull request, its target."),
        new("tag", Globs, "The tag."),
        new(
            "event",
            new ListShape(new TextShape(Formats.Trigger([.. PipelineModel.KnownTriggers])), OrOne: true),
            "What asked for the run."
        ),
        new("path", Globs, "A changed file; holds when the changed files are not known."),
    ];

    private static readonly Key JobWhen = new(
        "when",
        When([
            .. Conditions,
            new(
                "status",
                new ListShape(new TextShape(Formats.Status), OrOne: true),
                "The outcome of the run so far; with failure the job runs after the others of its stage."
            ),
        ]),
        "Whether the job takes part: keys are AND, lists are OR."
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
            new("include", MatrixEntries, "Further values for combinations that fit, or further combinations."),
            new("exclude", MatrixEntries, "Combinations that are left out: those that have all values of one entry."),
        ]
    );

    private static readonly IReadOnlyList<Key> OutputKeys =
    [
        new("type", new TextShape(Formats.ArtifactType), "The artifact's type.", Required: true),
        new("path", OutputPaths, "A path or glob below the workspace, or several."),
        new("paths", OutputPaths, "The same as path."),
        new(
            "ref",
            new TextShape(Formats.NotBlank, Templates: true),
            "A name of something pushed elsewhere, such as an image; recorded, not uploaded."
        ),
        new(
            "when",
            new TextShape(Formats.OutputWhen),
            "After which results of the step it is kept; of a test-report and coverage always, of everything else success, by default."
        ),
        new("optional", new FlagShape(), "A step that succeeds without it does not fail."),
    ];

    private static readonly ListShape Outputs = new(new MapShape("an output", OutputKeys));

    private static readonly MapShape Step = new(
        "a step",
        [
            new("name", new TextShape(Formats.Name), "Unique in its job.", Required: true),
            new(
                "run",
                new TextShape(Formats.NotBlank, Templates: true, IsRaw: true),
                "A script for the step's shell (sh -e by default), or for the program of its '#!' line."
            ),
            new("command", Command, "A program and its arguments, run without a shell."),
            Image,
            Shell,
            EnvKey,
            SecretsKey,
            new("timeout", Duration, "Of the step; the job's by default."),
            new("retry", Retry, "When another attempt is made."),
            new(
                "parallel",
                new EitherShape(new FlagShape(), new TextShape(Formats.Word)),
                "Neighbours with true, or with the same word, run side by side."
            ),
            new(
                "when",
                When([
                    .. Conditions,
                    new(
                        "status",
                        new ListShape(new TextShape(Formats.Status), OrOne: true),
                        "The outcome of the job so far; success by default."
                    ),
                ]),
                "Whether the step runs: keys are AND, lists are OR."
            ),
            new("allow_failure", new FlagShape(), "A failure of this step does not fail the job."),
            new("outputs", Outputs, "What the step leaves behind."),
            new("artifacts", Outputs, "The same as outputs."),
            new(
                "inputs",
                new ListShape(
                    new MapShape(
                        "an input",
                        [
                            new("type", new TextShape(Formats.ArtifactType), "Artifacts of this type."),
                            new("step", new TextShape(Formats.Name), "Artifacts of the step of this name, of an earlier stage."),
                            new(
                                "job",
                                new TextShape(Formats.Name),
                                "Artifacts of the job of this name, of an earlier stage; with a matrix, of all its jobs."
                            ),
                            new(
                                "matrix",
                                new NamedShape(Formats.MatrixName, new TextShape(Formats.MatrixValue, Templates: true), Most: 20, Least: 1),
                                "Artifacts of those jobs whose matrix has these values."
                            ),
                            new("id", new TextShape(Formats.Uuid, Templates: true), "This very artifact, of this or an earlier run."),
                            new(
                                "path",
                                new TextShape(Formats.RelativePath, Templates: true),
                                "The folder that they are put into; the workspace by default."
                            ),
                        ]
                    )
                ),
                "Artifacts of earlier jobs that are put into the workspace."
            ),
            new(
                "cache",
                new MapShape(
                    "a cache",
                    [
                        new("key", Texts, "Files whose content makes the cache's key.", Required: true),
                        new(
                            "paths",
                            new ListShape(new TextShape(Formats.RelativePath, Templates: true), OrOne: true),
                            "What is kept between runs.",
                            Required: true
                        ),
                        new(
                            "restore_keys",
                            new ListShape(new TextShape(Formats.NotBlank, Templates: true), OrOne: true),
                            "What is restored when nothing was kept for the whole key: the last that was kept or used and agrees up to this entry of key, or any."
                        ),
                    ]
                ),
                "What is kept between runs."
            ),
            new(
                "resources",
                new MapShape(
                    "resources",
                    [
                        new("cpu", new TextShape(Formats.Cpu), "Such as 500m or 2."),
                        new("memory", new TextShape(Formats.Memory), "Such as 512Mi or 1Gi."),
                    ]
                ),
                "What the step may use."
            ),
            new("workdir", new TextShape(Formats.RelativePath, Templates: true), "The folder below the workspace in which the step runs."),
        ]
    );

    private static readonly Key Steps = new(
        "steps",
        new ListShape(Step, Most: PipelineLimits.StepsOfJob),
        "Run in order, in one workspace."
    );

    private static readonly MapShape Service = new(
        "a service",
        [
            new("image", new TextShape(Formats.Image, Templates: true), "The container image.", Required: true),
            EnvKey,
            new("command", Command, "Arguments in place of the image's own."),
            new(
                "ready",
                new MapShape(
                    "readiness",
                    [
                        new("tcp", new NumberShape(1, 65535), "The port that answers when the service is ready.", Required: true),
                        new("timeout", Duration, "How long that may take; 60s by default."),
                    ]
                ),
                "When the service is ready; the steps wait for it."
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
        new("matrix", Matrix, "One job for each combination, at most 64."),
        new("services", new NamedShape(Formats.Dns, Service, Most: 20), "What runs beside the steps until they end."),
    ];

    /// <summary>A deploy has no source.</summary>
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
                        new("step", new TextShape(Formats.Name), "The step that leaves it."),
                        new("id", new TextShape(Formats.Uuid, Templates: true), "This very artifact, possibly of an earlier run."),
                    ]
                )
            ),
            "What is installed, in place of steps."
        ),
        new(
            "target",
            new TextShape(Formats.Target, Templates: true),
            "Where to: 'local' is the platform's own cluster, any other a context of the deploy image."
        ),
        new("namespace", new TextShape(Formats.Namespace, Templates: true), "The target's namespace."),
        new(
            "release",
            new TextShape(Formats.Namespace, Templates: true),
            "The release's or deployment's name; the repository's by default."
        ),
        new("retry", Retry, "When the planned step is tried again; never by default."),
    ];

    /// <summary>The whole file.</summary>
    public static MapShape File { get; } =
        new(
            "a pipeline file",
            [
                new("version", new TextShape(Formats.Version), "The version of the format."),
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
                                            new("branches", Globs, "Branches."),
                                            new("tags", Globs, "Tags; without this key no tag starts a run."),
                                            new("paths", Globs, "At least one changed file is among these."),
                                            new("paths_ignore", Globs, "Changed files that do not count."),
                                        ],
                                        OrNothing: true
                                    ),
                                    "Pushes of branches and tags."
                                ),
                                new(
                                    "pr",
                                    new MapShape(
                                        "a pull request filter",
                                        [
                                            new("branches", Globs, "The target branch."),
                                            new("paths", Globs, "At least one changed file is among these."),
                                            new("paths_ignore", Globs, "Changed files that do not count."),
                                        ],
                                        OrNothing: true
                                    ),
                                    "Pull requests."
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
                                                            new("description", new TextShape(Formats.Any), "For people."),
                                                            new(
                                                                "default",
                                                                new TextShape(Formats.Any),
                                                                "The value when none is given; without it one must be given."
                                                            ),
                                                            new(
                                                                "options",
                                                                new ListShape(new TextShape(Formats.Any)),
                                                                "The values that may be given."
                                                            ),
                                                        ],
                                                        OrNothing: true
                                                    )
                                                ),
                                                "Values that a person gives."
                                            ),
                                        ],
                                        OrNothing: true
                                    ),
                                    "Started by a person or a client."
                                ),
                                new(
                                    "schedule",
                                    new ListShape(
                                        new MapShape(
                                            "a schedule",
                                            [
                                                new("cron", new TextShape(Formats.Cron), "Five fields, in UTC.", Required: true),
                                                new(
                                                    "branch",
                                                    new TextShape(Formats.NotBlank),
                                                    "The branch; the repository's default branch without it."
                                                ),
                                            ]
                                        )
                                    ),
                                    "Started by the clock."
                                ),
                            ]
                        )
                    ),
                    "What starts a run; without it: a push to any branch, pull requests, and people."
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
                                    "Runs of one group take turns; the event and ref by default."
                                ),
                                new(
                                    "cancel_previous",
                                    new FlagShape(),
                                    "A newer run cancels those before it; true for pull requests only by default."
                                ),
                            ]
                        )
                    ),
                    "Which runs take turns."
                ),
                Image,
                Shell,
                EnvKey,
                SecretsKey,
                JobTimeout,
                CloneReader.Key,
                new("build", Stage("build", SourceKeys), "First."),
                new("test", Stage("test", SourceKeys), "When every build job succeeded."),
                new("deploy", Stage("deploy", DeployKeys), "When every test job succeeded."),
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
                    "Several jobs, side by side, in place of steps."
                ),
            ]
        );

    private static EitherShape When(IReadOnlyList<Key> keys)
    {
        var clause = new MapShape("a condition", keys);
        return new EitherShape(clause, new ListShape(clause));
    }
}
