using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Shipinator.Forges.Tests.Api;

/// <summary>Receives webhooks.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Receiver()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            Requests.Enqueue(
                new(
                    context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase),
                    context.Request.ContentType,
                    body.ToArray()
                )
            );
        });
    }

    public ConcurrentQueue<WebhookRequest> Requests { get; } = new();

    public Uri Url { get; private set; } = null!;

    public static async Task<Receiver> StartAsync()
    {
        var receiver = new Receiver();
        await receiver._app.StartAsync();
        receiver.Url = new(receiver._app.Urls.Single() + "/v1/webhooks/1");
        return receiver;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
