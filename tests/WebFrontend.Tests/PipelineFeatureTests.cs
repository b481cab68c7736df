using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Shipinator.WebFrontend.Tests;

/// <summary>Features of pipeline files, through the whole server with the process executor.</summary>
public sealed class PipelineFeatureTests(ApiFixture api)
{
    [Fact]
    public async Task Steps_HandOnVariablesAndOutputs_AlsoThroughGroupsRetriesAndSkippedSteps()
    {
        var run = await EndAsync(
            """
            env: { TOOLS: "{{ .workspace }}/tools" }
            build:
              steps:
                - name: write
                  run: |
                    echo "VERSION=1.2" >> "$SHIPINATOR_ENV"
                    printf 'NOTES<<END\nline one\nline two\nEND\n' >> "$SHIPINATOR_ENV"
                    echo "digest=abc=def" >> "$SHIPINATOR_OUTPUT"
                    mkdir tools; printf '#!/bin/sh\necho tool ran' > tools/our-tool; chmod +x tools/our-tool
                - { name: p1, parallel: true, run: 'echo "WHO=p1" >> "$SHIPINATOR_ENV"; test -z "$WHO"' }
                - { name: p2, parallel: true, run: 'echo "WHO=p2" >> "$SHIPINATOR_ENV"; test -z "$WHO"' }
                - { name: skipped, run: 'echo "WHO=never" >> "$SHIPINATOR_ENV"', when: { status: failure } }
                - name: flaky
                  retry: { max: 1, on: failure, backoff: 1s }
                  run: |
                    if [ ! -e once ]; then touch once; echo "TRY=first" >> "$SHIPINATOR_ENV"; exit 1; fi
                    echo "SECOND=yes" >> "$SHIPINATOR_ENV"
                - name: read
                  env: { PATH: "$PATH:$TOOLS", BOTH: "$VERSION-{{ .steps.write.outputs.digest }}", PRICE: "5$$" }
                  run: 'echo "[$VERSION|$NOTES|$WHO|$TRY|$SECOND|$BOTH|$PRICE|{{ .steps.write.outputs.digest }}]"; our-tool'
                - { name: args, command: ["{{ .workspace }}/tools/our-tool"] }
            """
        );
        Assert.True(run.GetProperty("status").GetString() == "success", run.ToString());
        var logs = await LogsAsync(run);
        Assert.Equal("[1.2|line one\nline two|p2||yes|1.2-abc=def|5$|abc=def]\ntool ran\n", Own(logs["build/read"]));
        Assert.Equal("tool ran\n", Own(logs["build/args"]));
    }

