using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Tests;

/// <summary>What runners send is masked again, limited, checked before it is stored, and kept whatever the step's result.</summary>
public sealed class RunnerDataTests(ApiFixture api)
{
    [Fact]
    public async Task WhatAHostileRunnerSends_IsMaskedOnTheServer()
    {
        await using var step = await HeldStep.StartAsync(api);
        var base64 = Convert.ToBase64String(Encoding.UTF8.GetBytes("user:" + ApiFixture.DeployKey));
        var text = $"plain {ApiFixture.DeployKey} shell 'it'\\''s a d3ploy/key+value' base64 {base64} end\n";
        // The step's own runner writes only its line about the checkout: two concurrent writers would not know each other's offsets.
        var begin = await step.OwnLinesAsync();
        var sent = begin;
        foreach (var piece in Encoding.UTF8.GetBytes(text).Chunk(7))
        {
            // Each twice, as if a response had been lost.
            Assert.Equal(sent + piece.Length, await AppendAsync(step, sent, piece));
            Assert.Equal(sent + piece.Length, await AppendAsync(step, sent, piece));
            sent += piece.Length;
        }

        var log = (await api.Admin.GetStringAsync($"/v1/executions/{step.Execution}/logs"))[begin..];
        Assert.Equal(text.Length, log.Length);
        Assert.StartsWith($"plain {new string('*', ApiFixture.DeployKey.Length)} shell ", log, StringComparison.Ordinal);
        Assert.EndsWith(" end\n", log, StringComparison.Ordinal);
        Assert.DoesNotContain("d3ploy", log, StringComparison.Ordinal);
        Assert.DoesNotContain(base64[8..^4], log, StringComparison.Ordinal);

        // The execution's own token is masked, too.
        await AppendAsync(step, sent, Encoding.UTF8.GetBytes(step.Token + "\n"));
        Assert.DoesNotContain(
            step.Token,
            await api.Admin.GetStringAsync($"/v1/executions/{step.Execution}/logs"),
            StringComparison.Ordinal
        );

        using var upload = await UploadAsync(step, "file", $"out/{Uri.EscapeDataString(ApiFixture.DeployKey)}.txt", [1, 2, 3]);
        Assert.True(upload.IsSuccessStatusCode);
        using var reference = await UploadAsync(step, "image", "r/" + ApiFixture.DeployKey, [], "r/" + ApiFixture.DeployKey);
        Assert.True(reference.IsSuccessStatusCode);
        var artifacts = (await api.GetAsync($"/v1/pipeline-runs/{step.Run}/artifacts")).GetRawText();
        Assert.Contains("out/********.txt", artifacts, StringComparison.Ordinal);
        Assert.DoesNotContain("d3ploy", artifacts, StringComparison.Ordinal);

        using var status = await step.Client.PostAsJsonAsync(
            $"/v1/executions/{step.Execution}/status",
            new
            {
                status = "failed",
                reason = "exit_code",
                exit_code = 1,
                detail = $"it said {ApiFixture.DeployKey}",
            }
        );
        Assert.True(status.IsSuccessStatusCode);
        var told = (await api.GetAsync($"/v1/executions/{step.Execution}")).GetRawText();
        Assert.Contains("it said ********", told, StringComparison.Ordinal);
        Assert.DoesNotContain("d3ploy", told, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("file%00", "a", null, 400)]
    [InlineData("file", "a%00b", null, 400)]
    [InlineData("file", "a%1Bb", null, 400)]
    [InlineData("image", "a", "a%00b", 400)]
    [InlineData("image", "a", "", 400)]
    [InlineData("no-such-type", "a", null, 422)]
    [InlineData("file", "../a", null, 400)]
    public async Task AnUploadThatIsMalformed_IsRefusedBeforeAByteIsStored(string type, string name, string? reference, int status)
    {
        await using var step = await HeldStep.StartAsync(api);
        var payload = RandomNumberGenerator.GetBytes(16);
        using var response = await UploadEncodedAsync(
            step,
            $"type={type}&name={name}{(reference is null ? "" : $"&ref={reference}")}",
            payload
        );
        Assert.Equal(status, (int)response.StatusCode);
        Assert.False(IsStored(payload));
    }

    [Fact]
    public async Task AnUploadThatGetsNoRow_LeavesNoPayload()
    {
        await using var step = await HeldStep.StartAsync(api);
        var (kept, refused) = (RandomNumberGenerator.GetBytes(16), RandomNumberGenerator.GetBytes(16));
        using var first = await UploadAsync(step, "file", "a", kept);
        Assert.True(first.IsSuccessStatusCode);
        using var other = await UploadAsync(step, "file", "a", refused);
        Assert.Equal(HttpStatusCode.Conflict, other.StatusCode);
        Assert.Equal((true, false), (IsStored(kept), IsStored(refused)));

        const string name = "refused by the database";
        await using var database = await api.Services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync();
        await ExecuteAsync($"ALTER TABLE artifacts ADD CONSTRAINT refusing CHECK (file_name <> '{name}') NOT VALID");
        try
        {
            using var third = await UploadAsync(step, "file", name, refused);
            Assert.Equal(HttpStatusCode.UnprocessableEntity, third.StatusCode);
            Assert.False(IsStored(refused));
        }
        finally
        {
            await ExecuteAsync("ALTER TABLE artifacts DROP CONSTRAINT refusing");
        }

        async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, database);
            await command.ExecuteNonQueryAsync();
        }
    }

    [Fact]
    public async Task ARunWithTooManyArtifacts_GetsTheLimitAndTheSetting()
    {
        await using var step = await HeldStep.StartAsync(api);
        // As the runner does: the refusal comes before the bytes are sent.
        step.Client.DefaultRequestHeaders.ExpectContinue = true;
        using var first = await UploadAsync(step, "file", "a", new byte[20 * 1024 * 1024]);
        Assert.True(first.IsSuccessStatusCode);
        using var second = await UploadAsync(step, "file", "b", new byte[20 * 1024 * 1024]);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, second.StatusCode);
        var problem = await second.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("artifact_limit", problem.GetProperty("code").GetString());
        Assert.Contains("Shipinator:Storage:MaxRunArtifactBytes", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        using var small = await UploadAsync(step, "file", "c", [1]);
        Assert.True(small.IsSuccessStatusCode);
    }

    [Fact]
    public async Task ALogBeyondItsLimit_EndsWithANoticeAndTheStepContinues()
    {
        var pipeline = await api.PipelineAsync(
            "version: 1\nbuild:\n  steps:\n    - { name: loud, run: \"yes 0123456789abcdef | head -c 4000000; echo done\" }\n"
        );
        var run = await api.TriggerAsync(pipeline);
        Assert.Equal("success", (await api.EndAsync(run)).GetProperty("status").GetString());
        var log = await api.Admin.GetStringAsync($"/v1/executions/{await ExecutionAsync(api, run)}/logs");
        Assert.InRange(log.Length, ApiFixture.MaxLogBytes, ApiFixture.MaxLogBytes + 300);
        Assert.Contains("Shipinator:Storage:MaxLogBytes", log[^250..], StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAppendAtTheEndOfAllNumbers_IsRefused()
    {
        var pipeline = await api.PipelineAsync("version: 1\nbuild:\n  steps:\n    - { name: quick, run: \"echo one\" }\n");
        var run = await api.TriggerAsync(pipeline);
        await api.EndAsync(run);
        var execution = await ExecutionAsync(api, run);
        using var client = api.Client(api.Services.GetRequiredService<IExecutionTokens>().Issue(ExecutionId.Parse(execution)));
        using var answer = await client.PostAsync($"/v1/executions/{execution}/logs?offset={long.MaxValue}", Bytes([1, 2]));
        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
    }

    [Fact]
    public async Task AFailingStep_KeepsItsReportAndNotItsBinary()
    {
        var pipeline = await api.PipelineAsync(
            """
            version: 1
            test:
              steps:
                - name: unit
                  run: |
                    echo '<testsuite/>' > report.xml
                    echo 1 > app
                    echo 2 > why.txt
                    exit 1
                  outputs:
                    - { type: test-report, path: report.xml }
                    - { type: coverage, path: cover.out, optional: true }
                    - { type: binary, path: app }
                    - { type: file, path: why.txt, when: failure }
            """
        );
        var run = await api.TriggerAsync(pipeline);
        Assert.Equal("failed", (await api.EndAsync(run)).GetProperty("status").GetString());
        var artifacts = (await api.GetAsync($"/v1/pipeline-runs/{run}/artifacts")).GetRawText();
        Assert.Contains("report.xml", artifacts, StringComparison.Ordinal);
        Assert.Contains("why.txt", artifacts, StringComparison.Ordinal);
        Assert.DoesNotContain("\"app\"", artifacts, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASuccess_WithoutItsOptionalOutputs_IsASuccess()
    {
        var pipeline = await api.PipelineAsync(
            "version: 1\nbuild:\n  steps:\n    - name: one\n      run: \"true\"\n      outputs: "
                + "[{ type: coverage, path: cover.out, optional: true }, { type: file, path: why, when: failure }]\n"
        );
        Assert.Equal("success", (await api.EndAsync(await api.TriggerAsync(pipeline))).GetProperty("status").GetString());
    }

    [Fact]
    public async Task AnOutputThatIsNoFile_FailsOnceWithItsOwnReason()
    {
        var pipeline = await api.PipelineAsync(
            "version: 1\nbuild:\n  steps:\n    - "
                + "{ name: pipe, run: \"mkdir out; mkfifo out/x\", outputs: [{ type: file, path: \"out/*\" }] }\n"
        );
        var run = await api.TriggerAsync(pipeline);
        Assert.Equal("failed", (await api.EndAsync(run)).GetProperty("status").GetString());
        var execution = await api.GetAsync($"/v1/executions/{await ExecutionAsync(api, run)}");
        Assert.Equal("artifact_invalid", execution.GetProperty("reason").GetString());
        Assert.Contains("out/x", execution.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnArtifactOfAnUnknownStore_FailsWithTheStoresName()
    {
        await using var step = await HeldStep.StartAsync(api);
        using var upload = await UploadAsync(step, "file", "here", [1]);
        var metadata = api.Services.GetRequiredService<ArtifactMetadataStore>();
        var row = (await metadata.GetAsync(ArtifactId.Parse(ApiFixture.Id(await upload.Content.ReadFromJsonAsync<JsonElement>()))))!;
        var elsewhere = row with { Id = ArtifactId.New(TimeProvider.System), FileName = "elsewhere", StorageBackend = "s3" };
        await metadata.InsertAsync(elsewhere);
        using var answer = await api.Admin.GetAsync($"/v1/artifacts/{elsewhere.Id}/download");
        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
        Assert.Contains("'s3'", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sweep_TakesPayloadsWithoutARowOfExecutionsThatThisDatabaseKnows()
    {
        await using var step = await HeldStep.StartAsync(api);
        using var upload = await UploadAsync(step, "file", "kept", [1]);
        var kept = ArtifactId.Parse(ApiFixture.Id(await upload.Content.ReadFromJsonAsync<JsonElement>()));
        var store = api.Services.GetRequiredService<IArtifactStores>().Current;
        var (orphan, foreign) = (ArtifactId.New(TimeProvider.System), ArtifactId.New(TimeProvider.System));
        var job = JobId.New(TimeProvider.System);
        var now = TimeProvider.System.GetUtcNow();
        await store.Put(orphan, new("file", "a", job, ExecutionId.Parse(step.Execution), now), new MemoryStream([1]), null, default);
        await store.Put(foreign, new("file", "a", job, ExecutionId.New(TimeProvider.System), now), new MemoryStream([1]), null, default);
        foreach (var id in new[] { kept, orphan, foreign })
        {
            Directory.SetLastWriteTimeUtc(Path.Combine(api.Artifacts, id.ToString()), now.AddDays(-2).UtcDateTime);
        }

        Assert.Equal(1, await api.Services.GetRequiredService<ArtifactSweep>().SweepAsync(default));
        Assert.Equal((true, false, true), (Exists(kept), Exists(orphan), Exists(foreign)));
        bool Exists(ArtifactId id) => Directory.Exists(Path.Combine(api.Artifacts, id.ToString()));
    }

    /// <summary>Whether a file of the store has exactly this content; other tests use the same store at the same time.</summary>
    private bool IsStored(byte[] payload) =>
        Directory
            .EnumerateFiles(api.Artifacts, "*", SearchOption.AllDirectories)
            .Select(f => new FileInfo(f))
            .Any(f => f.Exists && f.Length == payload.Length && File.ReadAllBytes(f.FullName).SequenceEqual(payload));

    private static async Task<long> AppendAsync(HeldStep step, long offset, byte[] bytes)
    {
        using var answer = await step.Client.PostAsync($"/v1/executions/{step.Execution}/logs?offset={offset}", Bytes(bytes));
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("length").GetInt64();
    }

    private static Task<HttpResponseMessage> UploadAsync(HeldStep step, string type, string name, byte[] bytes, string? reference = null) =>
        UploadEncodedAsync(
            step,
            $"type={type}&name={Uri.EscapeDataString(name)}{(reference is null ? "" : $"&ref={Uri.EscapeDataString(reference)}")}",
            bytes
        );

    private static Task<HttpResponseMessage> UploadEncodedAsync(HeldStep step, string query, byte[] bytes) =>
        step.Client.PostAsync($"/v1/executions/{step.Execution}/artifacts?{query}", Bytes(bytes));

    private static ByteArrayContent Bytes(byte[] bytes)
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return content;
    }

    private static async Task<string> ExecutionAsync(ApiFixture api, string run) =>
        (await api.GetAsync($"/v1/pipeline-runs/{run}/jobs"))
            .GetProperty("jobs")
            .EnumerateArray()
            .SelectMany(j => j.GetProperty("steps").EnumerateArray())
            .SelectMany(s => s.GetProperty("executions").EnumerateArray())
            .Select(e => ApiFixture.Id(e))
            .First();

    /// <summary>An active step that prints nothing and waits; the test has its token.</summary>
    private sealed class HeldStep : IAsyncDisposable
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
        private ApiFixture _api = null!;

        public string Run { get; private set; } = "";

        public string Execution { get; private set; } = "";

        public string Token { get; private set; } = "";

        public HttpClient Client { get; private set; } = null!;

        public static async Task<HeldStep> StartAsync(ApiFixture api)
        {
            var pipeline = await api.PipelineAsync(
                "version: 1\nbuild:\n  steps:\n    - { name: held, secrets: [DEPLOY_KEY], run: \"exec sleep 300\" }\n"
            );
            var step = new HeldStep { _api = api, Run = await api.TriggerAsync(pipeline) };
            var deadline = TimeProvider.System.GetUtcNow() + Patience;
            while (true)
            {
                var executions = (await api.GetAsync($"/v1/pipeline-runs/{step.Run}/jobs"))
                    .GetProperty("jobs")
                    .EnumerateArray()
                    .SelectMany(j => j.GetProperty("steps").EnumerateArray())
                    .SelectMany(s => s.GetProperty("executions").EnumerateArray())
                    .ToList();
                if (executions.Find(e => e.GetProperty("status").GetString() == "running") is { ValueKind: JsonValueKind.Object } running)
                {
                    step.Execution = ApiFixture.Id(running);
                    break;
                }

                Assert.True(TimeProvider.System.GetUtcNow() < deadline, "The step did not begin.");
                // Polls another process.
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
            }

            step.Token = api.Services.GetRequiredService<IExecutionTokens>().Issue(ExecutionId.Parse(step.Execution));
            step.Client = api.Client(step.Token);
            return step;
        }

        /// <summary>Waits until the runner has written its line about the source; returns the length of the log.</summary>
        public async Task<int> OwnLinesAsync()
        {
            var deadline = TimeProvider.System.GetUtcNow() + Patience;
            while (true)
            {
                var log = await _api.Admin.GetStringAsync($"/v1/executions/{Execution}/logs");
                if (log.EndsWith('\n'))
                {
                    return log.Length;
                }

                Assert.True(TimeProvider.System.GetUtcNow() < deadline, $"The runner wrote nothing: {log}");
                // Polls another process.
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
            }
        }

        public async ValueTask DisposeAsync()
        {
            using var answer = await _api.Admin.PostAsJsonAsync($"/v1/pipeline-runs/{Run}/cancel", new { });
            Client.Dispose();
            await _api.EndAsync(Run);
        }
    }
}
