using System.Security.Claims;
using Shipinator.Client;
using Shipinator.Schema.Queries;
using Shipinator.Triggers;
using Shipinator.Triggers.Tokens;
using Shipinator.WebFrontend.Api.Responses;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary><c>/v1/tokens</c> and <c>/v1/me</c>.</summary>
internal static class TokenRoutes
{
    public static void MapTokens(this IEndpointRouteBuilder v1)
    {
        v1.MapGet("/me", Me).RequireAuthorization(Policies.Read).WithTags("Tokens");
        var group = v1.MapGroup("/tokens").WithTags("Tokens").RequireAuthorization(Policies.Admin);
        group.MapGet(
            "",
            async (int? limit, string? cursor, ApiTokens tokens, CancellationToken cancellation) =>
                // Without a limit as many as a page can have: older clients read only the first page.
                PageResponses.Page(
                    await tokens.ListAsync(new(limit ?? PageRequest.MaxLimit, cursor), cancellation),
                    t => CatalogResponses.Of(t)
                )
        );
        group.MapPost(
            "",
            async (CreateTokenRequest body, ApiTokens tokens, CancellationToken cancellation) =>
            {
                var (row, text) = await tokens.CreateAsync(body.Name, body.Role, cancellation);
                return TypedResults.Created($"/v1/tokens/{row.Id}", CatalogResponses.Of(row, text));
            }
        );
        group.MapDelete(
            "/{id}",
            async (string id, ApiTokens tokens, CancellationToken cancellation) =>
            {
                await tokens.RevokeAsync(TokenId(id), cancellation);
                return TypedResults.NoContent();
            }
        );
    }

    private static MeResponse Me(HttpContext context) =>
        new() { Name = context.User.Identity?.Name ?? "", Role = context.User.FindFirst(ClaimTypes.Role)?.Value ?? "" };

    private static Guid TokenId(string id) =>
        Guid.TryParseExact(id, "D", out var token)
            ? token
            : throw new MalformedException(
                "id_malformed",
                "id",
                $"'{Fields.Excerpt(id)}' is not a valid token id; expected a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057."
            );
}
