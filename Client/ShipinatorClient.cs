using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Shipinator.Client;

/// <summary>
/// The client for <c>/v1</c>. Errors: <see cref="ShipinatorApiException"/> when the server responds with a problem,
/// <see cref="HttpRequestException"/> when it can't be reached.
/// </summary>
public sealed class ShipinatorClient(HttpClient http, TimeProvider? time = null)
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>Called at the beginning of each outage that a stream or <see cref="PersistAsync"/> bridges.</summary>
    public Action<Exception>? ConnectionLost { get; init; }

    private static ShipinatorJson Json => ShipinatorJson.Default;

    /// <summary>Creates an HTTP client for a server URL and an API token.</summary>
    public static HttpClient CreateHttp(Uri server, string? token)
    {
        ArgumentNullException.ThrowIfNull(server);
        var http = new HttpClient(
            new RateLimitHandler(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(10) }, TimeProvider.System)
        )
        {
            BaseAddress = new Uri(server.ToString().TrimEnd('/') + "/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
        if (token is not null)
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        return http;
    }

    public Task<MeResponse> MeAsync(CancellationToken cancellationToken = default) => GetAsync("v1/me", Json.MeResponse, cancellationToken);

    public IAsyncEnumerable<ProjectResponse> ListProjectsAsync(CancellationToken cancellationToken = default) =>
        PagesAsync("v1/projects?limit=100", Json.PageResponseProjectResponse, cancellationToken);

    public Task<ProjectResponse> CreateProjectAsync(CreateProjectRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("v1/projects", request, Json.CreateProjectRequest, Json.ProjectResponse, cancellationToken);

    public IAsyncEnumerable<RepositoryResponse> ListRepositoriesAsync(string project, CancellationToken cancellationToken = default) =>
        PagesAsync($"v1/projects/{Part(project)}/repositories?limit=100", Json.PageResponseRepositoryResponse, cancellationToken);

    public Task<RepositoryResponse> CreateRepositoryAsync(
        string project,
        CreateRepositoryRequest request,
        CancellationToken cancellationToken = default
    ) =>
        PostAsync(
            $"v1/projects/{Part(project)}/repositories",
            request,
            Json.CreateRepositoryRequest,
            Json.RepositoryResponse,
            cancellationToken
        );

    /// <summary>Updates a repository; null members stay unchanged.</summary>
    public Task<RepositoryResponse> UpdateRepositoryAsync(
        string repository,
        UpdateRepositoryRequest request,
        CancellationToken cancellationToken = default
    ) =>
        SendAsync(
            HttpMethod.Patch,
            $"v1/repositories/{Part(repository)}",
            JsonContent.Create(request, Json.UpdateRepositoryRequest),
            Json.RepositoryResponse,
            null,
            cancellationToken
        );

    public Task<PageResponse<PipelineResponse>> SyncAsync(string repository, CancellationToken cancellationToken = default) =>
        SendAsync(
            HttpMethod.Post,
            $"v1/repositories/{Part(repository)}/sync",
            null,
            Json.PageResponsePipelineResponse,
            null,
            cancellationToken
        );

    /// <summary>Sends the commit statuses that failed again.</summary>
    public Task<RetryStatusesResponse> RetryStatusesAsync(string repository, CancellationToken cancellationToken = default) =>
        SendAsync(
            HttpMethod.Post,
            $"v1/repositories/{Part(repository)}/statuses/retry",
            null,
            Json.RetryStatusesResponse,
            null,
            cancellationToken
        );

    public Task<PageResponse<PipelineResponse>> ListPipelinesAsync(string repository, CancellationToken cancellationToken = default) =>
        GetAsync($"v1/repositories/{Part(repository)}/pipelines", Json.PageResponsePipelineResponse, cancellationToken);

    /// <summary>The schedules of a repository; null: of all repositories.</summary>
    public IAsyncEnumerable<ScheduleResponse> ListSchedulesAsync(string? repository, CancellationToken cancellationToken = default) =>
        PagesAsync(
            repository is null ? "v1/schedules?limit=100" : $"v1/repositories/{Part(repository)}/schedules?limit=100",
            Json.PageResponseScheduleResponse,
            cancellationToken
        );

    /// <summary>Switches a schedule on or off.</summary>
    public Task<ScheduleResponse> UpdateScheduleAsync(
        string schedule,
        UpdateScheduleRequest request,
        CancellationToken cancellationToken = default
    ) =>
        SendAsync(
            HttpMethod.Patch,
            $"v1/schedules/{Part(schedule)}",
            JsonContent.Create(request, Json.UpdateScheduleRequest),
            Json.ScheduleResponse,
            null,
            cancellationToken
        );

    /// <summary>Creates a run of a schedule now. With a key, a repeated request returns the same run.</summary>
    public Task<RunResponse> RunScheduleAsync(
        string schedule,
        string? idempotencyKey = null,
        CancellationToken cancellationToken = default
    ) => SendAsync(HttpMethod.Post, $"v1/schedules/{Part(schedule)}/runs", null, Json.RunResponse, idempotencyKey, cancellationToken);

    /// <summary>Creates a run. With a key, a repeated request returns the same run.</summary>
    public Task<RunResponse> CreateRunAsync(
        string pipeline,
        CreateRunRequest request,
        string? idempotencyKey = null,
        CancellationToken cancellationToken = default
    ) =>
        SendAsync(
            HttpMethod.Post,
            $"v1/pipelines/{Part(pipeline)}/runs",
            JsonContent.Create(request, Json.CreateRunRequest),
            Json.RunResponse,
            idempotencyKey,
            cancellationToken
        );

    /// <summary>
    /// Creates a run of a repository from the pipeline file of its commit. With a key, a repeated request returns the same run.
    /// </summary>
    public Task<RunResponse> CreateRepositoryRunAsync(
        string repository,
        CreateRunRequest request,
        string? idempotencyKey = null,
        CancellationToken cancellationToken = default
    ) =>
        SendAsync(
            HttpMethod.Post,
            $"v1/repositories/{Part(repository)}/runs",
            JsonContent.Create(request, Json.CreateRunRequest),
            Json.RunResponse,
            idempotencyKey,
            cancellationToken
        );

    public Task<RunResponse> GetRunAsync(string run, CancellationToken cancellationToken = default) =>
        GetAsync($"v1/pipeline-runs/{Part(run)}", Json.RunResponse, cancellationToken);

    /// <summary>One page of runs, newest first; <paramref name="query"/> holds filters such as <c>status=failed</c>.</summary>
    public Task<PageResponse<RunResponse>> ListRunsAsync(string? query = null, CancellationToken cancellationToken = default) =>
        GetAsync("v1/pipeline-runs" + (query is null ? "" : "?" + query), Json.PageResponseRunResponse, cancellationToken);

    public Task<JobsResponse> GetJobsAsync(string run, CancellationToken cancellationToken = default) =>
        GetAsync($"v1/pipeline-runs/{Part(run)}/jobs", Json.JobsResponse, cancellationToken);

    public Task<RunResponse> CancelRunAsync(string run, CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Post, $"v1/pipeline-runs/{Part(run)}/cancel", null, Json.RunResponse, null, cancellationToken);

    /// <summary>Runs the plan of a run again. With a key, a repeated request returns the same run.</summary>
    public Task<RunResponse> RerunAsync(
        string run,
        RerunRequest request,
        string? idempotencyKey = null,
        CancellationToken cancellationToken = default
    ) =>
        SendAsync(
            HttpMethod.Post,
            $"v1/pipeline-runs/{Part(run)}/rerun",
            JsonContent.Create(request, Json.RerunRequest),
            Json.RunResponse,
            idempotencyKey,
            cancellationToken
        );

    /// <summary>The webhook deliveries of a repository, newest first.</summary>
    public IAsyncEnumerable<DeliveryResponse> ListDeliveriesAsync(string repository, CancellationToken cancellationToken = default) =>
        PagesAsync($"v1/repositories/{Part(repository)}/deliveries?limit=100", Json.PageResponseDeliveryResponse, cancellationToken);

    public Task<DeliveryResponse> GetDeliveryAsync(string delivery, CancellationToken cancellationToken = default) =>
        GetAsync($"v1/deliveries/{Part(delivery)}", Json.DeliveryResponse, cancellationToken);

    /// <summary>Processes a webhook delivery again; a run of it is a new one.</summary>
    public Task<DeliveryResponse> ProcessDeliveryAsync(string delivery, CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Post, $"v1/deliveries/{Part(delivery)}/process", null, Json.DeliveryResponse, null, cancellationToken);

    public Task<ExecutionResponse> GetExecutionAsync(string execution, CancellationToken cancellationToken = default) =>
        GetAsync($"v1/executions/{Part(execution)}", Json.ExecutionResponse, cancellationToken);

    public Task<LintResponse> LintAsync(LintRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("v1/pipeline-files/lint", request, Json.LintRequest, Json.LintResponse, cancellationToken);

    public Task<TokenResponse> CreateTokenAsync(CreateTokenRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("v1/tokens", request, Json.CreateTokenRequest, Json.TokenResponse, cancellationToken);

    public IAsyncEnumerable<TokenResponse> ListTokensAsync(CancellationToken cancellationToken = default) =>
        PagesAsync("v1/tokens?limit=100", Json.PageResponseTokenResponse, cancellationToken);

    /// <summary>Revokes a token.</summary>
    public Task RevokeTokenAsync(string token, CancellationToken cancellationToken = default) =>
        DeleteAsync($"v1/tokens/{Part(token)}", cancellationToken);

    public Task<ArtifactResponse> GetArtifactAsync(string artifact, CancellationToken cancellationToken = default) =>
        GetAsync($"v1/artifacts/{Part(artifact)}/metadata", Json.ArtifactResponse, cancellationToken);

    /// <summary>Opens the content of an artifact; the caller disposes the stream.</summary>
    public async Task<Stream> DownloadAsync(string artifact, CancellationToken cancellationToken = default)
    {
        var response = await http.GetAsync(
            $"v1/artifacts/{Part(artifact)}/download",
            HttpCompletionOption.ResponseHeadersRead,
            cancellationToken
        );
        await ThrowUnlessSuccessAsync(response, cancellationToken);
        return await response.Content.ReadAsStreamAsync(cancellationToken);
    }

    /// <summary>
    /// Reads the log's bytes from an offset; with <paramref name="follow"/> until it is sealed, resuming after a broken connection.
    /// </summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(
        string execution,
        long offset = 0,
        bool follow = false,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        var reconnect = new ReconnectPolicy(_time, ConnectionLost);
        var buffer = new byte[32 * 1024];
        var received = false;
        while (true)
        {
            Stream? stream = null;
            try
            {
                var response = await http.GetAsync(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"v1/executions/{Part(execution)}/logs?offset={offset}&follow={(follow ? "true" : "false")}"
                    ),
                    HttpCompletionOption.ResponseHeadersRead,
                    cancellationToken
                );
                await ThrowUnlessSuccessAsync(response, cancellationToken);
                stream = await response.Content.ReadAsStreamAsync(cancellationToken);
            }
            catch (Exception e) when (follow && ReconnectPolicy.IsTransient(e))
            {
                if (!await reconnect.WaitAsync(e, cancellationToken))
                {
                    throw;
                }

                continue;
            }

            await using (stream)
            {
                received = false;
                while (true)
                {
                    int read;
                    try
                    {
                        read = await stream.ReadAsync(buffer, cancellationToken);
                    }
                    catch (Exception e) when (follow && ReconnectPolicy.IsTransient(e))
                    {
                        if (!await reconnect.WaitAsync(e, cancellationToken))
                        {
                            throw;
                        }

                        received = true;
                        break;
                    }

                    if (read == 0)
                    {
                        break;
                    }

                    received = true;
                    reconnect.Succeeded();
                    offset += read;
                    yield return buffer.AsMemory(0, read).ToArray();
                }
            }

            // A proxy may end a stream as if it were complete: only an empty response marks the end of the log.
            if (!follow || !received)
            {
                yield break;
            }
        }
    }

    /// <summary>Streams all past and future transitions of a run until it is terminal, resuming after a broken connection.</summary>
    public async IAsyncEnumerable<TransitionResponse> WatchRunAsync(
        string run,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        string? last = null;
        var reconnect = new ReconnectPolicy(_time, ConnectionLost);
        while (true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"v1/pipeline-runs/{Part(run)}/events");
            request.Headers.Accept.ParseAdd("text/event-stream");
            if (last is not null)
            {
                request.Headers.TryAddWithoutValidation("Last-Event-ID", last);
            }

            HttpResponseMessage? response = null;
            try
            {
                response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
                await ThrowUnlessSuccessAsync(response, cancellationToken);
            }
            catch (Exception e) when (ReconnectPolicy.IsTransient(e))
            {
                response?.Dispose();
                if (!await reconnect.WaitAsync(e, cancellationToken))
                {
                    throw;
                }

                continue;
            }

            using (response)
            {
                await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
                await using var events = SseParser
                    .Create(stream, (_, data) => JsonSerializer.Deserialize(data, Json.TransitionResponse))
                    .EnumerateAsync(cancellationToken)
                    .GetAsyncEnumerator(cancellationToken);
                while (true)
                {
                    bool more;
                    try
                    {
                        more = await events.MoveNextAsync();
                    }
                    catch (Exception e) when (ReconnectPolicy.IsTransient(e))
                    {
                        if (!await reconnect.WaitAsync(e, cancellationToken))
                        {
                            throw;
                        }

                        break;
                    }

                    if (!more)
                    {
                        // The stream ended before the run did: the server shuts down, or a proxy cut it.
                        await reconnect.PauseAsync(cancellationToken);
                        break;
                    }

                    if (events.Current.Data is { } transition)
                    {
                        reconnect.Succeeded();
                        last = transition.Cursor;
                        yield return transition;
                        if (transition.Machine == "run" && transition.To is ("success" or "failed" or "canceled"))
                        {
                            yield break;
                        }
                    }
                }
            }
        }
    }

    /// <summary>
    /// Repeats an idempotent request while the server is unavailable, as <see cref="WatchRunAsync"/> does.
    /// Errors: those of the request, once they are permanent or have lasted for five minutes.
    /// </summary>
    public async Task<T> PersistAsync<T>(Func<Task<T>> request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var reconnect = new ReconnectPolicy(_time, ConnectionLost);
        while (true)
        {
            try
            {
                return await request();
            }
            catch (Exception e) when (ReconnectPolicy.IsTransient(e))
            {
                if (!await reconnect.WaitAsync(e, cancellationToken))
                {
                    throw;
                }
            }
        }
    }

    private static string Part(string id) => Uri.EscapeDataString(id);

    internal async Task DeleteAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await http.DeleteAsync(path, cancellationToken);
        await ThrowUnlessSuccessAsync(response, cancellationToken);
    }

    internal Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, path, null, type, null, cancellationToken);

    private Task<TResponse> PostAsync<TRequest, TResponse>(
        string path,
        TRequest request,
        JsonTypeInfo<TRequest> requestType,
        JsonTypeInfo<TResponse> responseType,
        CancellationToken cancellationToken
    ) => SendAsync(HttpMethod.Post, path, JsonContent.Create(request, requestType), responseType, null, cancellationToken);

    internal async Task<T> SendAsync<T>(
        HttpMethod method,
        string path,
        HttpContent? content,
        JsonTypeInfo<T> type,
        string? idempotencyKey,
        CancellationToken cancellationToken
    )
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        using var response = await http.SendAsync(request, cancellationToken);
        await ThrowUnlessSuccessAsync(response, cancellationToken);
        return await response.Content.ReadFromJsonAsync(type, cancellationToken)
            ?? throw new ShipinatorApiException(response.StatusCode, new() { Detail = "The server's response is empty." });
    }

    private async IAsyncEnumerable<T> PagesAsync<T>(
        string path,
        JsonTypeInfo<PageResponse<T>> type,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        string? cursor = null;
        do
        {
            var page = await GetAsync(cursor is null ? path : $"{path}&cursor={Uri.EscapeDataString(cursor)}", type, cancellationToken);
            foreach (var item in page.Items)
            {
                yield return item;
            }

            cursor = page.NextCursor;
        } while (cursor is not null);
    }

    private async Task ThrowUnlessSuccessAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.IsSuccessStatusCode)
        {
            return;
        }

        ProblemResponse? problem = null;
        try
        {
            problem = await response.Content.ReadFromJsonAsync(Json.ProblemResponse, cancellationToken);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            // Not a response of Shipinator, but of a proxy, for example.
        }

        var status = response.StatusCode;
        var retryAfter = RateLimitHandler.RequestedPause(response, _time);
        response.Dispose();
        throw new ShipinatorApiException(status, problem ?? new() { Detail = $"The server responded with status {(int)status}." })
        {
            RetryAfter = retryAfter,
        };
    }
}

/// <summary>The server responded with a problem.</summary>
public sealed class ShipinatorApiException(HttpStatusCode status, ProblemResponse problem)
    : Exception(problem.Detail ?? problem.Title ?? $"The server responded with status {(int)status}.")
{
    public HttpStatusCode Status { get; } = status;

    /// <summary>The pause that <c>Retry-After</c> asks for, if any.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The problem details.</summary>
    public ProblemResponse Problem { get; } = problem;
}
