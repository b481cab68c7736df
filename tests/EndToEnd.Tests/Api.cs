using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Shipinator.EndToEnd.Tests;

/// <summary>A plain HTTP client of <c>/v1</c>, so that the tests see the wire format and not our own client.</summary>
public sealed class Api : IDisposable
{
    private readonly HttpClient _http;

    public Api(Uri server, string token)
    {
        _http = new HttpClient { BaseAddress = server, Timeout = TimeSpan.FromSeconds(30) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public async Task<JsonElement> GetAsync(string path)
    {
        using var response = await _http.GetAsync(path);
        return await ReadAsync(response);
    }

    public async Task<JsonElement> PostAsync(string path, object? body = null)
    {
        using var response = await _http.PostAsJsonAsync(path, body ?? new { });
        return await ReadAsync(response);
    }

    public async Task DeleteAsync(string path)
    {
        using var response = await _http.DeleteAsync(path);
        await ReadAsync(response);
    }

    public Task<string> TextAsync(string path) => _http.GetStringAsync(path);

    /// <summary>Registers a local repository and returns the pipeline for manual runs.</summary>
    public async Task<string> RegisterAsync(string repositoryPath)
    {
        var project = await PostAsync("/v1/projects", new { name = $"p-{Path.GetFileName(repositoryPath)}" });
        var repository = await PostAsync(
            $"/v1/projects/{project.GetProperty("id").GetString()}/repositories",
            new
            {
                vcs_provider = "git",
                clone_url = repositoryPath,
                default_branch = "main",
            }
        );
        var id = repository.GetProperty("id").GetString();
        await PostAsync($"/v1/repositories/{id}/sync");
        var pipelines = await GetAsync($"/v1/repositories/{id}/pipelines");
        return Items(pipelines).Single(p => p.GetProperty("trigger_type").GetString() == "manual").GetProperty("id").GetString()!;
    }

    public async Task<string> TriggerAsync(string pipeline) =>
        (await PostAsync($"/v1/pipelines/{pipeline}/runs", new { git_ref = "main" })).GetProperty("id").GetString()!;

    /// <summary>The jobs with their steps, waiting (an outside process is watched) until a condition holds.</summary>
    public async Task<JsonElement> WaitForRunAsync(string run, Func<JsonElement, bool> condition, string what, TimeSpan limit)
    {
        var deadline = TimeProvider.System.GetUtcNow() + limit;
        JsonElement last = default;
        while (TimeProvider.System.GetUtcNow() < deadline)
        {
            try
            {
                last = await GetAsync($"/v1/pipeline-runs/{run}");
                if (condition(last))
                {
                    return last;
                }
            }
            catch (HttpRequestException)
            {
                // The server that was asked may just have been killed: the next request shows.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }

        throw new TimeoutException($"Run {run}: {what} did not come within {limit}; last seen: {last}");
    }

    public async Task<JsonElement> WaitForEndAsync(string run, TimeSpan limit) =>
        await WaitForRunAsync(run, r => r.GetProperty("status").GetString() is "success" or "failed" or "canceled", "an end", limit);

    /// <summary>All steps of a run, in order, each with its executions.</summary>
    public async Task<List<JsonElement>> StepsAsync(string run) =>
        Items(await GetAsync($"/v1/pipeline-runs/{run}/jobs")).SelectMany(j => j.GetProperty("steps").EnumerateArray()).ToList();

    public static IEnumerable<JsonElement> Items(JsonElement page) =>
        page.ValueKind == JsonValueKind.Array ? page.EnumerateArray()
        : page.TryGetProperty("items", out var items) ? items.EnumerateArray()
        : page.GetProperty("jobs").EnumerateArray();

    public void Dispose() => _http.Dispose();

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode
            ? JsonDocument.Parse(text.Length == 0 ? "null" : text).RootElement
            : throw new HttpRequestException(
                $"{response.RequestMessage?.RequestUri}: {(int)response.StatusCode} {text}",
                null,
                response.StatusCode
            );
    }
}
