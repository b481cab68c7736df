using System.Text.Json;

namespace Shipinator.Pipelines.Tests;

public sealed class TableTests
{
    private static readonly JsonSerializerOptions Indented = new(PlanJson.Options)
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    [Theory]
    [MemberData(nameof(Table.Good), MemberType = typeof(Table))]
    public void GoodFile_Planned_GivesTheExpectedPlan(string name)
    {
        var text = Table.Read("good", name);
        var parsed = PipelineFile.Parse(text);
        Assert.Empty(parsed.Errors);
        var facts = Table.Facts(text);
        var match = parsed.Model!.Matches(facts);
        var planned = RunPlanner.Plan(parsed.Model, facts, Table.Settings);
        Assert.Empty(planned.Errors);
        Table.Compare(
            "good",
            name,
            $"runs: {match.Runs} {match.Reason}".TrimEnd() + "\n" + JsonSerializer.Serialize(planned.Plan, Indented) + "\n"
        );
    }

    [Theory]
    [MemberData(nameof(Table.Good), MemberType = typeof(Table))]
    public void GoodFile_PlanStored_ReadsBackTheSame(string name)
    {
        var text = Table.Read("good", name);
        var plan = RunPlanner.Plan(PipelineFile.Parse(text).Model!, Table.Facts(text), Table.Settings).Plan!;
        var stored = PlanJson.Serialize(plan);
        Assert.Equal(stored, PlanJson.Serialize(PlanJson.Deserialize<RunPlan>(stored)));
    }

    [Theory]
    [MemberData(nameof(Table.Bad), MemberType = typeof(Table))]
    public void BadFile_Read_GivesExactlyTheExpectedErrors(string name)
    {
        var text = Table.Read("bad", name);
        var parsed = PipelineFile.Parse(text);
        var errors = parsed.Errors;
        if (parsed.Model is { } model)
        {
            // These are invalid only together with their event.
            Assert.Empty(errors);
            var planned = RunPlanner.Plan(model, Table.Facts(text), Table.Settings);
            Assert.Null(planned.Plan);
            errors = planned.Errors;
        }

        Assert.NotEmpty(errors);
        Table.Compare("bad", name, string.Concat(errors.Select(e => $"{e}\n    {e.Snippet}\n")));
    }

    [Fact]
    public void Table_HasAtLeastSixtyFilesOfEachKind()
    {
        Assert.True(Table.Good.Count() >= 20);
        Assert.True(Table.Bad.Count() >= 30);
        Assert.True(Table.Good.Count() + Table.Bad.Count() >= 60);
    }
}
