using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Api.Problems;

namespace Shipinator.WebFrontend.Api;

/// <summary><c>/healthz/live</c> and <c>/healthz/ready</c>, for load balancers and Kubernetes.</summary>
internal static class HealthRoutes
{
    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        app.MapGet("/healthz/live", () => TypedResults.Text("alive\n")).AllowAnonymous().ExcludeFromDescription();
        app.MapGet(
                "/healthz/ready",
                async (IServiceProvider services, IHostApplicationLifetime lifetime, CancellationToken cancellation) =>
                {
                    if (lifetime.ApplicationStopping.IsCancellationRequested || !lifetime.ApplicationStarted.IsCancellationRequested)
                    {
                        return Problem.Of(503, "not_ready", "The server is starting or stopping.");
                    }

                    if (
                        services.GetService<Orleans.Runtime.ISiloStatusOracle>() is
                        { CurrentStatus: not Orleans.Runtime.SiloStatus.Active } silo
                    )
                    {
                        return Problem.Of(503, "not_ready", $"The silo is {silo.CurrentStatus}.");
                    }

                    await services.GetRequiredService<TokenStore>().AnyAsync(cancellation);
                    foreach (var check in services.GetServices<IReadinessCheck>())
                    {
                        if (await check.ReasonAsync(cancellation) is { } reason)
                        {
                            return Problem.Of(503, "not_ready", reason);
                        }
                    }

                    return Results.Text("ready\n");
                }
            )
            .AllowAnonymous()
            .ExcludeFromDescription();
    }
}
