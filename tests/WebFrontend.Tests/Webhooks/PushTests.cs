using System.Text.Json;

namespace Shipinator.WebFrontend.Tests.Webhooks;

/// <summary>From a push to its run, or to the reason why there is none.</summary>
public sealed class PushTests(ApiFixture api)
{
    [Fact]
    public async Task Push_CreatesARunThatKnowsItsEvent_AndThePipelines()
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        var before = bench.Git("rev-parse", "HEAD");
        var commit = bench.Commit("main", WebhookBench.File, "Charge once");
        var row = await bench.DeliverAsync(WebhookBench.Push(commit, before));
        Assert.Equal(DeliveryOutcome.RunCreated, row.Outcome);
        var run = await bench.RunAsync(row);
        Assert.Equal(
            ("push", commit, "main", "Charge once", "Ada", before, "ada", "forge:ada", "https://forge.example/compare"),
            (
                Text(run, "event"),
                Text(run, "git_sha"),
                Text(run, "branch"),
                Text(run, "commit_message"),
                Text(run, "commit_author"),
                Text(run, "before"),
                Text(run, "sender"),
                Text(run, "actor"),
                Text(run, "compare_url")
            )
        );
        var pipelines = await server.GetAsync($"/v1/repositories/{bench.Repository}/pipelines");
        Assert.Equal(["pr", "push"], Types(pipelines));

