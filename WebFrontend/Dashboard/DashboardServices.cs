using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Diagnostics;
using MudBlazor;
using MudBlazor.Services;
using Shipinator.WebFrontend.Dashboard.Components;
using Shipinator.WebFrontend.Dashboard.Components.Shared;
using Shipinator.WebFrontend.Dashboard.Features.Runs;
using Shipinator.WebFrontend.Dashboard.Live;
using Shipinator.WebFrontend.Dashboard.Logs;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Dashboard;

/// <summary>The dashboard's services and routes.</summary>
internal static class DashboardServices
{
    private const string NotFoundPath = "/not-found";

    /// <summary>What the build wrote beside the server about the files that browsers load.</summary>
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
        services.AddScoped<PlaceSearch>();
        services.AddSingleton<Waiting>();
        services.AddView<RunId, RunSnapshot, RunSource>();
        services.AddView<bool, OverviewSnapshot, OverviewSource>();
        services.AddView<Scope, ScopeSnapshot, ScopeSource>();
        services.AddView<ProjectsKey, ProjectsSnapshot, ProjectsSource>();
        services.AddView<bool, TokensSnapshot, TokensSource>();
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
        // Pages say whom they are for; what keeps them alive (/_blazor) can't, and is for whoever may read anything at all.
        app.MapRazorComponents<App>()
            .AddInteractiveServerRenderMode(o => o.ContentSecurityFrameAncestorsPolicy = null)
            .RequireAuthorization(Policies.Read);
    }

    /// <summary>An address that nobody serves is answered with a page, with status 404, when a person asked.</summary>
    public static IApplicationBuilder UseNotFoundPage(this IApplicationBuilder app) =>
        app.Use(
            async (context, next) =>
            {
                await next(context);
                if (context.Items.ContainsKey(NotFoundPath) && !context.Response.HasStarted)
                {
                    // Without it Blazor takes the 404 for its own finding and draws nothing.
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

    public static bool IsForPeople(HttpContext context) =>
        HttpMethods.IsGet(context.Request.Method)
        && context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal)
        && !context.Request.Path.StartsWithSegments("/v1");

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
