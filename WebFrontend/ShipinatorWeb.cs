using Scalar.AspNetCore;
using Shipinator.WebFrontend.Api;
using Shipinator.WebFrontend.Api.Problems;
using Shipinator.WebFrontend.Dashboard;
using Shipinator.WebFrontend.Security;
using Shipinator.WebFrontend.Triggers;

namespace Shipinator.WebFrontend;

/// <summary>The web front end: what the composition root calls.</summary>
public static class ShipinatorWeb
{
    /// <summary>Registers the API.</summary>
    public static IServiceCollection AddShipinatorWeb(this IServiceCollection services, Action<WebOptions> configure)
    {
        var options = new WebOptions();
        configure(options);
        services.AddOptions<WebOptions>().Configure(configure);
        services.AddSingleton<ExecutionTokens>();
        services.AddSingleton<IExecutionTokens>(s => s.GetRequiredService<ExecutionTokens>());
        services.AddSingleton<AttemptLimits>();
        services.AddSingleton<AccessWatch>();
        services.AddSingleton<PlanningGate>();
        services.AddSingleton<ExecutionMasks>();
        services.AddSingleton<ArtifactUploads>();
        services.AddSingleton<ArtifactSweep>();
        services.AddHostedService(s => s.GetRequiredService<ArtifactSweep>());
        services.AddSingleton<RunTrigger>();
        services.AddSingleton<RepositorySync>();
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

    /// <summary>Loads what must be there before the first request.</summary>
    public static Task PrepareAsync(IServiceProvider services, CancellationToken cancellationToken = default) =>
        services.GetRequiredService<ExecutionTokens>().LoadAsync(cancellationToken);

    /// <summary>Maps every route.</summary>
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
                    "The server did not take this request. If it was a form, open its page again: forms grow old."
                )
                : NotServed(context.HttpContext, context.HttpContext.Response.StatusCode).ExecuteAsync(context.HttpContext)
        );
        app.UseNotFoundPage();
        app.UseRouting();
        app.UseAuthentication();
        app.Use(TellWhatIsNotServedAsync);
        app.UseAuthorization();
        app.UseAccessWatch();
        app.UseAntiforgery();
        app.MapOpenApi().AllowAnonymous();
        // Its scripts are not ours, and run at our address: not for everybody.
        app.MapScalarApiReference(o => o.DisableDefaultFonts().DisableTelemetry().DisableAgent()).RequireAuthorization(Policies.Read);
        app.MapHealth();
        app.MapDashboard();

        var v1 = app.MapGroup("/v1");
        v1.MapProjects();
        v1.MapRepositories();
        v1.MapRuns();
        v1.MapExecutions();
        v1.MapRunner();
        v1.MapArtifacts();
        v1.MapLint();
        v1.MapTokens();
        return app;
    }

    /// <summary>
    /// Before the authorization, whose fallback would refuse what is no route of ours (404), and, for somebody whom we know,
    /// a wrong method or media type (405, 415), as if they were secrets.
    /// </summary>
    private static Task TellWhatIsNotServedAsync(HttpContext context, RequestDelegate next) =>
        context.GetEndpoint() switch
        {
            null when DashboardServices.IsPageRequest(context) => DashboardServices.NotFound(context),
            null => NotServed(context, StatusCodes.Status404NotFound).ExecuteAsync(context),
            not RouteEndpoint and { RequestDelegate: { } refuse } when context.User.Identity?.IsAuthenticated == true => refuse(context),
            _ => next(context),
        };

    private static Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult NotServed(HttpContext context, int status) =>
        ProblemHandler.Problem(
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
                ? "The body is larger than this route takes."
                : $"{context.Request.Method} {context.Request.Path} is not served like this; the routes are described at /openapi/v1.json."
        );
}
