namespace Shipinator.Pipelines;

/// <summary>Answers <c>when</c> as far as it can be answered before the run: branch, tag, event and path.</summary>
internal static class WhenEvaluator
{
    /// <summary>Why something is left out (null: it is not), and on which outcomes it runs.</summary>
    public static (string? SkipReason, StepCondition Condition) Evaluate(IReadOnlyList<WhenClause> clauses, TriggerFacts facts)
    {
        if (clauses.Count == 0)
        {
            return (null, StepCondition.OnSuccess);
        }

        var verdicts = clauses.Select(c => (Clause: c, Why: WhyNot(c, facts))).ToList();
        var holding = verdicts.Where(v => v.Why is null).Select(v => StatusOf(v.Clause)).ToList();
        if (holding.Count > 0)
        {
            return (null, new StepCondition(holding.Any(s => s.Contains("success")), holding.Any(s => s.Contains("failure"))));
        }

        return ($"when: {string.Join("; or ", verdicts.Select(v => v.Why).Distinct(StringComparer.Ordinal).Take(5))}.", StepCondition.OnSuccess);
    }

    /// <summary>Where a stage and its job both name outcomes, both must hold.</summary>
    private static IReadOnlyList<string> StatusOf(WhenClause clause) => (clause.Status, clause.And?.Status) switch
    {
        (null, null) => ["success"],
        ({ } stage, null) => stage,
        (null, { } job) => job,
        (var stage, var job) => [.. stage.Intersect(job, StringComparer.Ordinal)],
    };

    private static string? WhyNot(WhenClause clause, TriggerFacts facts) =>
        Ref("branch", clause.Branch, facts.Branch)
        ?? Ref("tag", clause.Tag, facts.Tag)
        ?? (clause.Event is null || clause.Event.Contains(facts.Event, StringComparer.Ordinal) ? null : $"the event '{facts.Event}' is not {Phrases.List(clause.Event)}")
        ?? Paths(clause.Path, facts)
        ?? (clause.And is { } and ? WhyNot(and, facts) : null);

    private static string? Ref(string what, IReadOnlyList<string>? wanted, string? actual) =>
        wanted is null ? null
        : actual is null ? $"there is no {what}, and {Phrases.List(wanted)} is asked for"
        : Glob.Matches(wanted, actual) ? null
        : $"the {what} '{actual}' does not match {Phrases.List(wanted)}";

    /// <summary>Not known (a new branch, a force push, a tag, by hand) or nothing changed at all: the filter holds.</summary>
    private static string? Paths(IReadOnlyList<string>? wanted, TriggerFacts facts) =>
        wanted is null || facts.ChangedFiles is not { IsDefaultOrEmpty: false } files || files.Any(f => Glob.Matches(wanted, f))
            ? null
            : $"no changed file matches {Phrases.List(wanted)}";
}
