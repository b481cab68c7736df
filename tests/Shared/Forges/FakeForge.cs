using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;

namespace Shipinator.Testing.Forges;

/// <summary>
/// A forge on 127.0.0.1: its REST subset with real status codes over real HTTP, and its repositories by <c>git http-backend</c>. Tests read
/// what was posted, and make it fail.
/// </summary>
internal abstract class FakeForge : IAsyncDisposable
{
    private static readonly HttpClient Sender = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly ConcurrentDictionary<string, FakeRepository> _repositories = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, FakeUser> _users = new(StringComparer.Ordinal);
    private readonly string? _gitRoot;
    private WebApplication _app = null!;
    private long _ids;
    private bool _isDisposed;

    protected FakeForge(string? gitRoot) => _gitRoot = gitRoot;

    /// <summary>Every request to the API, in the order of arrival.</summary>
    public ConcurrentQueue<FakeRequest> Requests { get; } = new();

    /// <summary>Responds in place of the API; returns false to let the API respond. May abort the connection.</summary>
    public Func<HttpContext, Task<bool>> Before { get; set; } = _ => Task.FromResult(false);

    /// <summary>The port.</summary>
    public int Port { get; private set; }

    /// <summary>The origin, without a final slash.</summary>
    public string Origin => FormattableString.Invariant($"http://127.0.0.1:{Port}");

    /// <summary>The path of the API, with slashes around.</summary>
    protected abstract string ApiPath { get; }

    /// <summary>The clone URL of a repository.</summary>
    public string CloneUrl(string fullName) => $"{Origin}/{fullName}.git";

    /// <summary>Makes a repository known to the API. A clone needs a bare one at the same path below the Git root.</summary>
    public FakeRepository Add(string fullName, bool isPrivate = false) =>
        _repositories[fullName] = new(NextId(), fullName, isPrivate, FormattableString.Invariant($"{Origin}/{fullName}"));

    /// <summary>Makes a user known, who signs in with a token.</summary>
    public FakeUser AddUser(string login, string token) => _users[token] = new(NextId(), login);

    /// <summary>Makes a token invalid.</summary>
    public void Revoke(string token) => _users.TryRemove(token, out _);

    /// <summary>From now on, the old name redirects to the new one.</summary>
    public void Rename(string from, string to)
    {
        _repositories.TryRemove(from, out var repository);
        repository!.FullName = to;
        _repositories[to] = repository;
        Renamed[from] = to;
    }

