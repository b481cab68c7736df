using Shipinator.Globbing;

namespace Shipinator.Pipelines;

/// <summary>A pipeline file that holds no mistake: what it wants, before any commit is known. Immutable.</summary>
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

    /// <summary>What a person is asked for when starting a run by hand, in the file's order.</summary>
    public required IReadOnlyList<ManualInput> Inputs { get; init; }

    /// <summary>When the clock starts a run.</summary>
    public required IReadOnlyList<ScheduleEntry> Schedules { get; init; }

    /// <summary>The names of the jobs in the file's order, before a matrix multiplies them.</summary>
    public IReadOnlyList<string> JobNames => [.. Jobs.Select(j => j.Name)];

    internal static IReadOnlyList<string> KnownTriggers { get; } = ["push", "pr", "manual", "schedule"];

    internal RefFilter Push { get; }

    internal RefFilter Pr { get; }

    internal ConcurrencyModel? Concurrency { get; }

    internal IReadOnlyList<JobModel> Jobs { get; }

    /// <summary>The text of the file, so that errors of planning can quote it.</summary>
    internal string Text { get; }

    /// <summary>Whether the file's <c>on</c> wants a run for this; if not, the sentence that says why.</summary>
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
            return new TriggerMatch(false, $"The file's 'on' does not name the event '{facts.Event}', only {Phrases.List(TriggerTypes)}.");
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
            return new TriggerMatch(false, "The globs of 'on' are too many and too long to be held against this trigger.");
        }
    }
}

/// <summary>Whether a trigger starts a run.</summary>
/// <param name="Runs">Whether it does.</param>
/// <param name="Reason">The sentence that says why not; null when it does.</param>
public sealed record TriggerMatch(bool Runs, string? Reason);

/// <summary>A value that a person gives to a manual run.</summary>
/// <param name="Name">The name, as in <c>{{ .inputs.NAME }}</c>.</param>
/// <param name="Description">For people; may be empty.</param>
/// <param name="Default">Taken when none is given; null: one must be given.</param>
/// <param name="Options">The values that may be given; empty: any.</param>
public sealed record ManualInput(string Name, string Description, string? Default, IReadOnlyList<string> Options);

/// <summary>A time at which the clock starts a run.</summary>
/// <param name="Cron">Five fields or a macro, in UTC; Cronos reads it with a jitter seed, which <c>H</c> (some value, always the same for one pipeline) asks for.</param>
/// <param name="Branch">The branch; null: the repository's default branch.</param>
public sealed record ScheduleEntry(string Cron, string? Branch);

/// <summary>What of <c>on.push</c> or <c>on.pr</c> narrows the trigger; a null list narrows nothing.</summary>
internal sealed record RefFilter(GlobList? Branches, GlobList? Tags, GlobList? Paths, GlobList? PathsIgnore)
{
    public static RefFilter Open { get; } = new(null, null, null, null);

    public string? WhyNot(FactMatcher matcher)
    {
        var facts = matcher.Facts;
        if (facts.Tag is { } tag)
        {
            return Tags is null ? "The file's 'on.push' names no tags."
                : matcher.Matches(Tags, tag) ? null
                : $"The tag '{tag}' is not among {Phrases.Some(Tags.Patterns)}.";
        }

        if (Branches is null && Tags is not null)
        {
            return "The file's 'on.push' names tags only.";
        }

        if (Branches is not null && (facts.Branch is null || !matcher.Matches(Branches, facts.Branch)))
        {
            return $"The branch '{facts.Branch}' is not among {Phrases.Some(Branches.Patterns)}.";
        }

        if ((Paths is null && PathsIgnore is null) || facts.ChangedFiles is not { IsDefaultOrEmpty: false } files)
        {
            return null;
        }

        return files.Any(f => (Paths is null || matcher.Matches(Paths, f)) && (PathsIgnore is null || !matcher.Matches(PathsIgnore, f)))
            ? null
            : "No changed file is among those that 'on' names.";
    }
}

/// <summary><c>concurrency</c>: both parts may be left out.</summary>
internal sealed record ConcurrencyModel(Located? Group, bool? CancelPrevious);
