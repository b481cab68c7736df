using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Shipinator.Forges.Api;

/// <summary>Requests about one repository, with its credential.</summary>
internal sealed partial class ApiSession(
    ForgeHttp http,
    RateLimits limits,
    ResponseCache cache,
    ApiAddress api,
    AuthenticationHeaderValue? authorization,
    string accept,
    ILogger logger
)
{
    /// <summary>Members in snake_case; what a forge adds is ignored.</summary>
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    /// <summary>The most values and names in a response: a short text may take a hundred times its length in memory.</summary>
    public const int MostValues = 500_000;

    private const int MostPages = 500;

    public ApiAddress Api => api;

    /// <summary>Whether the repository has a credential.</summary>
    public bool HasCredential => authorization is not null;

    /// <summary>
    /// The response, whatever its status. Errors: <see cref="ForgeRequestException"/> when there is none, or while the rate is limited.
    /// </summary>
    public async Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellationToken)
    {
        limits.Require(api, authorization);
        var key = request.Method == HttpMethod.Get ? ResponseCache.Key(request.Address, authorization) : null;
        var known = key is null ? null : cache.Find(key);
        var response = await http.SendAsync(
            api,
            request with
            {
                Authorization = authorization,
                Accept = accept,
                IfNoneMatch = known?.Tag,
            },
            cancellationToken
        );
        response = key is null ? response : cache.Resolve(key, known, response);
        if (limits.Of(api, authorization, response) is { } limited)
        {
            RateLimited(logger, api.Base.Host, limited.RetryAfter!.Value);
            throw limited;
        }

        return response;
    }

    /// <summary>The response to a request with a JSON body, whatever its status.</summary>
    public Task<ApiResponse> SendAsync(HttpMethod method, Uri address, object? body, CancellationToken cancellationToken) =>
        SendAsync(new(method, address) { Body = body is null ? null : JsonSerializer.SerializeToUtf8Bytes(body, Json) }, cancellationToken);

    /// <summary>The body of a success. Errors: <see cref="ForgeRequestException"/>.</summary>
    public async Task<T> GetAsync<T>(Uri address, string what, string rights, CancellationToken cancellationToken) =>
        Read<T>(Succeeded(await SendAsync(HttpMethod.Get, address, null, cancellationToken), what, rights), what);

    /// <summary>The response itself when it is a success. Errors: <see cref="ForgeRequestException"/>.</summary>
    public ApiResponse Succeeded(ApiResponse response, string what, string rights)
    {
        if (response.IsSuccess)
        {
            return response;
        }

        throw Failed(response, what, rights);
    }

    /// <summary>The error for a response that is no success; what the forge said is logged.</summary>
    public ForgeRequestException Failed(ApiResponse response, string what, string rights)
    {
        RequestFailed(logger, api.Base.Host, what, response.Status, ApiFailure.MessageOf(response));
        return ApiFailure.Of(api, response, what, rights, limits.RetryAfter(response));
    }

    /// <summary>The body as JSON. Errors: <see cref="ForgeRequestException"/>.</summary>
    public T Read<T>(ApiResponse response, string what)
    {
        try
        {
            RequireFewValues(response.Body, what);
            return JsonSerializer.Deserialize<T>(response.Body, Json) ?? throw ApiFailure.Unreadable(api, what);
        }
        catch (JsonException e)
        {
            throw ApiFailure.Unreadable(api, what, e);
        }
    }

    /// <summary>
    /// The items of all pages, in order; null when there are as many as the most, or too many pages. A server that ignores the number of
    /// the page gives its whole list. Errors: <see cref="ForgeRequestException"/>.
    /// </summary>
    public async Task<IReadOnlyList<T>?> PagesAsync<T>(
        Uri list,
        Paging paging,
        int most,
        string what,
        string rights,
        CancellationToken cancellationToken
    )
    {
        var all = new List<T>();
        byte[] previous = [];
        for (var page = 1; page <= MostPages; page++)
        {
            var response = await SendAsync(HttpMethod.Get, paging.Page(list, page), null, cancellationToken);
            if (page > 1 && response.IsSuccess && response.Body.AsSpan().SequenceEqual(previous))
            {
                // The same page again: whole, unless it is as long as a page.
                return all.Count % paging.Size == 0 ? null : all;
            }

            previous = response.Body;
            var items = Read<List<T>>(Succeeded(response, what, rights), what);
            if (items.Contains(default!))
            {
                throw ApiFailure.Unreadable(api, what);
            }

            all.AddRange(items);
            if (all.Count >= most)
            {
                return null;
            }

            if (items.Count == 0 || paging.IsLast(response))
            {
                return all;
            }
        }

        return null;
    }

    private void RequireFewValues(byte[] json, string what)
    {
        var reader = new Utf8JsonReader(json);
        for (var count = 0; reader.Read(); count++)
        {
            if (count > MostValues)
            {
                throw ApiFailure.Unreadable(api, what);
            }
        }
    }

    [LoggerMessage(5510, LogLevel.Warning, "{Host} could not {What}: HTTP status {Status} {Message}")]
    private static partial void RequestFailed(ILogger logger, string host, string what, int status, string message);

    [LoggerMessage(5511, LogLevel.Information, "{Host} limits the rate of requests for {Pause}")]
    private static partial void RateLimited(ILogger logger, string host, TimeSpan pause);
}
