using System.Text;

namespace Shipinator.Pipelines.Tests;

public sealed class LimitTests
{
    [Fact]
    public void BillionLaughs_Read_IsRefusedAtTheLimitOfNodes()
    {
        var bomb = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 12; i++)
        {
            bomb.Append(
                System.Globalization.CultureInfo.InvariantCulture,
                $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n"
            );
        }

        // 10^12 nodes: only counting without expanding terminates.
        var error = Assert.Single(PipelineFile.Parse(bomb.ToString()).Errors);
        Assert.Equal("too_many_nodes", error.Code);
        Assert.True(error.Line <= 5, $"refused only in line {error.Line}");
    }

    [Fact]
    public void LongScalarThroughManyAliases_Read_IsRefusedAtTheLimitOfCharacters()
    {
        var text = $"a: &a {new string('x', 100_000)}\nb: [{string.Join(", ", Enumerable.Repeat("*a", 1000))}]\n";
        Assert.Equal("too_large", Assert.Single(PipelineFile.Parse(text).Errors).Code);
    }

    [Fact]
    public void AliasInsideItsAnchor_Read_IsRefused() =>
        Assert.Equal("endless_alias", Assert.Single(PipelineFile.Parse("build: &a { steps: [*a] }").Errors).Code);

    [Theory]
    [InlineData("[", "]")]
    [InlineData("{a: ", "}")]
    public void DeepNesting_Read_IsRefused(string open, string close)
    {
        var text = "build: " + string.Concat(Enumerable.Repeat(open, 20_000)) + string.Concat(Enumerable.Repeat(close, 20_000));
        Assert.Equal("too_deep", Assert.Single(PipelineFile.Parse(text).Errors).Code);
    }

    [Fact]
    public void LargeFile_Read_IsRefusedBeforeParsing() =>
        Assert.Equal("too_large", Assert.Single(PipelineFile.Parse(new string('é', PipelineLimits.FileBytes / 2 + 1)).Errors).Code);

    [Fact]
    public void ManyErrors_Read_AreReportedUpTo100()
    {
        var text = string.Concat(Enumerable.Range(0, 500).Select(i => $"wrong{i}: 1\n"));
        Assert.Equal(100, PipelineFile.Parse(text).Errors.Count);
    }

    [Fact]
    public void SharedEnvOfManyJobs_Planned_IsRefusedAtTheLimitOfCharacters()
    {
        var text = $$"""
            env: { BIG: {{new string('x', 200_000)}} }
            build:
              matrix: { a: [1, 2, 3, 4, 5, 6, 7, 8], b: [1, 2, 3, 4, 5, 6, 7, 8] }
              steps: [ { name: one, run: x } ]
            """;
        var planned = RunPlanner.Plan(PipelineFile.Parse(text).Model!, Table.Facts(text), Table.Settings);
        Assert.Equal("plan_too_large", Assert.Single(planned.Errors).Code);
    }

    [Fact]
    public void MoreStepsThanAllowed_Planned_AreRefused()
    {
        var model = PipelineFile.Parse("build: { matrix: { a: [1, 2, 3] }, steps: [ { name: x, run: x }, { name: y, run: y } ] }").Model!;
        var planned = RunPlanner.Plan(model, Table.Facts(""), Table.Settings with { MaxSteps = 5 });
        Assert.Equal("limit", Assert.Single(planned.Errors).Code);
    }
}
