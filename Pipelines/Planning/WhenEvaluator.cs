using Shipinator.Globbing;

namespace Shipinator.Pipelines;

/// <summary>Evaluates the parts of <c>when</c> that are known before the run: branch, tag, event and path.</summary>
internal sealed class WhenEvaluator(FactMatcher matcher)
{
    private const int MostReasons = 5;
    private readonly Dictionary<IReadOnlyList<WhenClause>, (string? SkipReason, StepCondition Condition)> _verdicts = new(
        ReferenceEqualityComparer.Instance
    );

    /// <summary>Why something is skipped (null: it is not), and on which outcomes it runs.</summary>
    public (string? SkipReason, StepCondition Condition) Evaluate(IReadOnlyList<WhenClause> clauses)
    {
        if (clauses.Count == 0)
        {
            return (null, StepCondition.OnSuccess);
        }

        if (!_verdicts.TryGetValue(clauses, out var verdict))
        {
            _verdicts[clauses] = verdict = Judge(clauses);
        }

        return verdict;
    }

    private (string? SkipReason, StepCondition Condition) Judge(IReadOnlyList<WhenClause> clauses)
    {
        var reasons = new List<string>();
        bool? onSuccess = null;
        var onFailure = false;
        foreach (var clause in clauses)
        {
            if (WhyNot(clause) is { } why)
            {
                if (reasons.Count < MostReasons && !reasons.Contains(why))
                {
                    reasons.Add(why);
                }
            }
            else
            {
                onSuccess = (onSuccess ?? false) || clause.Status is null || clause.Status.Contains("success", StringComparer.Ordinal);
                onFailure |= clause.Status is not null && clause.Status.Contains("failure", StringComparer.Ordinal);
            }
        }

        return onSuccess is { } success
            ? (null, new StepCondition(success, onFailure))
            : ($"when: {string.Join("; or ", reasons)}.", StepCondition.OnSuccess);
    }

    private string? WhyNot(WhenClause clause) =>
        Ref("branch", clause.Branch, matcher.Facts.Branch)
        ?? Ref("tag", clause.Tag, matcher.Facts.Tag)
        ?? (
            clause.Event is null || clause.Event.Contains(matcher.Facts.Event, StringComparer.Ordinal)
                ? null
                : $"the event '{matcher.Facts.Event}' is not one of {Phrases.Some(clause.Event)}"
        )
        ?? (
            clause.Path is null || matcher.MatchesChanged(clause.Path)
                ? null
                : $"no changed file matches {Phrases.Some(clause.Path.Patterns)}"
        );

    private string? Ref(string what, GlobList? wanted, string? actual) =>
        wanted is null ? null
        : actual is null ? $"there is no {what} to match {Phrases.Some(wanted.Patterns)}"
        : matcher.Matches(wanted, actual) ? null
        : $"the {what} '{Phrases.Shorten(actual)}' does not match {Phrases.Some(wanted.Patterns)}";
}
