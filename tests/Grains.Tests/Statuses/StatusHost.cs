using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Shipinator.Grains.Tests.Engine;

namespace Shipinator.Grains.Tests.Statuses;

/// <summary>A status that a host received.</summary>
internal sealed record Post(string Repository, string Commit, string Context, string State, string Description, string? TargetUrl);

/// <summary>A forge on 127.0.0.1 that takes commit statuses over HTTP, and answers as the test says.</summary>
internal sealed class StatusHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Lock _lock = new();
    private readonly List<Post> _received = [];
    private readonly List<Post> _accepted = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private StatusHost()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.MapPost("/api/v1/repos/{owner}/{name}/statuses/{sha}", TakeAsync);
    }

    /// <summary>The status, and headers, with which a post is answered. 201 accepts it.</summary>
    public Func<Post, (int Status, string? RetryAfter)> Answer { get; set; } = _ => (201, null);

    /// <summary>Runs after a post was received and before it is answered.</summary>
    public Func<Post, Task> Before { get; set; } = _ => Task.CompletedTask;

    public Uri Url { get; private set; } = null!;

    public static async Task<StatusHost> StartAsync()
    {
        var host = new StatusHost();
        await host._app.StartAsync();
        host.Url = new(host._app.Urls.Single());
        return host;
    }

    /// <summary>All requests of a repository, refused ones included.</summary>
    public List<Post> Received(string repository)
    {
        lock (_lock)
        {
            return [.. _received.Where(p => p.Repository == repository)];
        }
    }

    /// <summary>What the forge has: the accepted posts of a repository in their order.</summary>
    public List<Post> Accepted(string repository)
    {
        lock (_lock)
        {
            return [.. _accepted.Where(p => p.Repository == repository)];
        }
    }

    /// <summary>Waits until the accepted posts of a repository fulfill a condition.</summary>
    public async Task<List<Post>> UntilAsync(string repository, Func<List<Post>, bool> condition)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                changed = _changed.Task;
            }

            if (Accepted(repository) is var posts && condition(posts))
            {
                return posts;
            }

            var rest = EngineCluster.Patience - TimeProvider.System.GetElapsedTime(start);
            if (rest <= TimeSpan.Zero)
            {
                throw new TimeoutException($"The forge received only: {string.Join("; ", posts)}");
            }

            await Task.WhenAny(changed, Task.Delay(rest, TimeProvider.System));
        }
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task<IResult> TakeAsync(string owner, string name, string sha, HttpContext context)
    {
        var body = (await JsonSerializer.DeserializeAsync<Dictionary<string, string?>>(context.Request.Body))!;
        var post = new Post(
            $"{owner}/{name}",
            sha,
            body["context"]!,
            body["state"]!,
            body["description"]!,
            body.GetValueOrDefault("target_url")
        );
        lock (_lock)
        {
            _received.Add(post);
        }

        await Before(post);
        var (status, retryAfter) = Answer(post);
        if (retryAfter is not null)
        {
            context.Response.Headers.RetryAfter = retryAfter;
        }

        lock (_lock)
        {
            if (status == StatusCodes.Status201Created)
            {
                _accepted.Add(post);
            }

            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        return Results.StatusCode(status);
    }
}