    [Fact]
    public async Task Inputs_OfAMatrixThatAllLeftTheSamePath_FailBeforeTheStepAndASelectorChooses()
    {
        const string file = """
            build:
              matrix: { go: ["1", "2", "3"] }
              steps:
                - { name: make, run: 'mkdir bin; echo "go {{ .matrix.go }}" > bin/app', outputs: [ { type: binary, path: bin/app } ] }
            test:
              jobs:
                clash: { steps: [ { name: use, run: echo never, inputs: [ { type: binary, path: in } ] } ] }
                chosen: { steps: [ { name: use, run: cat in/bin/app, inputs: [ { job: build, matrix: { go: "2" }, path: in } ] } ] }
            """;
        var run = await EndAsync(file);
        var jobs = await JobsAsync(run);
        var clash = jobs["clash"];
        Assert.Equal(("failed", "config_error"), (clash.GetProperty("status").GetString(), clash.GetProperty("reason").GetString()));
        Assert.Matches(@"'in/bin/app'.*job build \(go=\d\).*job build \(go=\d\)", clash.GetProperty("detail").GetString());
        Assert.Equal("success", jobs["chosen"].GetProperty("status").GetString());
        var logs = await LogsAsync(run);
        Assert.EndsWith("go 2\n", logs["chosen/use"], StringComparison.Ordinal);
        Assert.DoesNotContain("never", logs["clash/use"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inputs_FilesOfOneNameInTwoFolders_AreBothThere()
    {
        var run = await EndAsync(
            """
            build:
              steps:
                - name: make
                  run: "mkdir -p r/a r/b; echo 1 > r/a/TEST.xml; echo 2 > r/b/TEST.xml; echo 3 > other"
                  outputs: [ { type: test-report, path: ["r/*/TEST.xml", other] } ]
            test: { steps: [ { name: use, run: "cat in/r/a/TEST.xml in/r/b/TEST.xml in/other", inputs: [ { step: make, path: in } ] } ] }
            """
        );
        Assert.EndsWith("1\n2\n3\n", (await LogsAsync(run))["test/use"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Jobs_ThatRunAfterTheOthers_RunWhateverTheirResultAndSeeTheirArtifacts()
    {
        var run = await EndAsync(
            """
            test:
              jobs:
                "Prüfung №1 (a/b): 50% & <x>":
                  steps:
                    - { name: "Schritt → 1", run: "echo broken > report.txt", outputs: [ { type: file, path: report.txt } ] }
                    - { name: fail, run: "exit 3" }
                fine: { steps: [ { name: ok, run: "true" } ] }
                report:
                  when: { status: always }
                  steps:
                    - name: send
                      run: cat report.txt
                      inputs: [ { job: "Prüfung №1 (a/b): 50% & <x>", step: "Schritt → 1" } ]
                alarm: { when: { status: failure }, steps: [ { name: call, run: echo called } ] }
            deploy:
              jobs:
                ship: { steps: [ { name: ship, run: echo never } ] }
                last: { when: { status: [success, failure] }, steps: [ { name: last, run: echo cleaned } ] }
            """
        );
        Assert.Equal("failed", run.GetProperty("status").GetString());
        Assert.Contains("exited with code 3", run.GetProperty("detail").GetString(), StringComparison.Ordinal);
        var jobs = await JobsAsync(run);
        Assert.Equal(
            ["failed", "success", "success", "success", "skipped", "success"],
            new[] { "Prüfung №1 (a/b): 50% & <x>", "fine", "report", "alarm", "ship", "last" }.Select(j =>
                jobs[j].GetProperty("status").GetString()
            )
        );
        Assert.True(
            jobs["report"].GetProperty("started_at").GetDateTimeOffset() >= jobs["fine"].GetProperty("finished_at").GetDateTimeOffset()
        );
        Assert.EndsWith("broken\n", (await LogsAsync(run))["report/send"], StringComparison.Ordinal);

        // Successful jobs are reused; a job that runs after the others runs again.
        var again = await api.PostAsync($"/v1/pipeline-runs/{ApiFixture.Id(run)}/rerun", new { from = "failed" });
        var second = await JobsAsync(await api.EndAsync(ApiFixture.Id(again)));
        Assert.Equal(
            ("skipped", "success", "success"),
            (
                second["fine"].GetProperty("status").GetString(),
                second["report"].GetProperty("status").GetString(),
                second["last"].GetProperty("status").GetString()
            )
        );
    }

    [Fact]
    public async Task Services_WithTheProcessExecutor_AreRefusedByLintAndBeforeARunIsMade()
    {
        const string file = "test:\n  services: { db: { image: postgres } }\n  steps: [ { name: a, run: \"true\" } ]\n";
        foreach (var body in new object[] { new { content = file }, new { content = file, executor = "process" } })
        {
            var lint = await api.PostAsync("/v1/pipeline-files/lint", body);
            var error = lint.GetProperty("errors").EnumerateArray().Single();
            Assert.Equal(("services_not_supported", 2), (error.GetProperty("code").GetString(), error.GetProperty("line").GetInt32()));
            Assert.Contains("'process'", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        }

        var pipeline = await api.PipelineAsync(file);
        using var response = await api.Admin.PostAsJsonAsync($"/v1/pipelines/{pipeline}/runs", new { git_ref = "main" });
        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);
        Assert.Contains("services_not_supported", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task PipelineFile_AtAnotherPath_IsTheOneThatRunsAndIsNamedInErrors()
    {
        var pipeline = await api.PipelineAsync(
            "build: { steps: [ { name: usual, run: \"true\" } ] }",
            ("ci/other.yaml", "build: { steps: [ { name: other, run: \"true\" } ] }"),
            ("ci/bad.yaml", "bild: {}")
        );
        var repository = await RepositoryOfAsync(pipeline);
        Assert.Equal("ci/other.yaml", (await PatchAsync(repository, "ci/other.yaml")).Body.GetProperty("pipeline_file").GetString());
        var run = await api.EndAsync(await api.TriggerAsync(pipeline));
        Assert.Contains("other", (await LogsAsync(run)).Keys.Single(), StringComparison.Ordinal);

        await PatchAsync(repository, "ci/bad.yaml");
        using var refused = await api.Admin.PostAsJsonAsync($"/v1/repositories/{repository}/sync", new { });
        Assert.Contains("\"file\":\"ci/bad.yaml\"", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await PatchAsync(repository, "ci/none.yaml");
        using var missing = await api.Admin.PostAsJsonAsync($"/v1/pipelines/{pipeline}/runs", new { git_ref = "main" });
        Assert.False(missing.IsSuccessStatusCode);
        Assert.Contains("ci/none.yaml", await missing.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        Assert.False((await PatchAsync(repository, "")).Body.TryGetProperty("pipeline_file", out _));
        Assert.Equal("success", (await api.EndAsync(await api.TriggerAsync(pipeline))).GetProperty("status").GetString());
    }

    [Theory]
    [InlineData("../up.yaml")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../b")]
    [InlineData("a//b")]
    [InlineData("./a")]
    [InlineData(".git/config")]
    [InlineData("a/.GIT/b")]
    [InlineData("a\\b")]
    [InlineData("a\nb")]
    [InlineData("a\u202Eb")]
    [InlineData("a\0b", "request_malformed")]
    public async Task PipelineFile_PathOutsideTheRepository_IsRefused(string path, string code = "pipeline_file_malformed")
    {
        var repository = await RepositoryOfAsync(await api.PipelineAsync("build: { steps: [ { name: usual, run: \"true\" } ] }"));
        var (status, body) = await PatchAsync(repository, path);
        Assert.Equal((HttpStatusCode.BadRequest, code), (status, body.GetProperty("code").GetString()));
    }

    private async Task<JsonElement> EndAsync(string file) => await api.EndAsync(await api.TriggerAsync(await api.PipelineAsync(file)));

    private async Task<Dictionary<string, JsonElement>> JobsAsync(JsonElement run) =>
        (await api.GetAsync($"/v1/pipeline-runs/{ApiFixture.Id(run)}/jobs"))
            .GetProperty("jobs")
            .EnumerateArray()
            .ToDictionary(j => j.GetProperty("name").GetString()!);

    /// <summary>The log of the last execution of each step, by <c>JOB/STEP</c>.</summary>
    private async Task<Dictionary<string, string>> LogsAsync(JsonElement run)
    {
        var logs = new Dictionary<string, string>();
        foreach (var (name, job) in await JobsAsync(run))
        {
            foreach (var step in job.GetProperty("steps").EnumerateArray().Where(s => s.GetProperty("executions").GetArrayLength() > 0))
            {
                logs[$"{name}/{step.GetProperty("name").GetString()}"] = await api.Admin.GetStringAsync(
                    $"/v1/executions/{ApiFixture.Id(step.GetProperty("executions").EnumerateArray().Last())}/logs"
                );
            }
        }

        return logs;
    }

    private static string Own(string log) =>
        string.Concat(log.Split('\n').Where(l => !l.StartsWith("[shipinator]", StringComparison.Ordinal)).Select(l => l + "\n"))[..^1];

    private async Task<string> RepositoryOfAsync(string pipeline)
    {
        foreach (var project in (await api.GetAsync("/v1/projects?limit=100")).GetProperty("items").EnumerateArray())
        {
            foreach (
                var repository in (await api.GetAsync($"/v1/projects/{ApiFixture.Id(project)}/repositories"))
                    .GetProperty("items")
                    .EnumerateArray()
            )
            {
                if (
                    (await api.GetAsync($"/v1/repositories/{ApiFixture.Id(repository)}/pipelines"))
                        .GetProperty("items")
                        .EnumerateArray()
                        .Any(p => ApiFixture.Id(p) == pipeline)
                )
                {
                    return ApiFixture.Id(repository);
                }
            }
        }

        throw new InvalidOperationException($"No repository has pipeline {pipeline}.");
    }

    private async Task<(HttpStatusCode Status, JsonElement Body)> PatchAsync(string repository, string path)
    {
        using var response = await api.Admin.PatchAsJsonAsync($"/v1/repositories/{repository}", new { pipeline_file = path });
        return (response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>());
    }
}
