namespace Shipinator.WebFrontend.Security;

/// <summary>Middleware that registers every request with the <see cref="AccessWatch"/>.</summary>
internal static class AccessWatching
{
    /// <summary>An open page is notified first, to show the reason; after this time its connection is closed in any case.</summary>
    private static readonly TimeSpan CircuitGrace = TimeSpan.FromSeconds(5);

    public static IApplicationBuilder UseAccessWatch(this IApplicationBuilder app)
    {
        var watch = app.ApplicationServices.GetRequiredService<AccessWatch>();
        var time = app.ApplicationServices.GetRequiredService<TimeProvider>();
        return app.Use(
            async (context, next) =>
            {
                using var completed = new CancellationTokenSource();
                using var watching = watch.Watch(context.User, reason => _ = EndAsync(context, time, completed.Token));
                try
                {
                    await next(context);
                }
                finally
                {
                    await completed.CancelAsync();
                }
            }
        );
    }

    private static async Task EndAsync(HttpContext context, TimeProvider time, CancellationToken completed)
    {
        if (context.Request.Path.StartsWithSegments(PublicOrigin.CircuitPath))
        {
            await Task.Delay(CircuitGrace, time, completed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (!completed.IsCancellationRequested)
        {
            // Abort instead of completing the response: otherwise a client would take the partial content for complete.
            context.Abort();
        }
    }
}
