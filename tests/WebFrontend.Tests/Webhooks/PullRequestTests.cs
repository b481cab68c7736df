using Microsoft.Extensions.DependencyInjection;
using static Shipinator.WebFrontend.Tests.Webhooks.PushTests;

namespace Shipinator.WebFrontend.Tests.Webhooks;

/// <summary>From a change of a pull request to its run.</summary>
public sealed class PullRequestTests(ApiFixture api)
{
    [Fact]
    public async Task Opened_RunsTheHead_AndTheRunKnowsThePullRequest()
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        var head = Open(bench, bench.Commit("feature", WebhookBench.File, "A feature"));
        var row = await bench.DeliverAsync(WebhookBench.Pull(head));
        var run = await bench.RunAsync(row);
        Assert.Equal(
            ("pr", head, "main", "refs/pull/7/head", "Add a feature", "https://forge.example/pulls/7", "feature", "shop/web", "A feature"),
            (
                Text(run, "event"),
                Text(run, "git_sha"),
                Text(run, "branch"),
                Text(run, "git_ref"),
                Text(run, "pr_title"),
                Text(run, "pr_url"),
                Text(run, "head_branch"),
                Text(run, "head_repository"),
                Text(run, "commit_message")
            )
        );
        Assert.Equal(7, run.GetProperty("pr_number").GetInt32());
        Assert.False(run.TryGetProperty("is_fork", out _));
        var found = await server.GetAsync($"/v1/pipeline-runs?repository={bench.Repository}&pr=7");
        Assert.Equal(Text(run, "id"), Text(found.GetProperty("items").EnumerateArray().Single(), "id"));
        using var alone = await server.Admin.GetAsync("/v1/pipeline-runs?pr=7", TestContext.Current.CancellationToken);
        Assert.Equal(System.Net.HttpStatusCode.UnprocessableEntity, alone.StatusCode);

        var labeled = await bench.DeliverAsync(WebhookBench.Pull(head, PullRequestAction.Other));
        Assert.Equal(DeliveryOutcome.Ignored, labeled.Outcome);
        var skipped = await bench.DeliverAsync(WebhookBench.Pull(head, PullRequestAction.Reopened) with { Title = "WIP [ci skip]" });
        Assert.Equal((DeliveryOutcome.Skipped, "The title of the pull request contains [ci skip]."), (skipped.Outcome, skipped.Detail));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task PushAndPullRequest_OfOneCommitAndPlan_AreOneRun(bool isPushFirst)
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        var head = Open(bench, bench.Commit("feature", WebhookBench.File));
        ForgeEvent push = WebhookBench.Push(head, null, "refs/heads/feature");
        ForgeEvent pull = WebhookBench.Pull(head);
        var first = await bench.DeliverAsync(isPushFirst ? push : pull);
        var second = await bench.DeliverAsync(isPushFirst ? pull : push);
        Assert.Equal((DeliveryOutcome.RunCreated, DeliveryOutcome.RunShared), (first.Outcome, second.Outcome));
        Assert.Equal(first.Runs, second.Runs);
        Assert.Single(await bench.RunsAsync());

        // A person asks for a run of its own.
        await server.PostAsync($"/v1/deliveries/{second.Id}/process", new { });
        var again = await bench.OutcomeAsync($"{second.Id}");
        Assert.Equal((DeliveryOutcome.RunCreated, 2), (again.Outcome, again.Runs.Count));
    }

    [Fact]
    public async Task PushAndPullRequest_WithOtherPlans_AreTwoRuns()
    {
        const string differs = "image: none\non: { push: {}, pr: {} }\nbuild: { steps: [ { name: one, run: \"echo {{ .event }}\" } ] }\n";
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server, differs);
        var head = Open(bench, bench.Commit("feature", differs));
        await bench.DeliverAsync(WebhookBench.Push(head, null, "refs/heads/feature"));
        Assert.Equal(DeliveryOutcome.RunCreated, (await bench.DeliverAsync(WebhookBench.Pull(head))).Outcome);
        Assert.Equal(2, (await bench.RunsAsync()).Count);
    }

    [Fact]
    public async Task Closed_CancelsWhatRunsForItAlone()
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        var shared = Open(bench, bench.Commit("feature", WebhookBench.File, "one"));
        var push = await bench.DeliverAsync(WebhookBench.Push(shared, null, "refs/heads/feature"));
        await bench.DeliverAsync(WebhookBench.Pull(shared));
        var own = Open(bench, bench.Commit("feature", WebhookBench.File, "two"));
        var alone = await bench.DeliverAsync(WebhookBench.Pull(own, PullRequestAction.Synchronized));
        var closed = await bench.DeliverAsync(WebhookBench.Pull(own, PullRequestAction.Closed) with { IsMerged = true });
        Assert.Equal((DeliveryOutcome.PullRequestClosed, "One run was canceled."), (closed.Outcome, closed.Detail));
        Assert.True((await bench.RunAsync(alone)).TryGetProperty("cancel_requested_at", out _));
        Assert.False((await bench.RunAsync(push)).TryGetProperty("cancel_requested_at", out _));
    }

    [Fact]
    public async Task Fork_RunsTheFileOfTheBase_AndDeploysAndSavesNothing()
    {
        const string ofBase = """
            image: none
            on: { pr: {} }
            build:
              steps:
                - { name: safe, run: "true", cache: { key: [lock], paths: [deps] } }
            deploy:
              steps: [ { name: ship, run: "true" } ]
            """;
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server, ofBase);
        var head = Open(bench, bench.Commit("feature", ofBase.Replace("safe", "hostile", StringComparison.Ordinal)));
        var row = await bench.DeliverAsync(WebhookBench.Pull(head) with { IsFork = true, HeadRepository = "mallory/web" });
        var run = await bench.RunAsync(row);
        Assert.Equal(head, Text(run, "git_sha"));
        Assert.True(run.GetProperty("is_fork").GetBoolean());
        var record = await server
            .Services.GetRequiredService<IGrainFactory>()
            .GetGrain<IPipelineRunGrain>(row.Runs[0].Value)
            .Get(TestContext.Current.CancellationToken);
        Assert.True(record.Plan.Trigger.IsFork);
        var build = record.Plan.Jobs.Single(j => j.Type == JobType.Build);
        Assert.Equal(("safe", true), (build.Steps[0].Name, build.Steps[0].Cache!.IsReadOnly));
        Assert.Equal(
            "Deploy jobs do not run for pull requests from forks.",
            record.Plan.Jobs.Single(j => j.Type == JobType.Deploy).SkipReason
        );
        // A push of the same commit into the repository itself is trusted, and shares nothing with the fork's run.
        var push = await bench.DeliverAsync(WebhookBench.Push(head, null, "refs/heads/feature"));
        Assert.NotEqual(DeliveryOutcome.RunShared, push.Outcome);
    }

    /// <summary>The ref under which the forge offers the head.</summary>
    private static string Open(WebhookBench bench, string commit)
    {
        bench.Git("update-ref", "refs/pull/7/head", commit);
        return commit;
    }
}
