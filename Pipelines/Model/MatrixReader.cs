using System.Collections.Immutable;

namespace Shipinator.Pipelines;

/// <summary>One job of a matrix: its values by their template names, and the label that is appended to the job's name.</summary>
internal sealed record Combination(ImmutableSortedDictionary<string, string> Values, string Label)
{
    /// <summary>The combination of a job without a matrix.</summary>
    public static Combination None { get; } =
        new(ImmutableSortedDictionary<string, string>.Empty.WithComparers(StringComparer.Ordinal), "");
}

/// <summary>
/// Reads a <c>matrix</c>: the product of its keys in the file's order, the last key changing fastest, without the combinations of
/// <c>exclude</c> and with those of <c>include</c>. A value that is a map gives <c>matrix.KEY.MEMBER</c>.
/// </summary>
internal sealed class MatrixReader(ErrorList errors, string path)
{
    private const int MostBeforeExclude = 1024;
    private const string IncludeKey = "include";
    private const string ExcludeKey = "exclude";

    /// <summary>
    /// The names that templates of the job may use, without <c>matrix.</c>, and the combinations. Without a matrix: no name and one empty
    /// combination.
    /// </summary>
    public (IReadOnlyList<string> Names, IReadOnlyList<Combination> Combinations) Read(YamlMapping? matrix)
    {
        if (matrix is null)
        {
            return ([], [Combination.None]);
        }

        var axes = Axes(matrix);
        var product = axes.Aggregate(1L, (n, a) => Math.Min(int.MaxValue, n * Math.Max(1, a.Values.Count)));
        if (product > MostBeforeExclude)
        {
            TooLarge(matrix, product);
            return (Names([], axes, matrix), [Combination.None]);
        }

        var rows = Product(axes);
        Exclude(matrix, axes, rows);
        Include(matrix, axes, rows);
        if (rows.Count == 0)
        {
            errors.Add(
                "bad_length",
                $"{path}.matrix: no combination remains; at least one is required.",
                matrix.Line,
                matrix.Column,
                $"{path}.matrix"
            );
            return (Names(rows, axes, matrix), [Combination.None]);
        }

        if (rows.Count > PipelineLimits.MatrixJobs)
        {
            TooLarge(matrix, rows.Count);
            rows = [.. rows.Take(1)];
        }

        return (Names(rows, axes, matrix), [.. rows.Select(r => r.ToCombination())]);
    }

    private void TooLarge(YamlMapping matrix, long jobs) =>
        errors.Add(
            "matrix_too_large",
            $"{path}.matrix: the matrix expands to {jobs} jobs, but at most {PipelineLimits.MatrixJobs} are allowed.",
            matrix.Line,
            matrix.Column,
            $"{path}.matrix"
        );

    private List<Axis> Axes(YamlMapping matrix)
    {
        var axes = new List<Axis>();
        foreach (var (key, node) in matrix.Entries.Where(e => e.Key.Value is not (IncludeKey or ExcludeKey)))
        {
            var values = (node as YamlSequence)?.Items.Select(Value.Of).OfType<Value>().ToList() ?? [];
            for (var i = 0; i < values.Count; i++)
            {
                if (values.Take(i).Any(v => v.IsSame(values[i])))
                {
                    var place = $"{path}.matrix.{Phrases.Shorten(key.Value)}";
                    errors.Add("duplicate_name", $"{place}: the list contains a value twice; remove one.", node.Line, node.Column, place);
                    break;
                }
            }

            axes.Add(new(key.Value, values));
        }

        return axes;
    }

    private static List<Row> Product(List<Axis> axes)
    {
        if (axes.Count == 0)
        {
            return [];
        }

        IEnumerable<Row> rows = [new Row([], IsOfProduct: true)];
        foreach (var axis in axes)
        {
            rows = rows.SelectMany(r => axis.Values.Select(v => r.With(axis.Key, v)));
        }

        return [.. rows];
    }

    private void Exclude(YamlMapping matrix, List<Axis> axes, List<Row> rows)
    {
        foreach (var (entry, place) in Entries(matrix, ExcludeKey))
        {
            foreach (var (key, _, node) in entry.Where(e => axes.TrueForAll(a => a.Key != e.Key)))
            {
                errors.Add(
                    "unknown_key",
                    $"{place}: '{Phrases.Shorten(key)}' is not a key of the matrix.{Phrases.DidYouMean(key, axes.Select(a => a.Key))} "
                        + Phrases.Expected([.. axes.Select(a => a.Key)], "It has only 'include'; remove the entry."),
                    node.Line,
                    node.Column,
                    place
                );
                return;
            }

            if (rows.RemoveAll(r => entry.TrueForAll(e => r.Fits(e.Key, e.Value))) == 0 && entry is [var first, ..])
            {
                errors.Add(
                    "bad_value",
                    $"{place}: the entry excludes nothing, because no remaining combination has these values.",
                    first.Node.Line,
                    first.Node.Column,
                    place
                );
            }
        }
    }

