using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Shipinator.Forges.Api;

/// <summary>Opens sessions with the APIs of forges.</summary>
internal sealed class ForgeApi(ForgeHttp http, IRepositoryCredentials credentials, TimeProvider time, ILogger<ForgeApi> logger)
{
    private readonly RateLimits _limits = new(time);
    private readonly ResponseCache _cache = new();

    /// <summary>
    /// A session with the credential of the repository, which is used only when the clone URL is within its scope. Errors:
    /// <see cref="ForgeRequestException"/>.
    /// </summary>
    public async Task<ApiSession> OpenAsync(
        ForgeRepository repository,
        ApiAddress api,
        Func<GitCredential, AuthenticationHeaderValue> scheme,
        string accept,
        CancellationToken cancellationToken
    )
    {
        var found = await credentials.Find(repository.Id, repository.CloneUrl, cancellationToken);
        var authorization =
            found is not null && CloneAddress.TryParse(found.Scope, out _) is { } scope && api.CloneUrl.IsWithin(scope)
                ? scheme(found)
                : null;
        return new(http, _limits, _cache, api, authorization, accept, logger);
    }

    /// <summary>HTTP Basic.</summary>
    public static AuthenticationHeaderValue Basic(GitCredential credential) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.Username}:{credential.Password}")));
}
