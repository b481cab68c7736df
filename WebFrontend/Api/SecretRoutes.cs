using Shipinator.Client;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Secrets;
using Shipinator.WebFrontend.Api.Responses;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Api;

/// <summary>Secrets of projects and repositories, the credential and webhook secret of a repository, and the rotation of keys.</summary>
internal static class SecretRoutes
{
    public static void MapSecrets(this IEndpointRouteBuilder v1)
    {
        MapSecrets(v1.MapGroup("/projects/{id}/secrets"), id => SecretScope.Of(Ids.Parse<ProjectId>(id)));
        MapSecrets(v1.MapGroup("/repositories/{id}/secrets"), id => SecretScope.Of(Ids.Parse<RepositoryId>(id)));
        MapCredential(v1.MapGroup("/repositories/{id}/credential").WithTags("Secrets"));
        MapWebhookSecret(v1.MapGroup("/repositories/{id}/webhook-secret").WithTags("Secrets"));
        v1.MapPost("/admin/rotate-keys", RotateKeysAsync).WithTags("Secrets").RequireAuthorization(Policies.Admin);
    }

    private static async Task<RotateKeysResponse> RotateKeysAsync(
        SecretKeyRotation rotation,
        HttpContext context,
        CancellationToken cancellation
    )
    {
        var done = await rotation.RotateAsync(context.Actor(), cancellation);
        return new()
        {
            KeyId = done.KeyId,
            Reencrypted = done.Reencrypted,
            Remaining = done.Remaining,
        };
    }

    private static void MapSecrets(RouteGroupBuilder group, Func<string, SecretScope> scope)
    {
        group.WithTags("Secrets");
        group
            .MapGet(
                "",
                async (string id, SecretRegistry secrets, CancellationToken cancellation) =>
                    PageResponses.All(await secrets.ListAsync(scope(id), cancellation), SecretResponses.Of)
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapPut(
                "/{name}",
                async (
                    string id,
                    string name,
                    SetSecretRequest body,
                    SecretRegistry secrets,
                    HttpContext context,
                    CancellationToken cancellation
                ) =>
                    SecretResponses.Of(
                        await secrets.SetAsync(
                            scope(id),
                            name,
                            new()
                            {
                                Value = body.Value,
                                Events = body.Events,
                                Branches = body.Branches,
                            },
                            context.Actor(),
                            cancellation
                        )
                    )
            )
            .RequireAuthorization(Policies.Write);
        group
            .MapDelete(
                "/{name}",
                async (string id, string name, SecretRegistry secrets, HttpContext context, CancellationToken cancellation) =>
                {
                    await secrets.RemoveAsync(scope(id), name, context.Actor(), cancellation);
                    return TypedResults.NoContent();
                }
            )
            .RequireAuthorization(Policies.Write);
    }

    private static void MapCredential(RouteGroupBuilder group)
    {
        group
            .MapGet(
                "",
                async (string id, RepositoryCredentials credentials, CancellationToken cancellation) =>
                    SecretResponses.Of(
                        await credentials.GetAsync(Ids.Parse<RepositoryId>(id), cancellation)
                            ?? throw new NotFoundException("credential of repository", id)
                    )
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapPut(
                "",
                async (
                    string id,
                    SetCredentialRequest body,
                    RepositoryCredentials credentials,
                    HttpContext context,
                    CancellationToken cancellation
                ) =>
                    SecretResponses.Of(
                        await credentials.SetAsync(Ids.Parse<RepositoryId>(id), body.Username, body.Password, context.Actor(), cancellation)
                    )
            )
            .RequireAuthorization(Policies.Write);
        group
            .MapDelete(
                "",
                async (string id, RepositoryCredentials credentials, HttpContext context, CancellationToken cancellation) =>
                {
                    await credentials.RemoveAsync(Ids.Parse<RepositoryId>(id), context.Actor(), cancellation);
                    return TypedResults.NoContent();
                }
            )
            .RequireAuthorization(Policies.Write);
    }

    private static void MapWebhookSecret(RouteGroupBuilder group)
    {
        group
            .MapGet(
                "",
                async (string id, WebhookSecrets webhooks, CancellationToken cancellation) =>
                    SecretResponses.Of(
                        await webhooks.GetAsync(Ids.Parse<RepositoryId>(id), cancellation)
                            ?? throw new NotFoundException("webhook secret of repository", id)
                    )
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapPut(
                "",
                async (
                    string id,
                    SetWebhookSecretRequest body,
                    WebhookSecrets webhooks,
                    HttpContext context,
                    CancellationToken cancellation
                ) => SecretResponses.Of(await webhooks.SetAsync(Ids.Parse<RepositoryId>(id), body.Value, context.Actor(), cancellation))
            )
            .RequireAuthorization(Policies.Write);
        group
            .MapDelete(
                "",
                async (string id, WebhookSecrets webhooks, HttpContext context, CancellationToken cancellation) =>
                {
                    await webhooks.RemoveAsync(Ids.Parse<RepositoryId>(id), context.Actor(), cancellation);
                    return TypedResults.NoContent();
                }
            )
            .RequireAuthorization(Policies.Write);
    }
}
