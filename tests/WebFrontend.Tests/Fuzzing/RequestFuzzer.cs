using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Fuzzing;

/// <summary>
/// Requests over all routes × hostile values × roles. Each is made from the seed and its number alone, so that one that did harm can be
/// made again.
/// </summary>
internal sealed class RequestFuzzer(
    ApiServer server,
    int seed,
    IReadOnlyList<string> ids,
    IReadOnlyList<(string Name, Action<HttpRequestMessage> Authorize)> roles
)
{
    private static readonly string[] More =
    [
        "GET /",
        "GET /runs",
        "GET /runs/{id}",
        "GET /projects/{id}",
        "GET /signin",
        "POST /signin",
        "GET /signin/{id}",
        "GET /signout",
        "POST /signout",
        "GET /forbidden",
        "GET /admin",
        "GET /admin/orleans/",
        "GET /scalar",
        "GET /openapi/v1.json",
        "GET /openapi/{id}",
        "GET /healthz/live",
        "GET /healthz/ready",
        "GET /_blazor",
        "POST /_blazor",
        "POST /_blazor/negotiate",
        "POST /_blazor/disconnect",
        "GET /_blazor/initializers",
        "GET /_framework/{id}",
        "GET /_content/{id}",
        "GET /{id}",
        "PUT /v1/projects/{id}",
        "OPTIONS /v1/projects",
        "HEAD /v1/projects",
        "TRACE /v1/projects",
        "X-ODD /v1/{id}",
    ];

    private static readonly string[] Queries =
    [
        "limit",
        "cursor",
        "status",
        "branch",
        "event",
        "project",
        "repository",
        "pipeline",
        "offset",
        "follow",
        "type",
        "name",
        "ref",
        "return",
        "gone",
        "id",
        "negotiateVersion",
        "_",
        "v",
    ];

    private static readonly string[] Headers =
    [
        "Last-Event-ID",
        "Idempotency-Key",
        "Range",
        "If-Range",
        "If-None-Match",
        "If-Match",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "X-Log-Times",
        "X-Content-SHA256",
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Origin",
        "Referer",
        "Upgrade",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-HTTP-Method-Override",
        "traceparent",
        "Cookie",
        "Expect-CT",
        "Content-Language",
        "Access-Control-Request-Method",
        "Sec-WebSocket-Key",
    ];

    private static readonly string[] Types =
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json; charset=x",
        "application/json; charset=utf-16",
        "application/octet-stream",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=x",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=x",
        "application/problem+json",
        "x",
        ";",
        "application/json;;",
        "*/*",
    ];

    private static readonly string[] FieldNames =
    [
        "name",
        "description",
        "vcs_provider",
        "clone_url",
        "default_branch",
        "executor",
        "git_ref",
        "git_sha",
        "inputs",
        "from",
        "content",
        "event",
        "branch",
        "role",
        "runner",
        "wait_seconds",
        "job_id",
        "prepared",
        "status",
        "exit_code",
        "logs_uri",
        "artifacts",
        "reason",
        "detail",
    ];

    /// <summary>By the end of a route: a body that it takes, so that one hostile value in it comes as far as it can.</summary>
    private static readonly (string Route, string[] Fields)[] Bodies =
    [
        ("POST /v1/projects", ["name:\"p\"", "description:\"d\""]),
        ("PATCH /v1/projects/{id}", ["name:\"p\"", "description:\"d\""]),
        (
            "POST /v1/projects/{id}/repositories",
            ["vcs_provider:\"git\"", "clone_url:\"https://127.0.0.1:1/x\"", "default_branch:\"main\"", "name:\"r\"", "executor:\"process\""]
        ),
        ("PATCH /v1/repositories/{id}", ["name:\"r\"", "default_branch:\"main\"", "executor:\"process\""]),
        ("POST /v1/pipelines/{id}/runs", ["git_ref:\"main\"", "git_sha:null", "inputs:{}"]),
        ("POST /v1/pipeline-runs/{id}/rerun", ["from:\"start\""]),
        ("POST /v1/pipeline-files/lint", ["content:\"build: {}\"", "event:\"manual\"", "branch:\"main\"", "inputs:{}"]),
        ("POST /v1/tokens", ["name:\"t\"", "role:\"read\""]),
        ("POST /v1/executions/{id}/claim", ["runner:\"r\"", "wait_seconds:0", "job_id:null", "prepared:false"]),
        ("POST /v1/executions/{id}/next", ["runner:\"r\""]),
        ("POST /v1/executions/{id}/heartbeat", ["runner:\"r\""]),
        (
            "POST /v1/executions/{id}/status",
            ["status:\"running\"", "exit_code:0", "logs_uri:\"http://x/\"", "artifacts:[]", "reason:\"exit_code\"", "detail:\"d\""]
        ),
    ];

    private readonly ConcurrentDictionary<int, int> _answers = new();

    /// <summary>How often each status was answered.</summary>
    public IReadOnlyDictionary<int, int> Answers => _answers;

    /// <summary>Sends so many; what the server answered with 500 or more, or not at all, in words.</summary>
    public async Task<IReadOnlyList<string>> RunAsync(int count, int atOnce)
    {
        var routes = await RoutesAsync();
        var bad = new ConcurrentQueue<string>();
        using var http = new HttpClient(
            new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8,
            }
        )
        {
            BaseAddress = server.Url,
            Timeout = TimeSpan.FromSeconds(60),
        };
        await Parallel.ForEachAsync(
            Enumerable.Range(0, count),
            new ParallelOptions { MaxDegreeOfParallelism = atOnce },
            async (number, cancellation) =>
            {
                var random = new Random(HashCode(seed, number));
                using var request = Make(random, routes, out var role);
                try
                {
                    using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
                    _answers.AddOrUpdate((int)answer.StatusCode, 1, (_, n) => n + 1);
                    if ((int)answer.StatusCode >= 500)
                    {
                        bad.Enqueue(
                            $"#{number} as {role}: {request.Method} {Show(request.RequestUri!.OriginalString)} → "
                                + $"{(int)answer.StatusCode} {Show(await answer.Content.ReadAsStringAsync(cancellation))}"
                        );
                    }
                }
                catch (HttpRequestException e) when (e.InnerException is not IOException and not System.Net.Sockets.SocketException)
                {
                    // Nothing that can be sent at all.
                    _answers.AddOrUpdate(0, 1, (_, n) => n + 1);
                }
                catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
                {
                    bad.Enqueue(
                        $"#{number} as {role}: {request.Method} {Show(request.RequestUri!.OriginalString)} → "
                            + $"{e.Message} {e.InnerException?.Message}"
                    );
                }
            }
        );
        return [.. bad.Order(StringComparer.Ordinal)];
    }

    private HttpRequestMessage Make(Random random, List<string> routes, out string role)
    {
        var values = new HostileValues(random, ids);
        var route = routes[random.Next(routes.Count)].Split(' ');
        var path = string.Join(
            '/',
            route[1]
                .Split('/')
                .Select(p =>
                    p.StartsWith('{')
                        ? random.Next(4) == 0
                            ? values.Part()
                            : ids[random.Next(ids.Count)]
                        : random.Next(60) == 0
                            ? values.Part()
                            : p
                )
        );
        var query = string.Join(
            '&',
            Enumerable
                .Range(0, random.Next(4))
                .Select(_ =>
                    (random.Next(10) == 0 ? values.Part() : Queries[random.Next(Queries.Length)])
                    + "="
                    + (random.Next(15) == 0 ? "" : values.Part())
                )
        );
        // What is followed has no end.
        path =
            (path.Length > 7000 ? path[..7000] : path)
            + (query.Length > 0 ? "?" + query.Replace("follow=true", "follow=x", StringComparison.OrdinalIgnoreCase) : "");
        var request = new HttpRequestMessage(
            new(route[0]),
            new Uri(
                server.Url.GetLeftPart(UriPartial.Authority) + (path.StartsWith('/') ? path : "/" + path),
                new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }
            )
        );
        if (route[0] is not ("GET" or "HEAD" or "TRACE" or "OPTIONS") || random.Next(20) == 0)
        {
            request.Content = new ByteArrayContent(Body(random, values, string.Join(' ', route)));
            request.Content.Headers.TryAddWithoutValidation(
                "Content-Type",
                random.Next(2) == 0
                    ? route[1].EndsWith("/logs", StringComparison.Ordinal) || route[1].EndsWith("/artifacts", StringComparison.Ordinal)
                        ? "application/octet-stream"
                        : "application/json"
                    : Types[random.Next(Types.Length)]
            );
        }

        for (var i = random.Next(3); i > 0; i--)
        {
            request.Headers.TryAddWithoutValidation(
                Headers[random.Next(Headers.Length)],
                random.Next(8) == 0 ? "bytes=" + values.Header() : values.Header()
            );
        }

        if (random.Next(3) == 0)
        {
            request.Headers.TryAddWithoutValidation("Accept", "text/html");
        }

        var chosen = roles[random.Next(roles.Count)];
        role = chosen.Name;
        chosen.Authorize(request);
        return request;
    }

    private static byte[] Body(Random random, HostileValues values, string route)
    {
        if (random.Next(10) < 7 && Bodies.FirstOrDefault(b => b.Route == route).Fields is { } known)
        {
            var hostile = random.Next(known.Length + 1);
            return Encoding.UTF8.GetBytes(
                "{"
                    + string.Join(
                        ',',
                        known.Select(
                            (f, i) =>
                                f.Split(':', 2) is var parts && i == hostile
                                    ? $"\"{parts[0]}\":{values.Json()}"
                                    : $"\"{parts[0]}\":{parts[1]}"
                        )
                    )
                    + "}"
            );
        }

        switch (random.Next(10))
        {
            case 0:
                var bytes = new byte[random.Next(300)];
                random.NextBytes(bytes);
                return bytes;
            case 1:
                return Encoding.UTF8.GetBytes(values.Json());
            case 2:
                return Encoding.UTF8.GetBytes($"{values.Part()}={values.Part()}&Token={values.Part()}&_handler=signin");
            default:
                var fields = Enumerable
                    .Range(0, random.Next(1, 6))
                    .Select(_ => $"\"{FieldNames[random.Next(FieldNames.Length)]}\":{values.Json()}");
                return Encoding.UTF8.GetBytes("{" + string.Join(",", fields) + "}");
        }
    }

    private async Task<List<string>> RoutesAsync()
    {
        using var document = JsonDocument.Parse(await server.Admin.GetStringAsync("/openapi/v1.json"));
        var routes = document
            .RootElement.GetProperty("paths")
            .EnumerateObject()
            .SelectMany(p => p.Value.EnumerateObject().Select(m => $"{m.Name.ToUpperInvariant()} {p.Name}"))
            .ToList();
        // The API is the larger part of what can be reached.
        return [.. routes, .. routes, .. routes, .. More];
    }

    private static int HashCode(int seed, int number) => unchecked((seed * 486187739) + (number * 16777619));

    private static string Show(string text) =>
        string.Concat(
            text.Take(400).Select(c => c is < ' ' or > '~' ? "\\u" + ((int)c).ToString("x4", CultureInfo.InvariantCulture) : c.ToString())
        );
}
