using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Shipinator.WebFrontend.Api.Problems;

namespace Shipinator.WebFrontend.Tests.Requests;

/// <summary>Malformed requests get a 4xx that says what is wrong, never a 5xx.</summary>
public sealed class MalformedTests(ApiFixture api)
{
    private const string Id = "01890a5d-ac96-774b-bcce-b302099a8057";
    private static readonly string Long = new('x', 900_000);

    public static TheoryData<string, string, string> Bodies =>
        new()
        {
            // NUL and lone surrogates, in every kind of text.
            { "/v1/projects", """{"name":"a\u0000b"}""", "name" },
            { "/v1/projects", """{"name":"fine","description":"a\u0000b"}""", "description" },
            { "/v1/projects", """{"name":"fine","description":"\ud800"}""", "" },
            { "/v1/projects", """{"name":"fine","description":"\udc00\ud800"}""", "" },
            {
                $"/v1/projects/{Id}/repositories",
                """{"vcs_provider":"git","clone_url":"/a\u0000b","default_branch":"main"}""",
                "clone_url"
            },
            {
                $"/v1/projects/{Id}/repositories",
                """{"vcs_provider":"git","clone_url":"https://a/b","default_branch":"m\u0000"}""",
                "default_branch"
            },
            {
                $"/v1/projects/{Id}/repositories",
                """{"vcs_provider":"git","clone_url":"https://a/b\r\nc","default_branch":"main"}""",
                "clone_url"
            },
            { $"/v1/pipelines/{Id}/runs", """{"git_ref":"main","inputs":{"a\u0000":"b"}}""", "inputs" },
            { $"/v1/pipelines/{Id}/runs", """{"git_ref":"main","inputs":{"a":"b\u0000"}}""", "inputs" },
            { "/v1/pipeline-files/lint", """{"content":"version: 1","branch":"\u0000"}""", "branch" },
            { "/v1/tokens", """{"name":"\ud83d","role":"read"}""", "" },
            // Null in place of a value.
            { $"/v1/pipelines/{Id}/runs", """{"git_ref":"main","inputs":{"a":null}}""", "inputs" },
            { "/v1/projects", """{"name":null}""", "name" },
            { "/v1/projects", "null", "" },
            { "/v1/projects", "[]", "" },
            { "/v1/projects", "\"name\"", "" },
            // Duplicates, too deep, not JSON, other types.
            { "/v1/projects", """{"name":"a","name":"b"}""", "name" },
            { $"/v1/pipelines/{Id}/runs", """{"git_ref":"main","inputs":{"a":"1","a":"2"}}""", "" },
            { $"/v1/pipelines/{Id}/runs", """{"git_ref":"main","inputs":{"a":{"b":{"c":[]}}}}""", "" },
            { "/v1/projects", """{"name":1}""", "name" },
            { "/v1/projects", """{"name":"a",}""", "" },
            { "/v1/projects", "{\"name\":\"a\"", "" },
            { "/v1/projects", "", "" },
        };

