using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Shipinator.Cli.Tests;

/// <summary>The part of <c>/v1</c> that the command line uses, over real HTTP: one project, one repository, one run.</summary>
internal sealed class FakeServer : IAsyncDisposable
{
    public const string Token = "right";
    public const string Run = "01890a5d-ac96-774b-bcce-b302099a8001";
    public const string Artifact = "01890a5d-ac96-774b-bcce-b302099a8002";
    private const string At = "2026-01-02T03:04:05Z";
    private readonly WebApplication _app;
    private readonly TaskCompletionSource _canceled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private string? _registered;

    private FakeServer(WebApplication app) => _app = app;

    public string Url => _app.Urls.Single();

    /// <summary>The final status of the run; null: it ends only when it is canceled.</summary>
    public string? Ends { get; set; } = "success";

    /// <summary>JSON-escaped text that is inserted into names, messages and the log.</summary>
    public string Hostile { get; set; } = "";

    /// <summary>The problem that requests to create a run get as the response.</summary>
    public (int Status, string Body)? Refusal { get; set; }

    public string ArtifactName { get; set; } = "out/app";

    public string ArtifactSum { get; set; } = Convert.ToHexStringLower(SHA256.HashData("payload"u8));

    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>The <c>Idempotency-Key</c> of each request that creates a run.</summary>
    public ConcurrentQueue<string> Keys { get; } = new();

    /// <summary>
    /// The statuses of the first responses to requests whose path has this suffix; 0 breaks the connection.
    /// </summary>
    public ConcurrentDictionary<string, ConcurrentQueue<int>> Faults { get; } = new();

    /// <summary>Adds faults for requests whose path has this suffix.</summary>
    public void Fault(string pathEnd, params int[] statuses) => Faults[pathEnd] = new(statuses);

    /// <summary>Whether another client registers the repository first.</summary>
    public bool IsRegisteredConcurrently { get; set; }

    /// <summary>Whether the project does not exist until another client creates it first.</summary>
    public bool IsProjectCreatedConcurrently { get; set; }

    /// <summary>Whether event and log streams end after each chunk, as if they were complete.</summary>
    public bool CutsStreams { get; set; }

    public ConcurrentQueue<string> Tokens { get; } = new();

    /// <summary>The bodies of requests that create runs, or create or update repositories.</summary>
    public ConcurrentQueue<string> RunRequests { get; } = new();

    public ConcurrentQueue<string> RepositoryRequests { get; } = new();

    /// <summary>The bodies of requests that change a schedule.</summary>
    public ConcurrentQueue<string> ScheduleRequests { get; } = new();

    /// <summary>Whether the repository exists from the start.</summary>
    public bool HasRepository { get; set; }

