using CsCheck;

namespace Shipinator.Pipelines.Tests;

public sealed class PropertyTests
{
    private static readonly string[] Pieces =
    [
        "build:",
        "test:",
        "deploy:",
        "steps:",
        "- ",
        "name: a",
        "run: x",
        "  ",
        "    ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "&a ",
        "*a",
        "<<: *a",
        "!",
        "!!str ",
        "|",
        ">",
        "\"",
        "'",
        "\\x",
        "\\ud800",
        "\\0",
        "#",
        "---",
        "...",
        "%YAML 1.2",
        "? ",
        "- - ",
        "{{ .branch }}",
        "{{",
        "}}",
        "${{ x }}",
        "env: {CI: 1}",
        "matrix: {a: [1, 2]}",
        "when: ",
        "retry: 3",
        "timeout: 1h",
        "\t",
        "\u0085",
        "\u2028",
        "😀",
        "\uFEFF",
        "on: ",
        "jobs:",
        "~",
        "null",
        "*",
        "&",
        "@",
        "`",
        "=",
    ];

    [Fact]
    public void AnyText_Read_GivesAModelOrErrors() =>
        Gen.OneOf(Gen.String, Gen.OneOf(Pieces).Array[0, 40].Select(string.Concat)).Sample(Survives, iter: 4000);

    [Fact]
    public void GoodFileMutated_ReadAndPlanned_GivesAPlanOrErrors()
    {
        var texts = Table.GoodTexts;
        var edit = Gen.Select(Gen.Int[0, 2], Gen.Int[0, 4000], Gen.Int[0, 20], Gen.OneOf(Pieces));
        Gen.Select(Gen.Int[0, texts.Count - 1], edit.Array[1, 4])
            .Sample(
                (which, edits) => Survives(edits.Aggregate(texts[which], (text, e) => Mutate(text, e.Item1, e.Item2, e.Item3, e.Item4))),
                iter: 4000
            );
    }

    [Fact]
    public void GoodFile_AnyTrigger_GivesTheSamePlanTwiceOrErrors()
    {
        var texts = Table.GoodTexts;
        var name = Gen.OneOf(Gen.String[0, 20], Gen.OneOf("main", "release/1", "v1.0", "$(reboot)", "`x`", "a;b", "..", "x\0"));
        Gen.Select(Gen.Int[0, texts.Count - 1], Gen.OneOf("push", "pr", "manual", "schedule"), name, Gen.Bool)
            .Sample(
                (which, ev, branch, tagged) =>
                {
                    var facts = new TriggerFacts
                    {
                        Event = ev,
                        Ref = $"refs/heads/{branch}",
                        Commit = Table.Commit,
                        Branch = tagged ? null : branch,
                        Tag = tagged ? branch : null,
                        ChangedFiles = System.Collections.Immutable.ImmutableArray.Create(branch, "src/a.cs"),
                    };
                    _ = PipelineFile.Parse(texts[which]).Model!.Matches(facts);
                    var first = RunPlanner.Plan(PipelineFile.Parse(texts[which]).Model!, facts, Table.Settings);
                    var second = RunPlanner.Plan(PipelineFile.Parse(texts[which]).Model!, facts, Table.Settings);
                    return first.Plan is { } plan
                        ? first.Errors.Count == 0 && PlanJson.Serialize(plan) == PlanJson.Serialize(second.Plan!)
                        : first.Errors.Count > 0 && first.Errors.SequenceEqual(second.Errors);
                },
                iter: 2000
            );
    }

    /// <summary>The main property: no branch name changes the text of a script.</summary>
    [Fact]
    public void Script_AnyBranchName_IsNeverPartOfIt()
    {
        const string File = "build: { steps: [ { name: a, run: 'echo \"{{ .branch }}\" {{.tag}}' } ] }";
        var model = PipelineFile.Parse(File).Model!;
        Gen.String[1, 30]
            .Where(s => !s.Contains('\0') && !s.Any(char.IsSurrogate))
            .Sample(branch =>
            {
                var facts = new TriggerFacts
                {
                    Event = "push",
                    Ref = "refs/heads/x",
                    Commit = Table.Commit,
                    Branch = branch,
                };
                var step = RunPlanner.Plan(model, facts, Table.Settings).Plan!.Jobs[0].Steps[0];
                return step.Run == "echo \"${SHIPINATOR_TPL_BRANCH}\" ${SHIPINATOR_TPL_TAG}"
                    && step.Env["SHIPINATOR_TPL_BRANCH"] == branch
                    && step.Env["SHIPINATOR_TPL_TAG"].Length == 0;
            });
    }

    private static string Mutate(string text, int kind, int at, int length, string piece)
    {
        at %= text.Length + 1;
        length = Math.Min(length, text.Length - at);
        return kind switch
        {
            0 => text.Insert(at, piece),
            1 => text.Remove(at, length),
            _ => text.Insert(at, text.Substring(at, length)),
        };
    }

    private static bool Survives(string text)
    {
        var parsed = PipelineFile.Parse(text);
        if (parsed.Model is not { } model)
        {
            return parsed.Errors.Count > 0 && parsed.Errors.All(e => e.Message.Length > 0 && e.Line >= 0);
        }

        var facts = new TriggerFacts
        {
            Event = "push",
            Ref = "refs/heads/main",
            Commit = Table.Commit,
            Branch = "main",
        };
        var planned = RunPlanner.Plan(model, facts, Table.Settings);
        return parsed.Errors.Count == 0 && (planned.Plan is null) == (planned.Errors.Count > 0);
    }
}
