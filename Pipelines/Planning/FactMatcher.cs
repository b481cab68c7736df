using Shipinator.Globbing;

namespace Shipinator.Pipelines;

/// <summary>
/// Holds globs against the facts of one trigger. A pattern that stands at many places, by an anchor or a matrix, is asked once,
/// and the work of all of them together has a limit (<see cref="PipelineLimits.GlobSteps"/>). Errors of every method:
/// <see cref="GlobTooCostlyException"/>.
/// </summary>
internal sealed class FactMatcher(TriggerFacts facts)
{
    private readonly GlobCost _cost = new(PipelineLimits.GlobSteps);
    private readonly Dictionary<(GlobList Globs, string Text), bool> _texts = [];
    private readonly Dictionary<GlobList, bool> _changed = [];

    public TriggerFacts Facts { get; } = facts;

    /// <summary>The work so far.</summary>
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

    /// <summary>Whether a changed file is among the globs; true where the changed files are not known or there are none.</summary>
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
