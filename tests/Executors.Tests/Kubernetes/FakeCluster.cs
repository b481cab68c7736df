using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// The part of a Kubernetes API server that the executor speaks to, over real HTTP: Jobs, pods, Secrets, events; lists in pages,
/// chunked watches, foreground deletion; with faults to order. It answers as the recordings of a real one do.
/// </summary>
internal sealed class FakeCluster : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Kind, string Namespace, string Name), JsonObject> _objects = [];
    private readonly List<(long Version, string Kind, string Type, JsonObject Object)> _log = [];
    private readonly ConcurrentDictionary<string, int> _requests = new(StringComparer.Ordinal);
    private readonly int _port;
    private WebApplication _app = null!;
    private TaskCompletionSource _grown = New();
    private CancellationTokenSource _cut = new();
    private long _version = 100;
    private long _oldest;

    private FakeCluster(int port) => _port = port;

    /// <summary>Every n-th create is carried out and its answer lost; 0: none.</summary>
    public int LoseAnswers { get; set; }

    /// <summary>How many of the next requests are answered 429.</summary>
    public int TooMany { get; set; }

    /// <summary>Creates are refused with this.</summary>
    public (int Code, string Reason, string Message)? Refuse { get; set; }

    /// <summary>Requests so far, by method and kind; <c>GET jobs watch</c> for watches.</summary>
    public IReadOnlyDictionary<string, int> Requests => _requests;

    /// <summary>A Job was made: what its controller, the scheduler and the kubelet act on.</summary>
    public event Action<JsonObject>? JobMade;

    /// <summary>A Job is to go, in the foreground: by its name.</summary>
    public event Action<string>? JobDeleting;

    public string Kubeconfig { get; } = Path.GetTempFileName();

    public int Count(string kind)
    {
        lock (_gate)
        {
            return _objects.Keys.Count(k => k.Kind == kind);
        }
    }

    public JsonObject? Get(string kind, string name)
    {
        lock (_gate)
        {
            return _objects.FirstOrDefault(o => o.Key.Kind == kind && o.Key.Name == name).Value?.DeepClone().AsObject();
        }
    }

    public static async Task<FakeCluster> StartAsync()
    {
        using var socket = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        socket.Start();
        var port = ((System.Net.IPEndPoint)socket.LocalEndpoint).Port;
        socket.Stop();
        var cluster = new FakeCluster(port);
        await File.WriteAllTextAsync(cluster.Kubeconfig, $$"""
            apiVersion: v1
            kind: Config
            current-context: fake
            clusters: [ { name: fake, cluster: { server: "http://127.0.0.1:{{port}}" } } ]
            users: [ { name: fake, user: { token: t } } ]
            contexts: [ { name: fake, context: { cluster: fake, user: fake } } ]
            """);
        await cluster.ComeBackAsync();
        return cluster;
    }

    public async Task ComeBackAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{_port}");
        _app = builder.Build();
        _app.Map("/{**path}", AnswerAsync);
        await _app.StartAsync();
    }

    public async Task GoAwayAsync()
    {
        CutWatches();
        await _app.StopAsync(new CancellationTokenSource(TimeSpan.FromSeconds(1)).Token);
        await _app.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await GoAwayAsync();
        File.Delete(Kubeconfig);
    }

    /// <summary>Connections of watches end in the middle.</summary>
    public void CutWatches()
    {
        lock (_gate)
        {
            _cut.Cancel();
            _cut = new();
        }
    }

    /// <summary>Whatever was seen so far can't be watched from any more: 410.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            _oldest = ++_version;
        }

        CutWatches();
    }

    /// <summary>Makes or changes an object, as a controller would.</summary>
    public void Put(string kind, JsonObject found)
    {
        lock (_gate)
        {
            Store(kind, found);
        }
    }

    /// <summary>The pod of a worker, in this state.</summary>
    public void PutPod(string worker, string status, bool deleting = false) => Put("pods", new JsonObject
    {
        ["metadata"] = new JsonObject
        {
            ["deletionTimestamp"] = deleting ? "2030-01-01T00:00:00Z" : null,
            ["name"] = $"{worker}-x",
            ["namespace"] = "ci",
            ["uid"] = $"pod-{worker}",
            ["creationTimestamp"] = DateTimeOffset.UnixEpoch.AddYears(60).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
            ["labels"] = Get("jobs", worker)!["spec"]!["template"]!["metadata"]!["labels"]!.DeepClone(),
        },
        ["status"] = JsonNode.Parse(status),
    });

    public void Remove(string kind, string name)
    {
        lock (_gate)
        {
            foreach (var key in _objects.Keys.Where(k => k.Kind == kind && k.Name == name).ToList())
            {
                var gone = _objects[key];
                _objects.Remove(key);
                Tell(kind, "DELETED", gone);
            }
        }
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var parts = context.Request.Path.Value!.Trim('/').Split('/');
        var at = Array.IndexOf(parts, "namespaces");
        if (at < 0 || parts.Length < at + 3)
        {
            await FailAsync(context, 404, "NotFound", "the server could not find the requested resource");
            return;
        }

        var (ns, kind, name) = (parts[at + 1], parts[at + 2], parts.Length > at + 3 ? parts[at + 3] : null);
        var isWatch = context.Request.Query["watch"] == "true";
        var count = _requests.AddOrUpdate($"{context.Request.Method} {kind}{(isWatch ? " watch" : "")}", 1, (_, n) => n + 1);
        if (TooMany > 0)
        {
            TooMany--;
            context.Response.Headers.RetryAfter = "1";
            await FailAsync(context, 429, "TooManyRequests", "the server has received too many requests");
            return;
        }

        switch (context.Request.Method)
        {
            case "POST":
                await CreateAsync(context, ns, kind, count);
                break;
            case "DELETE":
                await DeleteAsync(context, ns, kind, name!);
                break;
            case "PATCH":
                await PatchAsync(context, ns, kind, name!);
                break;
            case "GET" when isWatch:
                await WatchAsync(context, ns, kind);
                break;
            case "GET" when name is null:
                await ListAsync(context, ns, kind);
                break;
            default:
                var found = Find(kind, ns, name!);
                await (found is null ? MissingAsync(context, kind, name!) : WriteAsync(context, 200, found));
                break;
        }
    }

    private async Task CreateAsync(HttpContext context, string ns, string kind, int count)
    {
        if (Refuse is var (code, reason, message))
        {
            await FailAsync(context, code, reason, message);
            return;
        }

        var made = (await JsonNode.ParseAsync(context.Request.Body))!.AsObject();
        var meta = made["metadata"]!.AsObject();
        var name = (string)meta["name"]!;
        lock (_gate)
        {
            if (!_objects.ContainsKey((kind, ns, name)))
            {
                meta["uid"] = Guid.CreateVersion7().ToString();
                meta["namespace"] = ns;
                meta["creationTimestamp"] = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
                made["status"] = new JsonObject();
                Store(kind, made);
                made = made.DeepClone().AsObject();
            }
            else
            {
                made = null;
            }
        }

        if (made is null)
        {
            await FailAsync(context, 409, "AlreadyExists", $"{kind} \"{name}\" already exists");
        }
        else if (LoseAnswers == 0 && kind == "jobs")
        {
            JobMade?.Invoke(made);
            await WriteAsync(context, 201, made);
        }
        else if (LoseAnswers > 0 && count % LoseAnswers == 0)
        {
            context.Abort();
        }
        else
        {
            await WriteAsync(context, 201, made);
        }
    }

    /// <summary>Foreground: it stays, with a finalizer, until its pods are gone. Without a policy its pods are orphaned.</summary>
    private async Task DeleteAsync(HttpContext context, string ns, string kind, string name)
    {
        var body = context.Request.ContentLength > 0 ? await JsonNode.ParseAsync(context.Request.Body) : null;
        if (Find(kind, ns, name) is not { } found)
        {
            await MissingAsync(context, kind, name);
            return;
        }

        if ((string?)body?["propagationPolicy"] == "Foreground")
        {
            var meta = found["metadata"]!.AsObject();
            meta["deletionTimestamp"] ??= TimeProvider.System.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
            meta["finalizers"] = new JsonArray("foregroundDeletion");
            Put(kind, found);
            JobDeleting?.Invoke(name);
        }
        else
        {
            Remove(kind, name);
        }

        await WriteAsync(context, 200, found);
    }

    private async Task PatchAsync(HttpContext context, string ns, string kind, string name)
    {
        var patch = (await JsonNode.ParseAsync(context.Request.Body))!.AsObject();
        if (Find(kind, ns, name) is not { } found)
        {
            await MissingAsync(context, kind, name);
            return;
        }

        foreach (var (key, value) in patch["spec"]!.AsObject())
        {
            found["spec"]![key] = value!.DeepClone();
        }

        Put(kind, found);
        await WriteAsync(context, 200, found);
    }

    private async Task ListAsync(HttpContext context, string ns, string kind)
    {
        JsonObject list;
        lock (_gate)
        {
            var after = (string?)context.Request.Query["continue"] ?? "";
            var limit = int.TryParse(context.Request.Query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : int.MaxValue;
            var all = _objects.Where(o => o.Key.Kind == kind && o.Key.Namespace == ns && Matches(context, o.Value) && string.CompareOrdinal(o.Key.Name, after) > 0)
                .OrderBy(o => o.Key.Name, StringComparer.Ordinal).ToList();
            var meta = new JsonObject { ["resourceVersion"] = _version.ToString(CultureInfo.InvariantCulture) };
            if (all.Count > limit)
            {
                meta["continue"] = all[limit - 1].Key.Name;
            }

            list = new() { ["kind"] = "List", ["metadata"] = meta, ["items"] = new JsonArray([.. all.Take(limit).Select(o => o.Value.DeepClone())]) };
        }

        await WriteAsync(context, 200, list);
    }

    private async Task WatchAsync(HttpContext context, string ns, string kind)
    {
        var from = long.Parse(context.Request.Query["resourceVersion"]!, CultureInfo.InvariantCulture);
        CancellationToken cut;
        lock (_gate)
        {
            cut = _cut.Token;
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, cut);
        context.Response.ContentType = "application/json";
        await context.Response.Body.FlushAsync(end.Token);
        while (!end.IsCancellationRequested)
        {
            Task grown;
            List<string> lines;
            lock (_gate)
            {
                grown = _grown.Task;
                lines = from < _oldest
                    ? ["""{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}"""]
                    : [.. _log.Where(e => e.Version > from && e.Kind == kind && (string?)e.Object["metadata"]!["namespace"] == ns && Matches(context, e.Object))
                        .Select(e => new JsonObject { ["type"] = e.Type, ["object"] = e.Object.DeepClone() }.ToJsonString())];
                var expired = from < _oldest;
                from = _version;
                if (expired)
                {
                    grown = Task.FromException(new IOException());
                }
            }

            foreach (var line in lines)
            {
                await context.Response.WriteAsync(line + "\n", end.Token);
            }

            try
            {
                await context.Response.Body.FlushAsync(end.Token);
                await grown.WaitAsync(end.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                if (cut.IsCancellationRequested)
                {
                    context.Abort();
                }

                return;
            }
        }
    }

    private void Store(string kind, JsonObject found)
    {
        var meta = found["metadata"]!;
        var key = (kind, (string)meta["namespace"]!, (string)meta["name"]!);
        var type = _objects.ContainsKey(key) ? "MODIFIED" : "ADDED";
        _objects[key] = found;
        Tell(kind, type, found);
    }

    private void Tell(string kind, string type, JsonObject found)
    {
        found["metadata"]!["resourceVersion"] = (++_version).ToString(CultureInfo.InvariantCulture);
        _log.Add((_version, kind, type, found.DeepClone().AsObject()));
        var grown = _grown;
        _grown = New();
        grown.SetResult();
    }

    private JsonObject? Find(string kind, string ns, string name)
    {
        lock (_gate)
        {
            return _objects.GetValueOrDefault((kind, ns, name))?.DeepClone().AsObject();
        }
    }

    private static bool Matches(HttpContext context, JsonObject found) =>
        ((string?)context.Request.Query["labelSelector"] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('='))
            .All(p => (string?)found["metadata"]!["labels"]?[p[0]] == p[1]);

    private static Task MissingAsync(HttpContext context, string kind, string name) => FailAsync(context, 404, "NotFound", $"{kind} \"{name}\" not found");

    private static Task FailAsync(HttpContext context, int code, string reason, string message) => WriteAsync(context, code, new()
    {
        ["kind"] = "Status",
        ["apiVersion"] = "v1",
        ["metadata"] = new JsonObject(),
        ["status"] = "Failure",
        ["message"] = message,
        ["reason"] = reason,
        ["code"] = code,
    });

    private static async Task WriteAsync(HttpContext context, int code, JsonObject body)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(body.ToJsonString()));
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
