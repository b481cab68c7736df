using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Shipinator.Client;

namespace Shipinator.Runner.Tests;

/// <summary>The runner's part of <c>/v1</c> over real HTTP, with faults on request: it can stop and restart.</summary>
public sealed class FakeServer : IAsyncDisposable
{
    private readonly int _port;
    private readonly List<(string Execution, MemoryStream Bytes)> _logs = [];
    private WebApplication _app = null!;

    private FakeServer(int port) => _port = port;

    /// <summary>The runner in its own build folder: the tests' folder has the runtime configuration of the tests.</summary>
    public static string Program
    {
        get
        {
            var configuration = AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";
            return Path.Combine(Repository, "Runner", "bin", configuration, "net10.0", "Shipinator.Runner.dll");
        }
    }

    /// <summary>The solution's folder.</summary>
    public static string Repository
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder!.FullName, "Shipinator.sln")))
            {
                folder = folder.Parent;
            }

            return folder.FullName;
        }
    }

    public Uri Url => new($"http://127.0.0.1:{_port}");

    /// <summary>The work by execution; for an unknown execution the response is 410.</summary>
    public ConcurrentDictionary<string, ClaimResponse> Work { get; } = new();

    public TaskCompletionSource<StatusReport> Reported { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource<string> Claimed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>By execution: the next one of its step. Absent: there is none.</summary>
    public ConcurrentDictionary<string, string> Next { get; } = new();

    /// <summary>By execution: the secret of the runner that asked for the next one.</summary>
    public ConcurrentDictionary<string, string> NextAskedBy { get; } = new();

    /// <summary>Every claim, by execution.</summary>
    public ConcurrentQueue<(string Execution, string? Token, ClaimRequest Request)> Claims { get; } = new();

    /// <summary>Every report, by execution.</summary>
    public ConcurrentQueue<(string Execution, StatusReport Report)> Reports { get; } = new();

    public ConcurrentDictionary<string, byte[]> Uploads { get; } = new();

    /// <summary>Whether every response asks to cancel.</summary>
    public bool Cancel { get; set; }

    /// <summary>The response to every upload, before its bytes are read.</summary>
    public (int Status, string Code, string Detail)? RejectUploads { get; set; }

    /// <summary>Called with the number of uploads before the bytes of one are read.</summary>
    public Action<int>? OnUpload { get; set; }

    public int UploadRequests { get; private set; }

    /// <summary>How many appends are stored whose response is then lost.</summary>
    public int ResponsesToLose { get; set; }

    /// <summary>The logs of all executions, one after the other.</summary>
    public string Log
    {
        get
        {
            lock (_logs)
            {
                return string.Concat(_logs.Select(l => Encoding.UTF8.GetString(l.Bytes.ToArray())));
            }
        }
    }

    public static async Task<FakeServer> StartAsync()
    {
        using var socket = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        socket.Start();
        var port = ((System.Net.IPEndPoint)socket.LocalEndpoint).Port;
        socket.Stop();
        var server = new FakeServer(port);
        await server.RestartAsync();
        return server;
    }

    public async Task StopAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    public async Task RestartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(Url.ToString());
        _app = builder.Build();
        _app.MapPost(
            "/v1/executions/{id}/claim",
            async (string id, HttpContext context) =>
            {
                var body = await JsonSerializer.DeserializeAsync(context.Request.Body, RunnerJson.Default.ClaimRequest);
                Claims.Enqueue((id, context.Request.Headers.Authorization.ToString().Split(' ')[^1], body!));
                Claimed.TrySetResult(body!.Runner);
                return Work.TryGetValue(id, out var work)
                    ? Results.Content(JsonSerializer.Serialize(work, RunnerJson.Default.ClaimResponse), "application/json")
                    : Results.StatusCode(410);
            }
        );
        _app.MapPost("/v1/executions/{id}/logs", AppendAsync);
        _app.MapPost("/v1/executions/{id}/heartbeat", () => Respond(new RunnerResponse { Cancel = Cancel }));
        _app.MapPost(
            "/v1/executions/{id}/next",
            async (string id, HttpContext context) =>
            {
                NextAskedBy[id] = (await JsonSerializer.DeserializeAsync(context.Request.Body, RunnerJson.Default.NextRequest))!.Runner;
                return Next.TryGetValue(id, out var next)
                    ? Results.Content(
                        JsonSerializer.Serialize(
                            new NextResponse { ExecutionId = next, Token = "shx_of-" + next },
                            RunnerJson.Default.NextResponse
                        ),
                        "application/json"
                    )
                    : Results.StatusCode(410);
            }
        );
        _app.MapPost(
            "/v1/executions/{id}/status",
            async (string id, HttpContext context) =>
            {
                var report = (await JsonSerializer.DeserializeAsync(context.Request.Body, RunnerJson.Default.StatusReport))!;
                Reports.Enqueue((id, report));
                Reported.TrySetResult(report);
                return Respond(new RunnerResponse());
            }
        );
        _app.MapPost(
            "/v1/executions/{id}/artifacts",
            async (string name, HttpContext context) =>
            {
                UploadRequests++;
                if (RejectUploads is { } refusal)
                {
                    return Results.Content(
                        JsonSerializer.Serialize(new { code = refusal.Code, detail = refusal.Detail }),
                        "application/problem+json",
                        Encoding.UTF8,
                        refusal.Status
                    );
                }

                OnUpload?.Invoke(UploadRequests);
                using var bytes = new MemoryStream();
                await context.Request.Body.CopyToAsync(bytes);
                Uploads[name] = bytes.ToArray();
                return Results.Content($$"""{"id":"{{Guid.CreateVersion7()}}","size":{{bytes.Length}}}""", "application/json");
            }
        );
        await _app.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _logs.ForEach(l => l.Bytes.Dispose());
    }

    private async Task<IResult> AppendAsync(string id, HttpContext context)
    {
        var offset = long.Parse(context.Request.Query["offset"]!, CultureInfo.InvariantCulture);
        using var chunk = new MemoryStream();
        await context.Request.Body.CopyToAsync(chunk);
        long length;
        lock (_logs)
        {
            if (!_logs.Exists(l => l.Execution == id))
            {
                _logs.Add((id, new()));
            }

            var log = _logs.Find(l => l.Execution == id).Bytes;
            if (offset > log.Length)
            {
                return Results.Content("{\"code\":\"log_gap\"}", "application/problem+json", Encoding.UTF8, 409);
            }

            var known = (int)Math.Min(log.Length - offset, chunk.Length);
            log.Seek(0, SeekOrigin.End);
            log.Write(chunk.GetBuffer(), known, (int)chunk.Length - known);
            length = log.Length;
        }

        if (ResponsesToLose > 0)
        {
            ResponsesToLose--;
            context.Abort();
            return Results.Empty;
        }

        return Respond(new RunnerResponse { Length = length, Cancel = Cancel });
    }

    private static IResult Respond(RunnerResponse answer) =>
        Results.Content(JsonSerializer.Serialize(answer, RunnerJson.Default.RunnerResponse), "application/json");
}