    /// <summary>
    /// An entry whose values for the matrix's own keys match combinations adds its other values to these; an entry that matches none
    /// becomes a separate combination. Later entries win; the values of the matrix's own keys are never changed.
    /// </summary>
    private void Include(YamlMapping matrix, List<Axis> axes, List<Row> rows)
    {
        foreach (var (entry, place) in Entries(matrix, IncludeKey))
        {
            var own = entry.Where(e => axes.Exists(a => a.Key == e.Key)).ToList();
            var further = entry.Except(own).ToList();
            var fitting = rows.Where(r => r.IsOfProduct && own.TrueForAll(e => r.Has(e.Key, e.Value))).ToList();
            if (axes.Count == 0 || fitting.Count == 0)
            {
                rows.Add(entry.Aggregate(new Row([], IsOfProduct: false), (r, e) => r.With(e.Key, e.Value)));
            }
            else if (further.Count == 0)
            {
                errors.Add(
                    "duplicate_name",
                    $"{place}: the matrix already has this combination and the entry adds no values; remove it or add a value.",
                    entry[0].Node.Line,
                    entry[0].Node.Column,
                    place
                );
            }
            else
            {
                foreach (var row in fitting)
                {
                    rows[rows.IndexOf(row)] = further.Aggregate(row, (r, e) => r.With(e.Key, e.Value));
                }
            }
        }
    }

    private List<(List<(string Key, Value Value, YamlNode Node)> Entry, string Place)> Entries(YamlMapping matrix, string key) =>
        [
            .. ((matrix.Find(key) as YamlSequence)?.Items ?? [])
                .Select((n, i) => (n, i))
                .Where(e => e.n is YamlMapping)
                .Select(e =>
                    (
                        ((YamlMapping)e.n)
                            .Entries.Select(v => (v.Key.Value, Value: Value.Of(v.Value)!, (YamlNode)v.Key))
                            .Where(v => v.Value is not null)
                            .ToList(),
                        $"{path}.matrix.{key}[{e.i}]"
                    )
                )
                .Where(e => e.Item1.Count > 0),
        ];

    /// <summary>All names; an error is added for names that would become the same environment variable.</summary>
    private List<string> Names(List<Row> rows, List<Axis> axes, YamlMapping matrix)
    {
        var names = axes.SelectMany(a => a.Values.SelectMany(v => v.Flat(a.Key)))
            .Concat(rows.SelectMany(r => r.Cells.SelectMany(c => c.Value.Flat(c.Key))))
            .Select(f => f.Name)
            .Distinct(StringComparer.Ordinal)
            .ToList();
        foreach (var same in names.GroupBy(PipelineEnvironment.OfTemplate, StringComparer.Ordinal).Where(g => g.Count() > 1))
        {
            errors.Add(
                "duplicate_name",
                $"{path}.matrix: the names {Phrases.List(same)} differ only in case, '-', '_' or '.', "
                    + "and would become the same environment variable; rename one of them.",
                matrix.Line,
                matrix.Column,
                $"{path}.matrix"
            );
        }

        return names;
    }

    private sealed record Axis(string Key, List<Value> Values);

    /// <summary>A value: a text, or a map of texts.</summary>
    private sealed record Value(string? Text, IReadOnlyList<(string Name, string Text)> Members)
    {
        public static Value? Of(YamlNode node) =>
            node switch
            {
                YamlScalar { IsNull: false } scalar => new(scalar.Value, []),
                YamlMapping map => new(
                    null,
                    [.. map.Entries.Where(e => e.Value is YamlScalar).Select(e => (e.Key.Value, ((YamlScalar)e.Value).Value))]
                ),
                _ => null,
            };

        /// <summary>Equality regardless of the order of the members.</summary>
        public bool IsSame(Value other) => Text == other.Text && Members.Count == other.Members.Count && Holds(other);

        /// <summary>Whether it has all members of another one.</summary>
        public bool Holds(Value part) => Text == part.Text && part.Members.All(Members.Contains);

        public IEnumerable<(string Name, string Text)> Flat(string key) =>
            Text is { } text ? [(key, text)] : Members.Select(m => ($"{key}.{m.Name}", m.Text));

        /// <summary>The parts of the job's label; a map with a member <c>name</c> is shown by that name.</summary>
        public IEnumerable<string> Labels(string key) =>
            Members.FirstOrDefault(m => m.Name == "name") is { Text: { } name }
                ? [$"{key}={name}"]
                : Flat(key).Select(f => $"{f.Name}={f.Text}");
    }

    private sealed record Row(ImmutableArray<(string Key, Value Value)> Cells, bool IsOfProduct)
    {
        public bool Has(string key, Value value) => Cells.Any(c => c.Key == key && c.Value.IsSame(value));

        public bool Fits(string key, Value value) => Cells.Any(c => c.Key == key && c.Value.Holds(value));

        public Row With(string key, Value value)
        {
            var at = Cells.Select(c => c.Key).ToList().IndexOf(key);
            return this with { Cells = at < 0 ? Cells.Add((key, value)) : Cells.SetItem(at, (key, value)) };
        }

        public Combination ToCombination() =>
            new(
                Cells
                    .SelectMany(c => c.Value.Flat(c.Key))
                    .GroupBy(f => f.Name)
                    .ToImmutableSortedDictionary(g => g.Key, g => g.Last().Text, StringComparer.Ordinal),
                $" ({string.Join(", ", Cells.SelectMany(c => c.Value.Labels(c.Key)))})"
            );
    }
}
