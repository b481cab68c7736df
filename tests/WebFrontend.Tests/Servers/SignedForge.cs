using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Shipinator.Forges.Git;

namespace Shipinator.WebFrontend.Tests.Servers;

/// <summary>
/// A forge whose payloads are events as they are stored, signed with HMAC-SHA256; its repositories are local Git repositories. The forges'
/// own formats are tested in their room: these tests are about what follows.
/// </summary>
internal sealed class SignedForge(GitForge git) : IWebhookForge
{
    public const string Secret = "the secret of the webhook";
    public const string Name = "signed";

    /// <summary>Called before each read of a file: the error with which it fails, or a barrier.</summary>
    public Func<string, Task> BeforeRead { get; set; } = _ => Task.CompletedTask;

    /// <summary>How many payloads were parsed.</summary>
    public int Parsed { get; private set; }

    public string Provider => Name;

    public int RecognitionOrder => 0;

    /// <summary>Adds the forge, and the secrets of all repositories but those in <paramref name="without"/>.</summary>
    public static void Use(IServiceCollection services, params Guid[] without)
    {
        services.AddSingleton<SignedForge>();
        services.AddSingleton<IForge>(s => s.GetRequiredService<SignedForge>());
        services.Replace(ServiceDescriptor.Singleton<IWebhookSecrets>(s => new Secrets(s, without)));
    }

    public static HttpRequestMessage Request(
        string repository,
        ForgeEvent reported,
        string? deliveryId = null,
        string secret = Secret,
        bool isForm = false,
        string eventName = "push"
    )
    {
        var json = PlanJson.Serialize(reported);
        return Request(
            repository,
            Encoding.UTF8.GetBytes(isForm ? $"payload={Uri.EscapeDataString(json)}" : json),
            deliveryId,
            secret,
            isForm,
            eventName
        );
    }

    public static HttpRequestMessage Request(
        string repository,
        byte[] body,
        string? deliveryId = null,
        string secret = Secret,
        bool isForm = false,
        string eventName = "push"
    )
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/webhooks/{repository}") { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(isForm ? "application/x-www-form-urlencoded" : "application/json");
        request.Headers.Add("X-Signed-Event", eventName);
        request.Headers.Add("X-Signed-Signature", Sign(body, secret));
        if (deliveryId is not null)
        {
            request.Headers.Add("X-Signed-Delivery", deliveryId);
        }

        return request;
    }

    public bool Recognizes(WebhookRequest request) => request.Headers.ContainsKey("X-Signed-Event");

    public bool IsSigned(WebhookRequest request, IReadOnlyList<string> secrets) =>
        request.Headers.TryGetValue("X-Signed-Signature", out var given)
        && secrets.Any(s =>
            CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Sign(request.Body.ToArray(), s)), Encoding.UTF8.GetBytes(given))
        );

    public WebhookDelivery Parse(WebhookRequest request)
    {
        Parsed++;
        try
        {
            var text = Encoding.UTF8.GetString(request.Body.Span);
            var json =
                request.ContentType == "application/x-www-form-urlencoded" ? Uri.UnescapeDataString(text["payload=".Length..]) : text;
            return new(
                request.Headers.GetValueOrDefault("X-Signed-Delivery"),
                request.Headers["X-Signed-Event"],
                PlanJson.Deserialize<ForgeEvent>(json)
            );
        }
        catch (Exception e) when (e is JsonException or ArgumentException or NotSupportedException)
        {
            throw new InvalidInputException("payload_malformed", $"The payload is not valid: {e.Message}");
        }
    }

    public Task<ResolvedRef> Resolve(ForgeRepository repository, string gitRef, CancellationToken cancellationToken) =>
        git.Resolve(repository, gitRef, cancellationToken);

    public Task<string> ReadFile(ForgeRepository repository, string commit, string path, CancellationToken cancellationToken) =>
        git.ReadFile(repository, commit, path, cancellationToken);

    public Task<IReadOnlyList<string>?> ChangedFiles(
        ForgeRepository repository,
        string baseCommit,
        string headCommit,
        CancellationToken cancellationToken
    ) => git.ChangedFiles(repository, baseCommit, headCommit, cancellationToken);

    public Task<IReadOnlyList<string>> ListRefs(ForgeRepository repository, CancellationToken cancellationToken) =>
        git.ListRefs(repository, cancellationToken);

    public Task<ResolvedRef> ResolveCommit(ForgeRepository repository, string commit, CancellationToken cancellationToken) =>
        git.ResolveCommit(repository, commit, cancellationToken);

    public async Task<CommitFile> ReadAt(
        ForgeRepository repository,
        string gitRef,
        string? commit,
        string path,
        CancellationToken cancellationToken
    )
    {
        await BeforeRead(gitRef);
        return await git.ReadAt(repository, gitRef, commit, path, cancellationToken);
    }

    public Task<bool> HasRef(ForgeRepository repository, string fullRef, CancellationToken cancellationToken) =>
        git.HasRef(repository, fullRef, cancellationToken);

    public Task<string?> DefaultBranch(ForgeRepository repository, CancellationToken cancellationToken) =>
        git.DefaultBranch(repository, cancellationToken);

    private static string Sign(byte[] body, string secret) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));

    private sealed class Secrets(IServiceProvider services, Guid[] without) : IWebhookSecrets
    {
        public async Task<IReadOnlyList<string>> Of(RepositoryId repository, CancellationToken cancellationToken) =>
            without.Contains(repository.Value)
            || await services.GetRequiredService<Schema.Stores.RepositoryStore>().GetAsync(repository, cancellationToken) is null
                ? []
                : ["an older secret", Secret];
    }
}
