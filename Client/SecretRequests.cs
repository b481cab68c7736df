using System.Net;
using System.Net.Http.Json;

namespace Shipinator.Client;

/// <summary>
/// The requests about secrets and credentials. Errors of every method: <see cref="ShipinatorApiException"/>,
/// <see cref="HttpRequestException"/>.
/// </summary>
public static class SecretRequests
{
    private static readonly ShipinatorJson Json = ShipinatorJson.Default;

    /// <summary>The secrets of a project or repository, by name.</summary>
    public static Task<PageResponse<SecretResponse>> ListSecretsAsync(
        this ShipinatorClient client,
        SecretPlace place,
        CancellationToken cancellationToken = default
    ) => Require(client).GetAsync($"{place.Path}/secrets", Json.PageResponseSecretResponse, cancellationToken);

    /// <summary>Creates or changes a secret.</summary>
    public static Task<SecretResponse> SetSecretAsync(
        this ShipinatorClient client,
        SecretPlace place,
        string name,
        SetSecretRequest request,
        CancellationToken cancellationToken = default
    ) =>
        Require(client)
            .SendAsync(
                HttpMethod.Put,
                $"{place.Path}/secrets/{Uri.EscapeDataString(name)}",
                JsonContent.Create(request, Json.SetSecretRequest),
                Json.SecretResponse,
                null,
                cancellationToken
            );

    /// <summary>Removes a secret.</summary>
    public static Task RemoveSecretAsync(
        this ShipinatorClient client,
        SecretPlace place,
        string name,
        CancellationToken cancellationToken = default
    ) => Require(client).DeleteAsync($"{place.Path}/secrets/{Uri.EscapeDataString(name)}", cancellationToken);

    /// <summary>A repository's own credential; null when it has none.</summary>
    public static Task<CredentialResponse?> GetCredentialAsync(
        this ShipinatorClient client,
        string repository,
        CancellationToken cancellationToken = default
    ) =>
        OrNullAsync(
            Require(client).GetAsync($"{SecretPlace.Repository(repository).Path}/credential", Json.CredentialResponse, cancellationToken)
        );

    /// <summary>Sets a repository's own credential.</summary>
    public static Task<CredentialResponse> SetCredentialAsync(
        this ShipinatorClient client,
        string repository,
        SetCredentialRequest request,
        CancellationToken cancellationToken = default
    ) =>
        Require(client)
            .SendAsync(
                HttpMethod.Put,
                $"{SecretPlace.Repository(repository).Path}/credential",
                JsonContent.Create(request, Json.SetCredentialRequest),
                Json.CredentialResponse,
                null,
                cancellationToken
            );

    /// <summary>Removes a repository's own credential.</summary>
    public static Task RemoveCredentialAsync(
        this ShipinatorClient client,
        string repository,
        CancellationToken cancellationToken = default
    ) => Require(client).DeleteAsync($"{SecretPlace.Repository(repository).Path}/credential", cancellationToken);

    /// <summary>A repository's webhook secret; null when it has none.</summary>
    public static Task<WebhookSecretResponse?> GetWebhookSecretAsync(
        this ShipinatorClient client,
        string repository,
        CancellationToken cancellationToken = default
    ) =>
        OrNullAsync(
            Require(client)
                .GetAsync($"{SecretPlace.Repository(repository).Path}/webhook-secret", Json.WebhookSecretResponse, cancellationToken)
        );

    /// <summary>Sets a repository's webhook secret.</summary>
    public static Task<WebhookSecretResponse> SetWebhookSecretAsync(
        this ShipinatorClient client,
        string repository,
        SetWebhookSecretRequest request,
        CancellationToken cancellationToken = default
    ) =>
        Require(client)
            .SendAsync(
                HttpMethod.Put,
                $"{SecretPlace.Repository(repository).Path}/webhook-secret",
                JsonContent.Create(request, Json.SetWebhookSecretRequest),
                Json.WebhookSecretResponse,
                null,
                cancellationToken
            );

    /// <summary>Removes a repository's webhook secret.</summary>
    public static Task RemoveWebhookSecretAsync(
        this ShipinatorClient client,
        string repository,
        CancellationToken cancellationToken = default
    ) => Require(client).DeleteAsync($"{SecretPlace.Repository(repository).Path}/webhook-secret", cancellationToken);

    /// <summary>Encrypts everything with the newest key.</summary>
    public static Task<RotateKeysResponse> RotateKeysAsync(this ShipinatorClient client, CancellationToken cancellationToken = default) =>
        Require(client).SendAsync(HttpMethod.Post, "v1/admin/rotate-keys", null, Json.RotateKeysResponse, null, cancellationToken);

    private static ShipinatorClient Require(ShipinatorClient client)
    {
        ArgumentNullException.ThrowIfNull(client);
        return client;
    }

    private static async Task<T?> OrNullAsync<T>(Task<T> request)
        where T : class
    {
        try
        {
            return await request;
        }
        catch (ShipinatorApiException e) when (e.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
    }
}

/// <summary>A project or repository whose secrets are meant.</summary>
public sealed record SecretPlace
{
    private SecretPlace(string path) => Path = path;

    internal string Path { get; }

    /// <summary>The project with this id.</summary>
    public static SecretPlace Project(string id) => new($"v1/projects/{Uri.EscapeDataString(id)}");

    /// <summary>The repository with this id.</summary>
    public static SecretPlace Repository(string id) => new($"v1/repositories/{Uri.EscapeDataString(id)}");
}
