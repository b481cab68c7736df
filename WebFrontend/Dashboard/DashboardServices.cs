using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Diagnostics;
using MudBlazor;
using MudBlazor.Services;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Dashboard.Components;
using Shipinator.WebFrontend.Dashboard.Components.Shared;
using Shipinator.WebFrontend.Dashboard.Features.Runs;
using Shipinator.WebFrontend.Dashboard.Live;
using Shipinator.WebFrontend.Dashboard.Logs;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Dashboard;

/// <summary>Registers the services and routes of the dashboard.</summary>
internal static class DashboardServices
{
    private const string NotFoundPath = "/not-found";

    /// <summary>The manifest of static web assets that the build writes next to the server.</summary>
    private const string AssetManifest = "Shipinator.Silo.staticwebassets.endpoints.json";

    public static IServiceCollection AddDashboard(this IServiceCollection services)
    {
        services.AddDashboardAccess();
        services
            .AddRazorComponents()
            .AddInteractiveServerComponents(o =>
            {
                o.DisconnectedCircuitRetentionPeriod = TimeSpan.FromMinutes(3);
                o.DetailedErrors = false;
            });
        services.AddCascadingAuthenticationState();
        services.AddMudServices(mud =>
        {
            mud.SnackbarConfiguration.PositionClass = Defaults.Classes.Position.BottomCenter;
            mud.SnackbarConfiguration.PreventDuplicates = true;
            mud.SnackbarConfiguration.VisibleStateDuration = 8000;
        });
        services.AddScoped<AuthenticationStateProvider, SessionRevalidation>();
        services.AddScoped<Session>();
        services.AddScoped<RunActions>();
        services.AddScoped<PaletteSearch>();
        services.AddSingleton<WaitReasonLookup>();
        services.AddView<RunId, RunSnapshot, RunSource>();
        services.AddView<bool, OverviewSnapshot, OverviewSource>();
        services.AddView<Scope, ScopeSnapshot, ScopeSource>();
        services.AddView<ProjectsKey, ProjectsSnapshot, ProjectsSource>();
        services.AddView<SchedulesKey, SchedulesSnapshot, SchedulesSource>();
        services.AddView<bool, TokensSnapshot, TokensSource>();
        services.AddView<SecretScope, SecretsSnapshot, SecretsSource>();
        services.AddView<DeliveriesKey, DeliveriesSnapshot, DeliveriesSource>();
        services.AddView<bool, ClusterSnapshot, ClusterSource>();
        services.AddView<RunListKey, RunListSnapshot, RunListSource>();
        services.AddView<ExecutionId, LogView, LogSource>();
        return services;
    }

    public static void MapDashboard(this WebApplication app)
    {
        var manifest = Path.Combine(AppContext.BaseDirectory, AssetManifest);
        if (File.Exists(manifest))
        {
            app.MapStaticAssets(manifest).AllowAnonymous();
        }

        SignInLinks.Map(app);
        // Pages declare their policies; the endpoint of their circuits (/_blazor) has none of its own and requires the read role.
        app.MapRazorComponents<App>()
            .AddInteractiveServerRenderMode(o => o.ContentSecurityFrameAncestorsPolicy = null)
            .RequireAuthorization(Policies.Read);
    }

    /// <summary>Responds with the "Page not found" page, status 404, when a browser requests an unknown address.</summary>
    public static IApplicationBuilder UseNotFoundPage(this IApplicationBuilder app) =>
        app.Use(
            async (context, next) =>
            {
                await next(context);
                if (context.Items.ContainsKey(NotFoundPath) && !context.Response.HasStarted)
                {
                    // Without it, Blazor treats the 404 as its own and renders nothing.
                    context.Features.Set<IStatusCodeReExecuteFeature>(
                        new StatusCodeReExecuteFeature { OriginalPathBase = context.Request.PathBase, OriginalPath = context.Request.Path }
                    );
                    context.SetEndpoint(null);
                    context.Request.RouteValues.Clear();
                    context.Request.Path = NotFoundPath;
                    await next(context);
                }
            }
        );

    /// <summary>Whether a browser requests a page.</summary>
    public static bool IsPageRequest(HttpContext context) =>
        HttpMethods.IsGet(context.Request.Method)
        && context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal)
        && !context.Request.Path.StartsWithSegments("/v1");

    /// <summary>Causes <see cref="UseNotFoundPage"/> to respond with its page.</summary>
    public static Task NotFound(HttpContext context)
    {
        context.Items[NotFoundPath] = true;
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private static void AddView<TKey, TView, TSource>(this IServiceCollection services)
        where TKey : notnull
        where TView : class
        where TSource : class, IViewSource<TKey, TView>
    {
        services.AddSingleton<IViewSource<TKey, TView>, TSource>();
        services.AddSingleton<SharedViews<TKey, TView>>();
    }
}