    /// <summary>Completed when the log is read.</summary>
    public TaskCompletionSource LogAsked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static async Task<FakeServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var server = new FakeServer(app);
        app.Use(server.GuardAsync);
        server.Map(app);
        await app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        _canceled.TrySetResult();
        await _app.DisposeAsync();
    }

    private async Task GuardAsync(HttpContext context, RequestDelegate next)
    {
        Requests.Enqueue($"{context.Request.Method} {context.Request.Path}{context.Request.QueryString}");
        Tokens.Enqueue(context.Request.Headers.Authorization.ToString());
        if (context.Request.Headers.Authorization != $"Bearer {Token}")
        {
            await ProblemAsync(context, 401, """{"title":"Unauthorized","detail":"The token is invalid.","code":"unauthorized"}""");
            return;
        }

        if (context.Request.Path.Value!.EndsWith("/runs", StringComparison.Ordinal))
        {
            Keys.Enqueue(context.Request.Headers["Idempotency-Key"].ToString());
        }

        if (
            Faults.FirstOrDefault(f => context.Request.Path.Value!.EndsWith(f.Key, StringComparison.Ordinal)).Value is { } faults
            && faults.TryDequeue(out var status)
        )
        {
            if (status == 0)
            {
                context.Abort();
                return;
            }

            await ProblemAsync(context, status, """{"title":"Unavailable","detail":"The server is unavailable."}""");
            return;
        }

        await next(context);
    }

    private void Map(WebApplication app)
    {
        MapSecrets(app);
        var project = $$"""{"id":"p1","name":"shop","created_at":"{{At}}","updated_at":"{{At}}"}""";
        app.MapGet("/v1/me", () => Json("""{"name":"tester","role":"admin"}"""));
        app.MapGet("/v1/projects", () => Json($$"""{"items":[{{(IsProjectCreatedConcurrently ? "" : project)}}]}"""));
        app.MapPost(
            "/v1/projects",
            () =>
            {
                IsProjectCreatedConcurrently = false;
                return Json("""{"title":"Conflict","detail":"Project 'shop' already exists.","code":"conflict"}""", 409);
            }
        );
        app.MapGet(
            "/v1/projects/p1/repositories",
            () => Json($$"""{"items":[{{(_registered is { } url ? Repository("main", url) : HasRepository ? Repository("main") : "")}}]}""")
        );
        app.MapPost("/v1/projects/p1/repositories", (Delegate)RepositoryAsync);
        app.MapPost(
            "/v1/repositories/r1/sync",
            () =>
                Json(
                    $$"""
                    {"items":[{"id":"m1","repository_id":"r1","name":"shop","trigger_type":"manual",
                      "created_at":"{{At}}","updated_at":"{{At}}"}]}
                    """
                )
        );
        app.MapPatch("/v1/repositories/r1", (Delegate)RepositoryAsync);
        app.MapPost(
            "/v1/repositories/r1/runs",
            async (HttpContext context) =>
            {
                using var reader = new StreamReader(context.Request.Body);
                RunRequests.Enqueue(await reader.ReadToEndAsync());
                return Refusal is { } no ? Json(no.Body, no.Status) : Json(RunBody("pending"), 201);
            }
        );
        app.MapPost("/v1/pipelines/m1/runs", () => Refusal is { } no ? Json(no.Body, no.Status) : Json(RunBody("pending"), 201));
        app.MapGet("/v1/schedules", () => Json($$"""{"items":[{{ScheduleBody("true")}}]}"""));
        app.MapGet("/v1/repositories/r1/schedules", () => Json($$"""{"items":[{{ScheduleBody("true")}}]}"""));
        app.MapPatch(
            "/v1/schedules/{id}",
            async (string id, HttpContext context) =>
            {
                using var reader = new StreamReader(context.Request.Body);
                var body = await reader.ReadToEndAsync();
                ScheduleRequests.Enqueue(body);
                return id == "c1"
                    ? Json(ScheduleBody(body.Contains("true", StringComparison.Ordinal) ? "true" : "false"))
                    : Json("""{"title":"Not found","detail":"The schedule does not exist.","code":"not_found"}""", 404);
            }
        );
        app.MapPost("/v1/schedules/c1/runs", () => Refusal is { } no ? Json(no.Body, no.Status) : Json(RunBody("pending"), 201));
        app.MapGet("/v1/pipeline-runs", () => Json($$"""{"items":[{{RunBody("success")}}]}"""));
        app.MapGet(
            "/v1/pipeline-runs/{id}",
            (string id) =>
                id == Run
                    ? Json(RunBody(Ends ?? (_canceled.Task.IsCompleted ? "canceled" : "running")))
                    : Json("""{"title":"Not found","detail":"Pipeline run not found @H.","code":"not_found"}""", 404)
        );
        app.MapGet(
            "/v1/executions/{id}",
            (string id) => Json("""{"title":"Not found","detail":"Execution not found.","code":"not_found"}""", 404)
        );
        app.MapGet($"/v1/pipeline-runs/{Run}/jobs", () => Json(Jobs()));
        app.MapPost(
            $"/v1/pipeline-runs/{Run}/cancel",
            () =>
            {
                _canceled.TrySetResult();
                return Json(RunBody("running"), 202);
            }
        );
        app.MapGet($"/v1/pipeline-runs/{Run}/events", EventsAsync);
        app.MapGet("/v1/executions/e1/logs", LogAsync);
        app.MapGet($"/v1/artifacts/{Artifact}/metadata", () => Json(ArtifactBody()));
        app.MapGet($"/v1/artifacts/{Artifact}/download", () => Results.Bytes("payload"u8.ToArray()));
        app.MapPost(
            "/v1/pipeline-files/lint",
            async (HttpContext context) =>
            {
                using var reader = new StreamReader(context.Request.Body);
                var body = await reader.ReadToEndAsync();
                if (body.Contains("warned", StringComparison.Ordinal))
                {
                    var name = Path.GetFileName(System.Text.Json.JsonDocument.Parse(body).RootElement.GetProperty("file_name").GetString());
                    return Json(
                        $$"""
                        {"valid":true,"errors":[],"warnings":[
                          {"code":"pipe_hides_failure","message":"pipes","file":"{{name}}","line":1,"column":5,"path":"build"}]}
                        """
                    );
                }

                var isGood = body.Contains("run", StringComparison.Ordinal);
                return Json(isGood ? """{"valid":true,"errors":[]}""" : $$"""{"valid":false,"errors":[{{PipelineError}}]}""");
            }
        );
    }

    /// <summary>The bodies of requests that set secrets or credentials.</summary>
    public ConcurrentQueue<string> SecretRequests { get; } = new();

    private void MapSecrets(WebApplication app)
    {
        const string Secret = $$"""
            {"name":"TOKEN","scope":"repository","version":3,"events":["push"],"branches":[],"created_at":"{{At}}","created_by":"token:ada",
             "updated_at":"{{At}}","updated_by":"token:bob"}
            """;
        foreach (var place in new[] { "/v1/projects/p1", "/v1/repositories/r1" })
        {
            app.MapGet($"{place}/secrets", () => Json($$"""{"items":[{{Secret}}]}"""));
            app.MapPut($"{place}/secrets/TOKEN", (Delegate)((HttpContext context) => KeepAsync(context, Secret)));
            app.MapDelete($"{place}/secrets/TOKEN", () => Results.NoContent());
        }

        const string Credential = $$"""
            {"username":"git","url":"https://git.example.org/x","is_used":false,"updated_at":"{{At}}","updated_by":"token:bob"}
            """;
        const string Webhook = $$"""{"version":2,"updated_at":"{{At}}","updated_by":"token:bob","previous_until":"{{At}}"}""";
        foreach (var (path, body) in new[] { ("credential", Credential), ("webhook-secret", Webhook) })
        {
            app.MapGet($"/v1/repositories/r1/{path}", () => Json(body));
            app.MapPut($"/v1/repositories/r1/{path}", (Delegate)((HttpContext context) => KeepAsync(context, body)));
            app.MapDelete($"/v1/repositories/r1/{path}", () => Results.NoContent());
        }

        app.MapPost("/v1/admin/rotate-keys", () => Json("""{"key_id":"0011223344556677","reencrypted":12,"remaining":0}"""));
    }

    private async Task<IResult> KeepAsync(HttpContext context, string response)
    {
        using var reader = new StreamReader(context.Request.Body);
        SecretRequests.Enqueue(await reader.ReadToEndAsync());
        return Json(response);
    }

    public const string PipelineError = """
        {"code":"unknown_key","message":"build@H: unknown key 'stpes'. Did you mean 'steps'?",
         "file":".shipinator.yaml","line":2,"column":3,"path":"build","snippet":"  stpes: []@H"}
        """;

    private async Task<IResult> RepositoryAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var body = await reader.ReadToEndAsync();
        RepositoryRequests.Enqueue(body);
        using var json = System.Text.Json.JsonDocument.Parse(body);
        if (IsRegisteredConcurrently && context.Request.Method == "POST")
        {
            _registered = json.RootElement.GetProperty("clone_url").GetString();
            return Json("""{"title":"Conflict","detail":"Repository 'shop' already exists.","code":"conflict"}""", 409);
        }

        var branch = json.RootElement.TryGetProperty("default_branch", out var given) ? given.GetString()! : "main";
        return Json(Repository(branch), context.Request.Method == "POST" ? 201 : 200);
    }

    private static string Repository(string branch, string url = "/x") =>
        $$"""
            {"id":"r1","project_id":"p1","project_name":"shop","name":"shop","vcs_provider":"git","clone_url":"{{url}}",
             "default_branch":"{{branch}}","created_at":"{{At}}","updated_at":"{{At}}"}
            """;

    private async Task EventsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        var last = int.TryParse(context.Request.Headers["Last-Event-ID"], out var seen) ? seen : 0;
        if (last < 3)
        {
            await SendAsync(context, "1", "job", "j1", "pending", "running");
            await SendAsync(context, "2", "step", "s1", "pending", "running");
            await SendAsync(context, "3", "execution", "e1", "submitted", "running");
            if (CutsStreams)
            {
                return;
            }
        }

        await LogAsked.Task;
        if (Ends is null)
        {
            await _canceled.Task;
        }

        var end = Ends ?? "canceled";
        await SendAsync(context, "4", "step", "s1", "running", end);
        await SendAsync(context, "5", "run", Run, "running", end);
    }

    private static async Task SendAsync(HttpContext context, string cursor, string machine, string entity, string from, string to)
    {
        await context.Response.WriteAsync(
            $$"""data: {"cursor":"{{cursor}}","machine":"{{machine}}","entity_id":"{{entity}}","sequence":1,"at":"{{At}}","""
                + $$""" "from":"{{from}}","to":"{{to}}","actor":"test"}"""
                + "\n\n"
        );
        await context.Response.Body.FlushAsync();
    }

    /// <summary>Writes byte by byte, so that chunks break within lines and characters.</summary>
    private async Task LogAsync(HttpContext context)
    {
        var bytes = Encoding.UTF8.GetBytes(
            "compiling größer\n\u001b]0;evil\u0007\u001b[31mred\u001b[0m\nno end"
                + System.Text.Json.JsonSerializer.Deserialize<string>($"\"{Hostile}\"")
        );
        var offset = int.Parse(context.Request.Query["offset"]!, System.Globalization.CultureInfo.InvariantCulture);
        foreach (var b in CutsStreams ? bytes.Skip(offset).Take(10) : bytes.Skip(offset))
        {
            await context.Response.Body.WriteAsync(new[] { b });
            await context.Response.Body.FlushAsync();
            LogAsked.TrySetResult();
        }
    }

    private static string RunBody(string status) =>
        $$"""
            {"id":"{{Run}}","pipeline_id":"m1","pipeline_name":"shop","repository_id":"r1","repository_name":"shop@H",
             "project_id":"p1","project_name":"shop","run_number":7,"git_ref":"main","git_sha":"0123456789abcdef0123456789abcdef01234567",
             "event":"manual","branch":"main@H","executor":"process","actor":"tester",
             "status":"{{status}}","created_at":"{{At}}","finished_at":"2026-01-02T03:04:09Z","url":"http://shipinator.invalid/runs/7@H"}
            """;

    private static string ScheduleBody(string enabled) =>
        $$"""
            {"id":"c1","repository_id":"r1","repository_name":"shop","project_name":"shop","name":"nightly@H","cron":"0 3 * * *",
             "timezone":"Europe/Berlin","branch":"main","inputs":{},"enabled":{{enabled}},"status":"failing",
             "next_at":"{{At}}","last_run_number":7,"last_run_status":"success","note":"Late: @H","failure":"The forge is away. @H",
             "failures":2,"created_at":"{{At}}","updated_at":"{{At}}"}
            """;

    private string ArtifactBody() =>
        $$"""
            {"id":"{{Artifact}}","job_id":"j1","execution_id":"e1","artifact_type":"binary","file_name":"{{ArtifactName}}@H","size":7,
             "checksum":"{{ArtifactSum}}","storage_backend":"file","created_at":"{{At}}"}
            """;

    private string Jobs() =>
        $$"""
            {"jobs":[{"id":"j1","name":"build@H","detail":"because @H","job_type":"build","attempt":1,"status":"{{Ends
                ?? "canceled"}}","created_at":"{{At}}","steps":[
              {"id":"s1","name":"compile@H","job_attempt":1,"execution_order":0,"status":"{{Ends
                ?? "canceled"}}","created_at":"{{At}}","executions":[
                {"id":"e1","step_id":"s1","job_id":"j1","run_id":"{{Run}}","attempt":1,"executor_type":"process","external_id":"x",
                 "status":"success","logs_uri":"/l","submitted_at":"{{At}}","artifacts":[{{ArtifactBody()}}]}]}]}]}
            """;

    private IResult Json(string body, int status = 200) =>
        Results.Text(
            body.Replace("@H", Hostile, StringComparison.Ordinal),
            status >= 400 ? "application/problem+json" : "application/json",
            Encoding.UTF8,
            status
        );

    private static async Task ProblemAsync(HttpContext context, int status, string body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/problem+json";
        await context.Response.WriteAsync(body);
    }
}
