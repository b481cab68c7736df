using Microsoft.Extensions.Options;
using Scalar.AspNetCore;
using Shipinator.Triggers;
using Shipinator.Triggers.Runs;
using Shipinator.WebFrontend.Api;
using Shipinator.WebFrontend.Api.Badges;
using Shipinator.WebFrontend.Api.Problems;
using Shipinator.WebFrontend.Dashboard;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend;

/// <summary>The entry points for the composition root.</summary>
public static class ShipinatorWeb
{
    /// <summary>Registers the API, the dashboard and the operations behind them.</summary>
    public static IServiceCollection AddShipinatorWeb(this IServiceCollection services, Action<WebOptions> configure)
    {
        var options = new WebOptions();
        configure(options);
        services.AddSingleton<IValidateOptions<WebOptions>, WebOptionsValidator>();
        services.AddOptions<WebOptions>().Configure(configure).ValidateOnStart();
        services.AddSingleton<ExecutionTokens>();
        services.AddSingleton<IExecutionTokens>(s => s.GetRequiredService<ExecutionTokens>());
        services.AddSingleton<AttemptLimits>();
        services.AddSingleton<IRunLimits>(s => s.GetRequiredService<AttemptLimits>());
        services.AddSingleton<AccessWatch>();
        services.AddSingleton<ExecutionMasks>();
        services.AddSingleton<ArtifactUploads>();
        services.AddSingleton<WebhookBodies>();
        services.AddSingleton<WebhookReceiver>();
        services.AddSingleton<ArtifactSweep>();
        services.AddHostedService(s => s.GetRequiredService<ArtifactSweep>());
        services.AddTriggers(triggers =>
        {
            triggers.DefaultExecutor = options.DefaultExecutor;
            triggers.DefaultImage = options.DefaultImage;
        });
        services.AddAccess();
        services.AddDashboard();
        services.AddProblemDetails();
        services.AddExceptionHandler<ProblemHandler>();
        services.AddOpenApi("v1");
        services.Configure<RouteHandlerOptions>(o => o.ThrowOnBadRequest = true);
        services.ConfigureHttpJsonOptions(json => RequestJson.Configure(json.SerializerOptions));
        services.Configure<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
        });
        return services;
    }

    /// <summary>Loads the key of the execution tokens; call it before the server starts.</summary>
    public static Task PrepareAsync(IServiceProvider services, CancellationToken cancellationToken = default) =>
        services.GetRequiredService<ExecutionTokens>().LoadAsync(cancellationToken);

    /// <summary>Adds the middleware and maps every route.</summary>
    public static WebApplication MapShipinator(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.UseTrustedProxies();
        app.UseBrowserHeaders();
        app.UseExceptionHandler();
        app.UsePublicOrigin();
        app.UseRequestText();
        app.UseStatusCodePages(context =>
            ProblemPage.IsWanted(context.HttpContext)
                ? ProblemPage.WriteAsync(
                    context.HttpContext,
                    context.HttpContext.Response.StatusCode,
                    "The server refused this request. If it was a form, reload its page and submit it again, because forms expire."
                )
                : UnknownRoute(context.HttpContext, context.HttpContext.Response.StatusCode).ExecuteAsync(context.HttpContext)
        );
        app.UseNotFoundPage();
        app.UseRouting();
        app.UseAuthentication();
        app.Use(RefuseUnknownRoutesAsync);
        app.UseAuthorization();
        app.UseAccessWatch();
        app.UseAntiforgery();
        app.MapOpenApi().AllowAnonymous();
        // Third-party scripts that run at our origin: for authenticated users only.
        app.MapScalarApiReference(o => o.DisableDefaultFonts().DisableTelemetry().DisableAgent()).RequireAuthorization(Policies.Read);
        app.MapHealth();
        app.MapDashboard();

        var v1 = app.MapGroup("/v1");
        v1.MapProjects();
        v1.MapRepositories();
        v1.MapSchedules();
        v1.MapRuns();
        v1.MapExecutions();
        v1.MapRunner();
        v1.MapArtifacts();
        v1.MapLint();
        v1.MapTokens();
        v1.MapSecrets();
        app.MapBadges(v1);
        v1.MapWebhooks();
        v1.MapDeliveries();
        return app;
    }

    /// <summary>
    /// Responds with 404 for unknown routes, and for authenticated callers with 405 and 415, before the fallback policy of the
    /// authorization would respond with 401 or 403.
    /// </summary>
    private static Task RefuseUnknownRoutesAsync(HttpContext context, RequestDelegate next) =>
        context.GetEndpoint() switch
        {
            null when DashboardServices.IsPageRequest(context) => DashboardServices.NotFound(context),
            null => UnknownRoute(context, StatusCodes.Status404NotFound).ExecuteAsync(context),
            not RouteEndpoint and { RequestDelegate: { } refuse } when context.User.Identity?.IsAuthenticated == true => refuse(context),
            _ => next(context),
        };

    private static Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult UnknownRoute(HttpContext context, int status) =>
        Problem.Of(
            status,
            status switch
            {
                404 => "route_not_found",
                405 => "method_not_allowed",
                413 => "body_too_large",
                415 => "media_type_unsupported",
                _ => "request_refused",
            },
            status == StatusCodes.Status413PayloadTooLarge
                ? "The body is larger than this route accepts."
                : $"{context.Request.Method} {context.Request.Path} is not a route of this server; /openapi/v1.json describes its routes."
        );
}