    public static TheoryData<string> Targets =>
        new()
        {
            { "/v1/pipeline-runs?branch=%00" },
            { "/v1/pipeline-runs?event=a%00b" },
            { "/v1/pipeline-runs?cursor=%00" },
            { "/v1/pipeline-runs?cursor=cnVuczoA" },
            { "/v1/pipeline-runs?cursor=%F0%9F%98%80" },
            { "/v1/pipeline-runs?status=%00" },
            { "/v1/pipeline-runs?status=1" },
            { "/v1/pipeline-runs?limit=0" },
            { "/v1/pipeline-runs?limit=-1" },
            { "/v1/pipeline-runs?limit=99999999999999999999" },
            { "/v1/pipeline-runs?limit=1e3" },
            { "/v1/pipeline-runs?limit=" },
            { "/v1/pipeline-runs?project=%00" },
            { "/v1/pipeline-runs?a%00=b" },
            { "/v1/projects?cursor=cHJvamVjdHM6AA" },
            { $"/v1/executions/{Id}/logs?offset=-1" },
            { $"/v1/executions/{Id}/logs?offset=9223372036854775808" },
            { $"/v1/executions/{Id}/logs?follow=2" },
        };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task Body_ThatIsNone_IsRefused(string path, string body, string field)
    {
        using var answer = await SendAsync(path, Encoding.UTF8.GetBytes(body), "application/json");
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.BadRequest, $"{(int)answer.StatusCode} {text}");
        Assert.Contains(field, text, StringComparison.Ordinal);
    }

    /// <summary>The framework's messages name its types and members; a caller needs the field.</summary>
    [Theory]
    [InlineData("POST", "/v1/projects", "{}", "name", "'name' is required")]
    [InlineData("POST", "/v1/projects", """{"name":"a","kolor":"red"}""", "kolor", "'kolor' is not a known member")]
    [InlineData("POST", "/v1/projects", """{"name":1}""", "name", "name must be a string")]
    [InlineData(
        "POST",
        "/v1/pipelines/01890a5d-ac96-774b-bcce-b302099a8057/runs",
        """{"git_ref":"main","inputs":[]}""",
        "inputs",
        "inputs must be an object"
    )]
    [InlineData("POST", "/v1/projects", "[]", null, "the body must be")]
    [InlineData("POST", "/v1/projects", "null", null, "The body is missing")]
    [InlineData("GET", "/v1/pipeline-runs?limit=1e3", null, "limit", "limit must be an integer in its range, sent once, but was '1e3'")]
    [InlineData("GET", "/v1/pipeline-runs?limit=1&limit=2", null, "limit", "sent once")]
    public async Task Refusal_NamesTheFieldOfTheApi(string method, string path, string? body, string? field, string words)
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        using var answer = await api.Admin.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.BadRequest, $"{(int)answer.StatusCode} {text}");
        var problem = JsonDocument.Parse(text).RootElement;
        var detail = problem.GetProperty("detail").GetString()!;
        Assert.Contains(words, detail, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"\.NET|System\.|Shipinator\.|Nullable|parameter", detail);
        Assert.Equal(field is not null, problem.TryGetProperty("errors", out var errors) && errors.TryGetProperty(field ?? "", out _));
    }

    [Fact]
    public async Task Body_TooDeepOrNoUtf8_IsRefused()
    {
        var deep = new string('[', 5_000) + new string(']', 5_000);
        using var first = await SendAsync(
            $"/v1/pipelines/{Id}/runs",
            Encoding.UTF8.GetBytes($$"""{"git_ref":"main","inputs":{{deep}}}"""),
            "application/json"
        );
        Assert.Equal(HttpStatusCode.BadRequest, first.StatusCode);
        using var second = await SendAsync("/v1/projects", [.. "{\"name\":\""u8, 0xff, 0xfe, .. "\"}"u8], "application/json");
        Assert.Equal(HttpStatusCode.BadRequest, second.StatusCode);
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task Target_ThatIsNone_IsRefused(string target)
    {
        using var answer = await api.Admin.GetAsync(target);
        Assert.True(answer.StatusCode == HttpStatusCode.BadRequest, $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }

    [Theory]
    [InlineData("application/json; charset=x")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("application/json; charset=\"utf-7\"")]
    [InlineData("text/plain")]
    [InlineData("application/xml")]
    public async Task MediaType_ThatIsNotJsonInUtf8_IsUnsupported(string type)
    {
        using var answer = await SendAsync("/v1/projects", "{\"name\":\"x\"}"u8.ToArray(), type);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, answer.StatusCode);
    }

    [Fact]
    public async Task Texts_HaveTheirMeasure()
    {
        foreach (
            var (path, body, field) in new (string, object, string)[]
            {
                ("/v1/projects", new { name = Long }, "name"),
                ("/v1/projects", new { name = "x", description = Long }, "description"),
                (
                    $"/v1/projects/{Id}/repositories",
                    new
                    {
                        vcs_provider = Long,
                        clone_url = "https://a/b",
                        default_branch = "main",
                    },
                    "vcs_provider"
                ),
                (
                    $"/v1/projects/{Id}/repositories",
                    new
                    {
                        vcs_provider = "git",
                        clone_url = "https://a/" + Long,
                        default_branch = "main",
                    },
                    "clone_url"
                ),
                (
                    $"/v1/projects/{Id}/repositories",
                    new
                    {
                        vcs_provider = "git",
                        clone_url = "https://a/b",
                        default_branch = Long,
                    },
                    "default_branch"
                ),
                (
                    $"/v1/projects/{Id}/repositories",
                    new
                    {
                        vcs_provider = "git",
                        clone_url = "https://a/b",
                        default_branch = "main",
                        executor = Long,
                    },
                    "executor"
                ),
                ($"/v1/pipelines/{Id}/runs", new { git_ref = Long }, "git_ref"),
                ($"/v1/pipelines/{Id}/runs", new { git_ref = "main", git_sha = Long }, "git_sha"),
                ($"/v1/pipelines/{Id}/runs", new { git_ref = "main", git_sha = "--upload-pack=x" }, "git_sha"),
                ($"/v1/pipelines/{Id}/runs", new { git_ref = "main", inputs = new { a = Long } }, "inputs"),
                ($"/v1/pipeline-runs/{Id}/rerun", new { from = Long }, "from"),
                ("/v1/pipeline-files/lint", new { content = "", branch = Long }, "branch"),
                ("/v1/pipeline-files/lint", new { content = "", @event = Long }, "event"),
                ("/v1/tokens", new { name = "x", role = Long }, "role"),
            }
        )
        {
            using var answer = await SendAsync(path, JsonSerializer.SerializeToUtf8Bytes(body), "application/json");
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True(
                answer.StatusCode == HttpStatusCode.BadRequest,
                $"{path} {field}: {(int)answer.StatusCode} {text[..Math.Min(300, text.Length)]}"
            );
            Assert.Contains(field, text, StringComparison.Ordinal);
            Assert.True(text.Length < 2_000, $"{path} {field}: the answer repeats {text.Length} characters.");
        }
    }

    [Theory]
    [InlineData("chars=0-1")]
    [InlineData("bytes=-0")]
    [InlineData("bytes=5-1")]
    [InlineData("bytes=9223372036854775807-")]
    [InlineData("bytes=0-1,3-4,9-")]
    [InlineData("bytes")]
    [InlineData("=")]
    public async Task Range_ThatIsNone_IsNoErrorOfTheServer(string range)
    {
        var run = await api.TriggerAsync(
            await api.PipelineAsync(
                "image: none\nbuild:\n  steps:\n    - { name: one, run: \"echo hello\", "
                    + "outputs: [ { type: file, path: .shipinator.yaml } ] }\n"
            )
        );
        await api.EndAsync(run);
        var execution = (await api.GetAsync($"/v1/pipeline-runs/{run}/jobs"))
            .GetProperty("jobs")[0]
            .GetProperty("steps")[0]
            .GetProperty("executions")[0];
        foreach (
            var path in new[]
            {
                $"/v1/executions/{ApiFixture.Id(execution)}/logs",
                $"/v1/artifacts/{ApiFixture.Id(execution.GetProperty("artifacts")[0])}/download",
            }
        )
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("Range", range);
            using var answer = await api.Admin.SendAsync(request);
            Assert.True((int)answer.StatusCode is 200 or 206 or 400 or 416, $"{path}: {(int)answer.StatusCode}");
            // User content must not be rendered as a page of ours.
            Assert.StartsWith("sandbox;", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
            Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        }
    }

    [Theory]
    [InlineData("/é")]
    [InlineData("/runs?branch=😀")]
    [InlineData("/a b#ü")]
    public void Return_WithOtherLettersThanAscii_IsAPathThatAHeaderCanHold(string wanted)
    {
        var path = Security.DashboardAccess.LocalPath(wanted);
        Assert.All(path, c => Assert.InRange(c, ' ', '~'));
        Assert.Equal(new Uri("http://x" + wanted), new Uri("http://x" + path));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("aGlzdG9yeTox")]
    [InlineData("é")]
    public async Task LastEventId_ThatNoEventHad_IsRefused(string id)
    {
        var run = await api.TriggerAsync(await api.PipelineAsync("image: none\nbuild:\n  steps:\n    - { name: one, run: \"true\" }\n"));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/pipeline-runs/{run}/events");
        request.Headers.TryAddWithoutValidation("Last-Event-ID", id);
        using var http = new HttpClient(new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8 })
        {
            BaseAddress = api.Url,
        };
        http.DefaultRequestHeaders.Authorization = api.Admin.DefaultRequestHeaders.Authorization;
        using var answer = await http.SendAsync(request);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        await api.EndAsync(run);
    }

    [Fact]
    public async Task ErrorsOfGrains_ThatArriveWrapped_AreWhatTheyAre()
    {
        var context = new DefaultHttpContext { RequestServices = api.Services };
        context.Response.Body = new MemoryStream();
        var wrapped = new Orleans.Runtime.OrleansException(
            "The grain could not be activated.",
            new InvalidOperationException("x", new StorageUnavailableException("The database is away."))
        );
        await Handler(new Words()).TryHandleAsync(context, wrapped, CancellationToken.None);
        Assert.Equal(503, context.Response.StatusCode);
        Assert.Equal("2", context.Response.Headers.RetryAfter);
    }

    [Fact]
    public async Task RequestId_OfAnErrorOfTheServer_IsInTheAnswerAndInTheLog()
    {
        var log = new Words();
        var context = new DefaultHttpContext { RequestServices = api.Services, TraceIdentifier = "the-request" };
        context.Request.Path = "/v1/a\r\nforged";
        using var body = new MemoryStream();
        context.Response.Body = body;
        await Handler(log).TryHandleAsync(context, new NotSupportedException("unforeseen"), CancellationToken.None);
        Assert.Equal(500, context.Response.StatusCode);
        Assert.Contains("the-request", Encoding.UTF8.GetString(body.ToArray()), StringComparison.Ordinal);
        Assert.Contains("the-request", log.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("\r", log.Text, StringComparison.Ordinal);
    }

    private static ProblemHandler Handler(ILogger<ProblemHandler> log) => new(log);

    private async Task<HttpResponseMessage> SendAsync(string path, byte[] body, string type)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return await api.Admin.PostAsync(path, content);
    }

    private sealed class Words : ILogger<ProblemHandler>
    {
        public string Text { get; private set; } = "";

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => Text += formatter(state, exception);
    }
}