    /// <summary>Old names with their new ones.</summary>
    protected ConcurrentDictionary<string, string> Renamed { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Sends an event to every active webhook of a repository that is registered for it; the responses' statuses.</summary>
    public async Task<IReadOnlyList<int>> DeliverAsync(FakeRepository repository, string eventName, string body, string? deliveryId = null)
    {
        var statuses = new List<int>();
        foreach (var hook in repository.Hooks.Where(h => h.Active && Wants(h, eventName)))
        {
            statuses.Add(await SendAsync(hook, eventName, body, deliveryId));
        }

        return statuses;
    }

    /// <summary>Sends an event to one webhook, signed with its secret; the response's status.</summary>
    public async Task<int> SendAsync(FakeHook hook, string eventName, string body, string? deliveryId = null)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        using var request = new HttpRequestMessage(HttpMethod.Post, hook.Url) { Content = new ByteArrayContent(bytes) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var id = deliveryId ?? FormattableString.Invariant($"00000000-0000-4000-8000-{NextId():x12}");
        foreach (var (name, value) in DeliveryHeaders(eventName, id, hook.Secret, bytes))
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await Sender.SendAsync(request);
        return (int)response.StatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected async Task ListenAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(ServeAsync);
        await _app.StartAsync();
        Port = new Uri(_app.Urls.Single()).Port;
    }

    /// <summary>The headers of a delivery.</summary>
    protected abstract IEnumerable<(string Name, string Value)> DeliveryHeaders(string eventName, string id, string? secret, byte[] body);

    /// <summary>Whether a webhook gets an event.</summary>
    protected virtual bool Wants(FakeHook hook, string eventName) => hook.Events.Contains(eventName);

    /// <summary>Responds to a request to the API.</summary>
    /// <param name="call">The request.</param>
    /// <param name="parts">The path below the API's, decoded.</param>
    protected abstract Task<FakeResponse> RespondAsync(FakeCall call, string[] parts);

    protected long NextId() => Interlocked.Increment(ref _ids);

    protected bool HasOwner(string owner) =>
        _repositories.Keys.Concat(Renamed.Keys).Any(n => n.StartsWith(owner + "/", StringComparison.OrdinalIgnoreCase));

    protected FakeRepository? Find(string fullName) => _repositories.GetValueOrDefault(fullName);

    /// <summary>The user of the request's credential; null when there is none, or it is not valid.</summary>
    protected FakeUser? UserOf(string authorization, StringComparison schemes)
    {
        var space = authorization.IndexOf(' ', StringComparison.Ordinal);
        var (scheme, value) = space < 0 ? ("", "") : (authorization[..space], authorization[(space + 1)..]);
        if (scheme.Equals("token", schemes) || scheme.Equals("Bearer", schemes))
        {
            return _users.GetValueOrDefault(value);
        }

        if (!scheme.Equals("Basic", schemes))
        {
            return null;
        }

        var pair = Encoding.UTF8.GetString(Convert.FromBase64String(value)).Split(':', 2);
        return _users.GetValueOrDefault(pair[^1]) ?? _users.GetValueOrDefault(pair[0]);
    }

    private async Task ServeAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        if (!path.StartsWith(ApiPath, StringComparison.Ordinal))
        {
            await (_gitRoot is null ? NotFoundAsync(context) : GitHttpBackend.ServeAsync(context, _gitRoot));
            return;
        }

        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var text = Encoding.UTF8.GetString(body.ToArray());
        var authorization = context.Request.Headers.Authorization.ToString();
        var raw = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        Requests.Enqueue(new(context.Request.Method, raw, authorization, text));
        if (await Before(context))
        {
            return;
        }

        var call = new FakeCall(context.Request, authorization, text);
        var response = await RespondAsync(call, path[ApiPath.Length..].Split('/'));
        context.Response.StatusCode = response.Status;
        foreach (var (name, value) in response.Headers)
        {
            context.Response.Headers[name] = value;
        }

        if (response.Text is not null)
        {
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync(response.Text);
        }
        else if (response.Json is not null)
        {
            context.Response.ContentType = "application/json;charset=utf-8";
            await context.Response.WriteAsync(response.Json.ToJsonString());
        }
    }

    private static Task NotFoundAsync(HttpContext context)
    {
        context.Response.StatusCode = 404;
        return Task.CompletedTask;
    }
}

/// <summary>A request as it arrived.</summary>
internal sealed record FakeRequest(string Method, string Target, string Authorization, string Body);

/// <summary>A request while it is served.</summary>
internal sealed record FakeCall(HttpRequest Request, string Authorization, string Body)
{
    public string Method => Request.Method;

    public int Number(string name, int otherwise) => int.TryParse(Request.Query[name], out var number) ? number : otherwise;

    /// <summary>The body as an object, also from a form; null when it is none.</summary>
    public JsonObject? Json
    {
        get
        {
            if (Request.ContentType == "application/x-www-form-urlencoded")
            {
                return new(QueryHelpers.ParseQuery(Body).Select(f => KeyValuePair.Create(f.Key, (JsonNode?)f.Value.ToString())));
            }

            try
            {
                return JsonNode.Parse(Body) as JsonObject;
            }
            catch (JsonException)
            {
                return null;
            }
        }
    }
}

/// <summary>A response of the API.</summary>
internal sealed record FakeResponse(int Status, JsonNode? Json = null, string? Text = null)
{
    public Dictionary<string, string> Headers { get; init; } = [];
}