        // The file of the default branch decides; a pipeline with runs remains for its history.
        var next = bench.Commit("main", WebhookBench.File.Replace("pr: {}", "manual: {}", StringComparison.Ordinal));
        await bench.DeliverAsync(WebhookBench.Push(next, commit));
        Assert.Equal(["manual", "push"], Types(await server.GetAsync($"/v1/repositories/{bench.Repository}/pipelines")));
    }

    [Fact]
    public async Task Push_OfACommitThatTheBranchHasLeft_RunsThatCommit()
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        var lost = bench.Commit("main", WebhookBench.File, "lost");
        bench.Git("reset", "-q", "--hard", "HEAD~1");
        var forced = bench.Commit("main", WebhookBench.File, "forced");
        Assert.Equal(lost, Text(await bench.RunAsync(await bench.DeliverAsync(WebhookBench.Push(lost))), "git_sha"));
        var gone = bench.Commit("feature", WebhookBench.File, "gone");
        bench.Git("checkout", "-q", "main");
        bench.Git("branch", "-q", "-D", "feature");
        var row = await bench.DeliverAsync(WebhookBench.Push(gone, null, "refs/heads/feature"));
        var run = await bench.RunAsync(row);
        Assert.Equal((gone, "refs/heads/feature", "feature"), (Text(run, "git_sha"), Text(run, "git_ref"), Text(run, "branch")));
        Assert.NotEqual(lost, forced);
    }

    [Fact]
    public async Task Push_ThatStartsNoRun_SaysWhy()
    {
        const string filtered =
            "image: none\non: { push: { branches: [main], paths: ['src/**'] } }\nbuild: { steps: [ { name: one, run: x } ] }\n";
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server, filtered);
        var start = bench.Git("rev-parse", "HEAD");

        var docs = bench.Commit("main", filtered, "docs", ("docs/a.md", "a"));
        var byPath = await bench.DeliverAsync(WebhookBench.Push(docs, start));
        Assert.Equal((DeliveryOutcome.Filtered, "No changed file matches the paths of 'on'."), (byPath.Outcome, byPath.Detail));
        var source = bench.Commit("main", filtered, "source", ("src/a.c", "a"));
        Assert.Equal(DeliveryOutcome.RunCreated, (await bench.DeliverAsync(WebhookBench.Push(source, docs))).Outcome);
        // What the payload lists counts; a new branch is compared with the default one.
        var listed = WebhookBench.Push(bench.Commit("main", filtered, "again", ("src/b.c", "b")), source) with
        {
            ChangedFiles = ["README"],
        };
        Assert.Equal(DeliveryOutcome.Filtered, (await bench.DeliverAsync(listed)).Outcome);

        var feature = bench.Commit("feature", filtered, "feature", ("src/c.c", "c"));
        var byBranch = await bench.DeliverAsync(WebhookBench.Push(feature, null, "refs/heads/feature"));
        Assert.Equal(DeliveryOutcome.Filtered, byBranch.Outcome);
        Assert.Contains("The branch 'feature' does not match", byBranch.Detail, StringComparison.Ordinal);

        bench.Git("tag", "v1");
        var tag = await bench.DeliverAsync(WebhookBench.Push(feature, null, "refs/tags/v1"));
        Assert.Equal((DeliveryOutcome.Filtered, "The file's 'on.push' has no 'tags', so tags start no run."), (tag.Outcome, tag.Detail));

        var skipped = await bench.DeliverAsync(
            WebhookBench.Push(bench.Commit("main", filtered, "Typo [skip ci]", ("src/d.c", "d")), source)
        );
        Assert.Equal((DeliveryOutcome.Skipped, "The message of the head commit contains [skip ci]."), (skipped.Outcome, skipped.Detail));

        var none = await bench.DeliverAsync(WebhookBench.Push(bench.Commit("main", null), source));
        Assert.Equal(DeliveryOutcome.NoPipelineFile, none.Outcome);
        var ignored = await bench.DeliverAsync(new ForgeIgnored { Reason = "Issues start no run." });
        Assert.Equal((DeliveryOutcome.Ignored, "Issues start no run."), (ignored.Outcome, ignored.Detail));
        Assert.Single(await bench.RunsAsync());
    }

    [Fact]
    public async Task Tag_OfAnAnnotatedObject_RunsItsCommit_AndTheListFindsIt()
    {
        const string tags = "image: none\non: { push: { tags: ['v*'] } }\nbuild: { steps: [ { name: one, run: x } ] }\n";
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server, tags);
        bench.Git("-c", "user.name=t", "-c", "user.email=t@example.invalid", "tag", "-a", "v1.0", "-m", "[ci skip] is ignored");
        var row = await bench.DeliverAsync(WebhookBench.Push(bench.Git("rev-parse", "v1.0"), null, "refs/tags/v1.0"));
        var run = await bench.RunAsync(row);
        Assert.Equal((bench.Git("rev-parse", "HEAD"), "v1.0"), (Text(run, "git_sha"), Text(run, "tag")));
        var found = await server.GetAsync($"/v1/pipeline-runs?repository={bench.Repository}&tag=v1.0");
        Assert.Equal(Text(run, "id"), Text(found.GetProperty("items").EnumerateArray().Single(), "id"));
        Assert.Empty(
            (await server.GetAsync($"/v1/pipeline-runs?repository={bench.Repository}&tag=v2")).GetProperty("items").EnumerateArray()
        );
    }

    [Theory]
    [InlineData("image: none\nbuild: { steps: [ { name: one, rum: x } ] }\n", 2)]
    [InlineData("image: none\nbuild: { steps: [ { name: one, run: \"echo {{ .nothing }}\" } ] }\n", 2)]
    public async Task PipelineFile_WithErrors_IsAFailedRunThatShowsThem(string file, int line)
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        var row = await bench.DeliverAsync(WebhookBench.Push(bench.Commit("main", file)));
        Assert.Equal((DeliveryOutcome.RunCreated, line), (row.Outcome, row.FileErrors[0].Line));
        await foreach (
            var _ in new Client.ShipinatorClient(server.Admin).WatchRunAsync($"{row.Runs[0]}", TestContext.Current.CancellationToken)
        )
        {
            // Only the end matters.
        }

        var run = await bench.RunAsync(row);
        Assert.Equal(("failed", "config_error"), (Text(run, "status"), Text(run, "reason")));
        var error = run.GetProperty("file_errors").EnumerateArray().First();
        Assert.Equal(line, error.GetProperty("line").GetInt32());
        Assert.StartsWith($".shipinator.yaml:{line}:", Text(run, "detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeletedBranch_CancelsItsRuns_IfTheirConcurrencySaysSo()
    {
        const string canceling =
            "image: none\nconcurrency: { cancel_previous: true }\non: { push: {} }\nbuild: { steps: [ { name: one, run: x } ] }\n";
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server, WebhookBench.File);
        var feature = bench.Commit("feature", canceling);
        var other = bench.Commit("other", WebhookBench.File);
        var canceled = await bench.DeliverAsync(WebhookBench.Push(feature, null, "refs/heads/feature"));
        var kept = await bench.DeliverAsync(WebhookBench.Push(other, null, "refs/heads/other"));
        foreach (
            var (branch, commit, detail) in new[]
            {
                ("feature", feature, "One run was canceled."),
                ("other", other, "No run was canceled."),
            }
        )
        {
            var deleted = await bench.DeliverAsync(
                new ForgePush
                {
                    Ref = $"refs/heads/{branch}",
                    Before = commit,
                    After = null,
                }
            );
            Assert.Equal((DeliveryOutcome.RefDeleted, detail), (deleted.Outcome, deleted.Detail));
        }

        Assert.True((await bench.RunAsync(canceled)).TryGetProperty("cancel_requested_at", out _));
        Assert.False((await bench.RunAsync(kept)).TryGetProperty("cancel_requested_at", out _));
    }

    [Fact]
    public async Task HostileTexts_AreShownAndHarmNothing()
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        var commit = bench.Git("rev-parse", "HEAD");
        var long250 = "refs/heads/" + new string('b', 239);
        var hostile = WebhookBench.Push(commit) with
        {
            Sender = "ada\0\ud800" + new string('x', 5000),
            CompareUrl = "javascript:alert(1)",
            Message = new string('m', 100_000) + "\0",
            ChangedFiles = ["a\0b"],
        };
        var row = await bench.DeliverAsync(hostile);
        var run = await bench.RunAsync(row);
        Assert.False(run.TryGetProperty("compare_url", out _));
        Assert.StartsWith("ada\ufffd", Text(run, "sender"), StringComparison.Ordinal);
        foreach (
            var (push, outcome) in new (ForgePush, DeliveryOutcome)[]
            {
                (WebhookBench.Push(commit, null, long250 + "b"), DeliveryOutcome.Error),
                (WebhookBench.Push(commit, null, "refs/heads/a\0b"), DeliveryOutcome.Error),
                (WebhookBench.Push(commit, null, ""), DeliveryOutcome.Error),
                (WebhookBench.Push("--upload-pack=x"), DeliveryOutcome.Error),
                (WebhookBench.Push(commit, "HEAD~1"), DeliveryOutcome.Error),
                (WebhookBench.Push(commit, null, "refs/notes/commits"), DeliveryOutcome.Ignored),
            }
        )
        {
            Assert.Equal(outcome, (await bench.DeliverAsync(push)).Outcome);
        }
    }

    internal static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static IEnumerable<string?> Types(JsonElement pipelines) =>
        pipelines.GetProperty("items").EnumerateArray().Select(p => Text(p, "trigger_type"));
}
