using System.Globalization;
using System.Text;
using Shipinator.Pipelines;

namespace Shipinator.Benchmarks;

/// <summary>
/// How long reading and planning hostile pipeline files takes: random files near the size limit, built from what costs most (aliases,
/// nesting, globs, templates, matrices, scripts, invalid keys), and mutations of them.
/// </summary>
public static class LintBenchmark
{
    private const int FileBytes = 256 * 1024;
    private static readonly string[] Fragments =
    [
        "{{ .branch }}",
        "{{",
        "${{",
        "$NAME",
        "${x//a/b}",
        "$((",
        "$(",
        "`",
        "\"",
        "'",
        "<<EOF\n",
        "| tee x\n",
        "**a",
        "[a-",
        "{a,",
        "\\",
        "&a ",
        "*a ",
        "<<: *a\n",
        "- ",
        ": ",
        "\n  ",
        "[",
        "{",
        "\u202e",
        "é",
        "\t",
        "#",
        "!",
        "? ",
        "|\n",
        ">\n",
    ];

    /// <summary>Prints the slowest files. Returns 1 when one took longer than a second.</summary>
    public static int Run(int files, int seed)
    {
        var random = new Random(seed);
        var settings = new PlanSettings
        {
            ProjectName = "shop",
            RepositoryName = "web",
            RunNumber = 1,
        };
        var facts = new TriggerFacts
        {
            Event = "push",
            Ref = "refs/heads/main",
            Commit = new string('a', 40),
            Branch = "main",
            ChangedFiles = [.. Enumerable.Range(0, 200).Select(i => $"src/a/b/c/d/e{i}.cs")],
        };
        Measure("build: { steps: [ { name: a, run: b } ] }", facts, settings);
        var times = new List<(double Milliseconds, string Kind, int Errors, int Bytes)>();
        for (var i = 0; i < files; i++)
        {
            var (kind, text) = Make(random, i % 12);
            if (i / 12 % 3 == 2)
            {
                (kind, text) = (kind + ", mutated", Mutate(random, text));
            }

            var (milliseconds, errors) = Measure(text, facts, settings);
            times.Add((milliseconds, kind, errors, text.Length));
        }

        foreach (var (milliseconds, kind, errors, bytes) in times.OrderByDescending(t => t.Milliseconds).Take(8))
        {
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{milliseconds:F0} ms: {kind} ({bytes} characters, {errors} errors)")
            );
        }

        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{files} files: median {Yardstick.Median(times.Select(t => t.Milliseconds)):F1} ms, 99 % within "
                    + $"{Percentile(times.Select(t => t.Milliseconds), 99):F1} ms, worst {times.Max(t => t.Milliseconds):F0} ms"
            )
        );
        return times.Exists(t => t.Milliseconds > 1000) ? 1 : 0;
    }

    /// <summary>The smallest value that at least this share of the values does not exceed.</summary>
    private static double Percentile(IEnumerable<double> values, int percent)
    {
        var sorted = values.Order().ToList();
        return sorted[(sorted.Count * percent + 99) / 100 - 1];
    }

    private static (double Milliseconds, int Errors) Measure(string text, TriggerFacts facts, PlanSettings settings)
    {
        var start = TimeProvider.System.GetTimestamp();
        var read = PipelineFile.Parse(text);
        var errors = read.Errors.Count;
        if (read.Model is { } model)
        {
            _ = model.Matches(facts);
            errors += RunPlanner.Plan(model, facts, settings).Errors.Count;
        }

        return (TimeProvider.System.GetElapsedTime(start).TotalMilliseconds, errors);
    }

    private static (string Kind, string Text) Make(Random random, int kind)
    {
        string Many(int count, Func<int, string> one) => string.Concat(Enumerable.Range(0, count).Select(one));
        string Fill(string prefix, string suffix, Func<int, string> one)
        {
            var text = new StringBuilder(prefix);
            for (var i = 0; Encoding.UTF8.GetByteCount(suffix) + text.Length + 200 < FileBytes; i++)
            {
                text.Append(one(i));
            }

            return text.Append(suffix).ToString();
        }

        string Junk(int length) => Many(length, _ => Fragments[random.Next(Fragments.Length)]);
        string Quoted(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal).ReplaceLineEndings(" ") + "'";
        return kind switch
        {
            0 => ("unknown keys", Fill("build:\n  steps: []\n", "", i => $"key{i}{random.Next()}: 1\n")),
            1 => (
                "unknown keys of steps",
                Fill("build:\n  steps:\n", "", i => $"    - {{ name: s{i}, runn: a, imagee: b, x{random.Next()}: c }}\n")
            ),
            2 => ("aliases of errors", Fill("x-a: &a { nam: a, rn: b }\nbuild:\n  steps:\n", "", _ => "    - *a\n")),
            3 => (
                "long script",
                $"build:\n  steps:\n    - name: a\n      run: |\n{Fill("", "", _ => $"        {Junk(6).Replace('\n', ' ')}\n")}"
            ),
            4 => ("templates", Fill("build:\n  steps:\n    - name: a\n      run: \"", "\"\n", i => $"{{{{ .x{i % 500} }}}} ")),
            5 => (
                "globs",
                Fill("build:\n  steps:\n", "", i => $"    - {{ name: s{i}, run: x, when: {{ branch: ['{Many(60, _ => "**a")}{i}'] }} }}\n")
            ),
            6 => ("nesting", Many(random.Next(10, 40), _ => random.Next(2) == 0 ? "[" : "{a: ") + Junk(2000)),
            7 => ("aliases of aliases", "a0: &a0 [x, x, x, x]\n" + Many(30, i => $"a{i + 1}: &a{i + 1} [*a{i}, *a{i}, *a{i}, *a{i}]\n")),
            8 => (
                "matrix",
                $"build:\n  matrix:\n{Many(12, k => $"    k{k}: [{string.Join(", ", Enumerable.Range(0, random.Next(1, 100)))}]\n")}"
                    + $"    exclude: [{string.Join(", ", Enumerable.Range(0, 100).Select(i => $"{{ k0: {i} }}"))}]\n"
                    + "  steps: [ { name: a, run: x } ]\n"
            ),
            9 => ("junk", Junk(random.Next(1_000, 60_000))),
            10 => (
                "junk in values",
                Fill(
                    "build:\n  steps:\n",
                    "",
                    i => $"    - {{ name: {Quoted(Junk(3))}, run: {Quoted(Junk(20))}, env: {{ A{i}: {Quoted(Junk(10))} }} }}\n"
                )
            ),
            _ => (
                "many jobs",
                Fill(
                    "build:\n  jobs:\n",
                    "",
                    i => $"    j{i}: {{ needs: [j{i}], steps: [ {{ name: a, run: x, inputs: [ {{ step: s{random.Next()} }} ] }} ] }}\n"
                )
            ),
        };
    }

    private static string Mutate(Random random, string text)
    {
        var mutated = new StringBuilder(text);
        for (var i = random.Next(1, 20); i > 0 && mutated.Length > 1; i--)
        {
            var at = random.Next(mutated.Length);
            if (random.Next(2) == 0)
            {
                mutated.Insert(at, Fragments[random.Next(Fragments.Length)]);
            }
            else
            {
                mutated.Remove(at, 1);
            }
        }

        return mutated.ToString();
    }
}
