using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Net.Http.Headers;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api.Badges;

/// <summary>
/// <c>/badges/{repository}.svg</c> for README files, and <c>cc.xml</c> for build monitors. A badge needs no token when its repository says
/// so; otherwise it needs the role of a reader, and everybody else gets the same response as for an unknown id.
/// </summary>
internal static class BadgeRoutes
{
    public static void MapBadges(this WebApplication app, IEndpointRouteBuilder v1)
    {
        app.MapGet("/badges/{file}", BadgeAsync).AllowAnonymous().ExcludeFromDescription();
        v1.MapGet("/projects/{id}/cc.xml", OfProjectAsync).RequireAuthorization(Policies.Read).WithTags("Projects");
        v1.MapGet("/repositories/{id}/cc.xml", OfRepositoryAsync).RequireAuthorization(Policies.Read).WithTags("Repositories");
    }

    private static async Task<IResult> BadgeAsync(
        string file,
        string? branch,
        string? @event,
        string? label,
        HttpContext context,
        RepositoryStore repositories,
        BadgeQueries badges,
        IAuthorizationService authorization,
        CancellationToken cancellation
    )
    {
        var shown = string.IsNullOrWhiteSpace(label) ? "build" : label;
        var repository =
            file.EndsWith(".svg", StringComparison.Ordinal) && Guid.TryParseExact(file[..^4], "D", out var id)
                ? await repositories.GetAsync(new(id), cancellation)
                : null;
        if (repository is null || !(repository.PublicBadge || (await authorization.AuthorizeAsync(context.User, Policies.Read)).Succeeded))
        {
            return Svg(context, Badge.Unknown(shown), StatusCodes.Status404NotFound);
        }

        var trigger = PipelineStore.TriggerTypes.Contains(@event, StringComparer.Ordinal) ? @event! : "push";
        var status = await badges.StatusAsync(
            repository.Id,
            string.IsNullOrEmpty(branch) ? repository.DefaultBranch : branch,
            trigger,
            cancellation
        );
        var (text, color) = Badge.Of(status);
        return Svg(context, Badge.Svg(shown, text, color), StatusCodes.Status200OK);
    }

    private static async Task<IResult> OfProjectAsync(
        string id,
        HttpContext context,
        ProjectStore projects,
        BadgeQueries badges,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        var project = Ids.Parse<ProjectId>(id);
        _ = await projects.GetAsync(project, cancellation) ?? throw new NotFoundException("project", id);
        return CcTray.Of(context, await badges.PipelinesAsync(project, null, cancellation), address.PublicUrl);
    }

    private static async Task<IResult> OfRepositoryAsync(
        string id,
        HttpContext context,
        RepositoryStore repositories,
        BadgeQueries badges,
        IServerAddress address,
        CancellationToken cancellation
    )
    {
        var repository = Ids.Parse<RepositoryId>(id);
        _ = await repositories.GetAsync(repository, cancellation) ?? throw new NotFoundException("repository", id);
        return CcTray.Of(context, await badges.PipelinesAsync(null, repository, cancellation), address.PublicUrl);
    }

    /// <summary>Proxies of forges keep images: they ask again each time, and get 304 while nothing has changed.</summary>
    private static IResult Svg(HttpContext context, string svg, int status)
    {
        context.MarkForeign();
        var bytes = Encoding.UTF8.GetBytes(svg);
        var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(bytes))[..32]}\"");
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers.ETag = tag.ToString();
        if (
            status == StatusCodes.Status200OK
            && context
                .Request.GetTypedHeaders()
                .IfNoneMatch.Any(known => known.Compare(tag, useStrongComparison: false) || known.Equals(EntityTagHeaderValue.Any))
        )
        {
            return TypedResults.StatusCode(StatusCodes.Status304NotModified);
        }

        return new SvgResult(bytes, status);
    }

    private sealed class SvgResult(byte[] bytes, int status) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = status;
            httpContext.Response.ContentType = "image/svg+xml; charset=utf-8";
            httpContext.Response.ContentLength = bytes.Length;
            await httpContext.Response.Body.WriteAsync(bytes, httpContext.RequestAborted);
        }
    }
}
