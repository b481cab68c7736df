using System.Text.Json;
using System.Text.Json.Nodes;

namespace Shipinator.Tests;

/// <summary>Plans and specs in <c>jsonb</c>: whole, in snake_case, and readable when they come from an older version.</summary>
public sealed class PlanJsonTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void PlansAndSpecs_WithEveryMemberSet_RoundTrip(bool flag)
    {
        Same(new Samples(flag).Of<RunPlan>());
        Same(new Samples(flag).Of<JobSpec>());
        Same(new Samples(flag).Of<ExecutionSpec>());
    }

    [Fact]
    public void Json_OfAPlan_IsSnakeCaseWithWords()
    {
        var json = JsonNode.Parse(PlanJson.Serialize(new Samples(flag: true).Of<RunPlan>()))!;
        Assert.Equal("deploy", (string?)json["jobs"]![0]!["type"]);
        Assert.NotNull(json["jobs"]![0]!["steps"]![0]!["parallel_group"]);
        Assert.NotNull(json["trigger"]!["changed_files"]);
        Assert.DoesNotContain(Keys(json), k => k.Any(char.IsUpper));
    }

    [Fact]
    public void PlanOfAnOlderVersion_MissingMembers_HaveTheirDefaults()
    {
        var plan = PlanJson.Deserialize<RunPlan>(
            """
            {"trigger":{"event":"push","ref":"refs/heads/main","commit":"c"},
             "jobs":[{"name":"build","type":"build","timeout":"01:00:00",
                      "services":{"db":{"image":"postgres"}},
                      "steps":[{"name":"s","order":0,"image":"i","run":"true","timeout":"00:30:00","retry":{"max":1}}]}]}
            """
        );
        var job = Assert.Single(plan.Jobs);
        var step = Assert.Single(job.Steps);

        Assert.Equal(1, plan.Version);
        Assert.Null(plan.Concurrency);
        Assert.Null(plan.Trigger.ChangedFiles);
        Assert.Empty(plan.Trigger.Inputs);
        Assert.True(job.Checkout);
        Assert.Empty(job.Matrix);
        Assert.Equal(TimeSpan.FromSeconds(60), job.Services["db"].ReadyTimeout);
        Assert.Empty(job.Services["db"].Env);
        Assert.Empty(step.Env);
        Assert.False(step.Secrets.IsDefault);
        Assert.False(step.Outputs.IsDefault);
        Assert.False(step.Inputs.IsDefault);
        Assert.Null(step.Command);
        Assert.Equal(StepCondition.OnSuccess, step.When);
        Assert.False(step.AllowFailure);
        Assert.Equal(TimeSpan.FromSeconds(1), step.Retry!.Backoff);
        Assert.False(step.Retry.OnExitCodes.IsDefault);
    }

    [Fact]
    public void SpecOfAnOlderVersion_MissingMembers_HaveTheirDefaults()
    {
        var whole = JsonNode.Parse(PlanJson.Serialize(new Samples(flag: true).Of<ExecutionSpec>()))!.AsObject();
        foreach (var optional in new[] { "command", "script", "artifacts", "secrets", "inputs", "workdir", "cache" })
        {
            Assert.True(whole.Remove(optional), optional);
        }

        Assert.True(whole["worker"]!.AsObject().Remove("services"));
        var spec = PlanJson.Deserialize<ExecutionSpec>(whole.ToJsonString());
        Assert.Empty(spec.Command);
        Assert.Empty(spec.Artifacts);
        Assert.Empty(spec.Secrets);
        Assert.Empty(spec.Inputs);
        Assert.Null(spec.Script);
        Assert.Empty(spec.Worker.Services);
    }

    [Fact]
    public void PlanOfANewerVersion_UnknownMembers_AreIgnored()
    {
        var json = JsonNode.Parse(PlanJson.Serialize(new Samples(flag: true).Of<RunPlan>()))!.AsObject();
        json["a_word_of_tomorrow"] = 1;
        Assert.Equal(2, PlanJson.Deserialize<RunPlan>(json.ToJsonString()).Jobs.Length);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"trigger\":null}")]
    [InlineData("[]")]
    public void Deserialize_AnythingElse_IsRejected(string json) => Assert.Throws<JsonException>(() => PlanJson.Deserialize<RunPlan>(json));

    private static void Same<T>(T value)
    {
        var text = PlanJson.Serialize(value);
        Assert.Equal(text, PlanJson.Serialize(PlanJson.Deserialize<T>(text)));
        // Nothing is lost on the way to the text either: a second serializer sees the same value.
        Assert.Equal(JsonSerializer.Serialize(value), JsonSerializer.Serialize(PlanJson.Deserialize<T>(text)));
    }

    private static IEnumerable<string> Keys(JsonNode? node) =>
        node switch
        {
            JsonObject o => o.SelectMany(p => Keys(p.Value).Prepend(p.Key)),
            JsonArray a => a.SelectMany(Keys),
            _ => [],
        };
}
