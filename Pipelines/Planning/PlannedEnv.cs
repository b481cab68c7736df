using System.Collections.Immutable;

namespace Shipinator.Pipelines;

/// <summary>The variables of a step while it is planned, each as an <see cref="Expression"/>.</summary>
internal sealed class PlannedEnv
{
    private ImmutableDictionary<string, string> _values = ImmutableDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>The variables whose values are known now.</summary>
    public ImmutableSortedDictionary<string, string> Known =>
        _values
            .Where(v => !Expression.HasReference(v.Value))
            .ToImmutableSortedDictionary(v => v.Key, v => Expression.Plain(v.Value), StringComparer.Ordinal);

    /// <summary>The variables that the runner completes; null when there are none.</summary>
    public ImmutableSortedDictionary<string, string>? Expressions =>
        _values.Where(v => Expression.HasReference(v.Value)).ToImmutableSortedDictionary(StringComparer.Ordinal) is { IsEmpty: false } some
            ? some
            : null;

    public void Set(string name, string expression) => _values = _values.SetItem(name, expression);

    public ImmutableDictionary<string, string> Snapshot() => _values;
}
