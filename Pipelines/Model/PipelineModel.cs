using Shipinator.Globbing;

namespace Shipinator.Pipelines;

/// <summary>The model of a valid pipeline file, independent of any commit. Immutable.</summary>
public sealed record PipelineModel
{
    internal PipelineModel(string text, RefFilter push, RefFilter pr, ConcurrencyModel? concurrency, IReadOnlyList<JobModel> jobs)
    {
        Text = text;
        Push = push;
        Pr = pr;
        Concurrency = concurrency;
        Jobs = jobs;
    }

    /// <summary>The file's name, for messages.</summary>
    public required string FileName { get; init; }

    /// <summary>Which pipelines the file defines: some of <c>push</c>, <c>pr</c>, <c>manual</c>, <c>schedule</c>, in this order.</summary>
    public required IReadOnlyList<string> TriggerTypes { get; init; }

    /// <summary>The inputs of a manual run, in the file's order.</summary>
    public required IReadOnlyList<ManualInput> Inputs { get; init; }

    /// <summary>The schedules that start runs.</summary>
    public required IReadOnlyList<ScheduleEntry> Schedules { get; init; }

    /// <summary>The names of the jobs in the file's order, before matrix expansion.</summary>
    public IReadOnlyList<string> JobNames => [.. Jobs.Select(j => j.Name)];

    internal static IReadOnlyList<string> KnownTriggers { get; } = ["push", "pr", "manual", "schedule"];

    internal RefFilter Push { get; }

    internal RefFilter Pr { get; }

    internal ConcurrencyModel? Concurrency { get; }

    internal IReadOnlyList<JobModel> Jobs { get; }

    /// <summary>The text of the file, so that errors of planning can quote it.</summary>
    internal string Text { get; }

    /// <summary>Whether a filter or a condition of the file looks at the changed files, so that they have to be known.</summary>
    public bool UsesChangedFiles =>
        new[] { Push, Pr }.Any(f => f.Paths is not null || f.PathsIgnore is not null)
        || Jobs.Any(j => j.When.Any(HasPath) || j.Steps.Any(s => HasPath(s.When)));

    private static bool HasPath(IReadOnlyList<WhenClause> clauses) => clauses.Any(c => c.Path is not null);

    /// <summary>Whether the file's <c>on</c> starts a run for these facts; if not, why.</summary>
    public TriggerMatch Matches(TriggerFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var errors = new ErrorList(FileName, "");
        facts = FactChecker.Check(facts, errors);
        if (errors.Count > 0)
        {
            return new TriggerMatch(false, errors.ToList()[0].Message);
        }

        if (!TriggerTypes.Contains(facts.Event, StringComparer.Ordinal))
        {
            return new TriggerMatch(
                false,
                $"The file's 'on' does not include the event '{facts.Event}', only {Phrases.List(TriggerTypes)}."
            );
        }

        try
        {
            var why = facts.Event switch
            {
                "push" => Push.WhyNot(new FactMatcher(facts)),
                "pr" => Pr.WhyNot(new FactMatcher(facts)),
                _ => null,
            };
            return new TriggerMatch(why is null, why);
        }
        catch (GlobTooCostlyException)
        {
            return new TriggerMatch(
                false,
                "The globs of 'on' are too expensive to match against this event; use fewer or simpler patterns."
            );
        }
    }
}

/// <summary>Whether a trigger starts a run.</summary>
/// <param name="Runs">Whether it does.</param>
/// <param name="Reason">Why not, as a sentence; null when it does.</param>
public sealed record TriggerMatch(bool Runs, string? Reason);

/// <summary>An input of a manual run.</summary>
/// <param name="Name">The name, as in <c>{{ .inputs.NAME }}</c>.</param>
/// <param name="Description">Shown next to the input; may be empty.</param>
/// <param name="Default">The value when none is given; null: the input is required.</param>
/// <param name="Options">The allowed values; empty: any.</param>
public sealed record ManualInput(string Name, string Description, string? Default, IReadOnlyList<string> Options);

/// <summary>The filters of <c>on.push</c> or <c>on.pr</c>; a null list does not filter.</summary>
internal sealed record RefFilter(GlobList? Branches, GlobList? Tags, GlobList? Paths, GlobList? PathsIgnore)
{
    public static RefFilter Open { get; } = new(null, null, null, null);

    public string? WhyNot(FactMatcher matcher)
    {
        var facts = matcher.Facts;
        if (facts.Tag is { } tag)
        {
            return Tags is null ? "The file's 'on.push' has no 'tags', so tags start no run."
                : matcher.Matches(Tags, tag) ? null
                : $"The tag '{tag}' does not match any of {Phrases.Some(Tags.Patterns)}.";
        }

        if (Branches is null && Tags is not null)
        {
            return "The file's 'on.push' has only 'tags', so branches start no run.";
        }

        if (Branches is not null && (facts.Branch is null || !matcher.Matches(Branches, facts.Branch)))
        {
            return $"The branch '{facts.Branch}' does not match any of {Phrases.Some(Branches.Patterns)}.";
        }

        if ((Paths is null && PathsIgnore is null) || facts.ChangedFiles is not { IsDefaultOrEmpty: false } files)
        {
            return null;
        }

        return files.Any(f => (Paths is null || matcher.Matches(Paths, f)) && (PathsIgnore is null || !matcher.Matches(PathsIgnore, f)))
            ? null
            : "No changed file matches the paths of 'on'.";
    }
}

/// <summary><c>concurrency</c>; both parts are optional.</summary>
internal sealed record ConcurrencyModel(Located? Group, bool? CancelPrevious);
