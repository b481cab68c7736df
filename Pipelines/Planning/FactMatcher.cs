using Shipinator.Globbing;

namespace Shipinator.Pipelines;

/// <summary>
/// Matches globs against the facts of one event. A pattern that occurs at many places, through an anchor or a matrix, is evaluated once,
/// and the total work is limited (<see cref="PipelineLimits.GlobSteps"/>). Errors of every method:
/// <see cref="GlobTooCostlyException"/>.
/// </summary>
internal sealed class FactMatcher(TriggerFacts facts)
{
    private readonly GlobCost _cost = new(PipelineLimits.GlobSteps);
    private readonly Dictionary<(GlobList Globs, string Text), bool> _texts = [];
    private readonly Dictionary<GlobList, bool> _changed = [];

    public TriggerFacts Facts { get; } = facts;

    /// <summary>The work so far, in glob steps.</summary>
    public long Steps => _cost.Steps;

    public bool Matches(GlobList globs, string text)
    {
        _cost.Charge(1);
        if (!_texts.TryGetValue((globs, text), out var matches))
        {
            _texts[(globs, text)] = matches = globs.Matches(text, _cost);
        }

        return matches;
    }

    /// <summary>Whether any changed file matches; true when the changed files are unknown or empty.</summary>
    public bool MatchesChanged(GlobList globs)
    {
        if (Facts.ChangedFiles is not { IsDefaultOrEmpty: false } files)
        {
            return true;
        }

        if (!_changed.TryGetValue(globs, out var matches))
        {
            _changed[globs] = matches = files.Any(f => globs.Matches(f, _cost));
        }

        return matches;
    }
}
