using System.Collections.Immutable;

namespace Shipinator.Pipelines;

/// <summary>Reads <c>on.schedule</c>, and reports entries that can't be told apart and inputs that the file does not declare.</summary>
internal sealed class ScheduleReader(ErrorList errors, IReadOnlyList<ManualInput> declared)
{
    public IReadOnlyList<ScheduleEntry> Read(YamlMapping file)
    {
        var entries = new List<ScheduleEntry>();
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        var nodes = file.Map("on")?.Items("schedule") ?? [];
        for (var i = 0; i < nodes.Count; i++)
        {
            if (nodes[i] is not YamlMapping map || map.Text("cron") is not { } cron)
            {
                continue;
            }

            var path = $"on.schedule[{i}]";
            var entry = new ScheduleEntry(cron, map.Text("branch"))
            {
                Name = map.Text("name"),
                TimeZone = map.Text("timezone") ?? TimeZones.Utc,
                Inputs = ReadInputs(map, path),
            };
            if (lines.TryGetValue(entry.Key, out var first))
            {
                errors.Add(
                    "duplicate_name",
                    entry.Name is { } name
                        ? $"{path}: the schedule name '{Phrases.Shorten(name)}' is already used in line {first}; schedule names must be "
                            + "unique in the file."
                        : $"{path}: the schedule is the same as the one in line {first}; remove one of them.",
                    map.Line,
                    map.Column,
                    path
                );
                continue;
            }

            lines[entry.Key] = map.Line;
            entries.Add(entry);
        }

        return entries;
    }

    private ImmutableSortedDictionary<string, string> ReadInputs(YamlMapping schedule, string schedulePath)
    {
        var values = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var (key, node) in schedule.Entries("inputs"))
        {
            if (node is not YamlScalar { Value: var value })
            {
                continue;
            }

            var path = $"{schedulePath}.inputs.{Phrases.Shorten(key.Value)}";
            if (declared.FirstOrDefault(i => i.Name == key.Value) is not { } input)
            {
                var names = declared.Select(i => i.Name).ToList();
                errors.Add(
                    "unknown_input",
                    $"{path}: the input is not declared in 'on.manual.inputs'.{errors.DidYouMean(key.Value, names)} "
                        + $"Known inputs: {(names.Count == 0 ? "none" : Phrases.Some(names))}.",
                    key.Line,
                    key.Column,
                    path
                );
                continue;
            }

            if (input.Options.Count > 0 && !input.Options.Contains(value, StringComparer.Ordinal))
            {
                errors.Add(
                    "bad_input",
                    $"{path}: '{Phrases.Shorten(value)}' is not a valid option; expected one of {Phrases.Some(input.Options)}."
                        + errors.DidYouMean(value, input.Options),
                    node.Line,
                    node.Column,
                    path
                );
            }

            values[key.Value] = value;
        }

        return values.ToImmutable();
    }
}
