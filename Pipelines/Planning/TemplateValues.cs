using System.Collections.Immutable;
using System.Globalization;

namespace Shipinator.Pipelines;

/// <summary>The values of templates for one run; values that the event does not have are empty.</summary>
internal static class TemplateValues
{
    private const int ShortCommitLength = 8;

    public static ImmutableDictionary<string, string> Of(
        TriggerFacts facts,
        PlanSettings settings,
        ImmutableSortedDictionary<string, string> inputs
    )
    {
        var values = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        values["commit"] = facts.Commit;
        values["short_commit"] = facts.Commit[..Math.Min(facts.Commit.Length, ShortCommitLength)];
        values["branch"] = facts.Branch ?? "";
        values["tag"] = facts.Tag ?? "";
        values["ref"] = facts.Ref;
        values["event"] = facts.Event;
        values["run_number"] = settings.RunNumber.ToString(CultureInfo.InvariantCulture);
        values["pr_number"] = facts.PrNumber?.ToString(CultureInfo.InvariantCulture) ?? "";
        values["project"] = settings.ProjectName;
        values["repository"] = settings.RepositoryName;
        foreach (var (name, value) in inputs)
        {
            values[$"inputs.{name}"] = value;
        }

        return values.ToImmutable();
    }
}
