using System.Globalization;
using System.Net.Http.Json;
using Shipinator.Testing;

namespace Shipinator.Grains.Tests.Statuses;

/// <summary>A forge that speaks the statuses' part of Gitea's API over real HTTP.</summary>
internal sealed class RestForge(string provider) : UnusedForge, IStatusForge, IDisposable
{
    private readonly HttpClient _client = new();

    public override string Provider => provider;

    public async Task PostStatus(ForgeRepository repository, string commit, CommitStatus status, CancellationToken cancellationToken)
    {
        var clone = new Uri(repository.CloneUrl);
        var path = clone.AbsolutePath.Replace(".git", "", StringComparison.Ordinal);
        HttpResponseMessage response;
        try
        {
            response = await _client.PostAsJsonAsync(
                new Uri(clone, $"/api/v1/repos{path}/statuses/{commit}"),
                new
                {
                    context = status.Context,
                    state = status.State.ToString().ToLowerInvariant(),
                    description = status.Description,
                    target_url = status.TargetUrl?.ToString(),
                },
                cancellationToken
            );
        }
        catch (HttpRequestException e)
        {
            throw new ForgeRequestException(ForgeRequestException.Unavailable, "The forge can't be reached.", isTransient: true, inner: e);
        }

        using (response)
        {
            var code = (int)response.StatusCode;
            if (code == 201)
            {
                return;
            }

            var (name, isTransient) = code switch
            {
                401 => (ForgeRequestException.Unauthorized, false),
                403 => (ForgeRequestException.Forbidden, false),
                404 => (ForgeRequestException.NotFound, false),
                429 => (ForgeRequestException.RateLimited, true),
                >= 500 => (ForgeRequestException.Unavailable, true),
                _ => (ForgeRequestException.Refused, false),
            };
            throw new ForgeRequestException(
                name,
                string.Create(CultureInfo.InvariantCulture, $"The forge answered {code}."),
                isTransient,
                code,
                response.Headers.RetryAfter?.Delta
            );
        }
    }

    public void Dispose() => _client.Dispose();
}
