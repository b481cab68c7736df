using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;

namespace Shipinator.Client;

/// <summary>What became of a claim.</summary>
public enum ClaimOutcome
{
    /// <summary>Here is the work.</summary>
    Work,

    /// <summary>Not yet: ask again.</summary>
    NotYet,

    /// <summary>Not needed: skipped, canceled or over.</summary>
    NotNeeded,

    /// <summary>Refused for good: another runner has it, or the token is no good.</summary>
    Refused,
}

/// <summary>
/// The runner's side of <c>/v1</c> for one execution. Errors: <see cref="HttpRequestException"/> with the status when the
/// server answered, without one when it could not be reached.
/// </summary>
public sealed class RunnerClient(HttpClient http, string executionId)
{
    /// <summary>The header of a log chunk that says when its bytes were printed: <c>OFFSET=MILLISECONDS</c>, separated by commas.</summary>
    public const string LogTimesHeader = "X-Log-Times";

    /// <summary>A header is short: no chunk may have more marks.</summary>
    public const int MostLogTimes = 200;

    private const long ExpectContinueFrom = 64 * 1024;

    private readonly string _path = $"v1/executions/{executionId}";

    /// <summary>An HTTP client for a server's address and an execution's token; it never times out by itself.</summary>
    public static HttpClient CreateHttp(Uri server, string token)
    {
        var http = new HttpClient(
            new RetryAfterHandler(
                new SocketsHttpHandler
                {
                    PooledConnectionLifetime = TimeSpan.FromMinutes(2),
                    ConnectTimeout = TimeSpan.FromSeconds(10),
                    Expect100ContinueTimeout = TimeSpan.FromSeconds(5),
                    UseProxy = false,
                },
                TimeProvider.System
            )
        )
        {
            BaseAddress = new Uri(server.ToString().TrimEnd('/') + "/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return http;
    }

    /// <summary>Asks for the work; the server may hold the request for <see cref="ClaimRequest.WaitSeconds"/>.</summary>
    public async Task<(ClaimOutcome Outcome, ClaimResponse? Work)> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken)
    {
        using var response = await http.PostAsync(
            $"{_path}/claim",
            JsonContent.Create(request, RunnerJson.Default.ClaimRequest),
            cancellationToken
        );
        return response.StatusCode switch
        {
            HttpStatusCode.OK => (
                ClaimOutcome.Work,
                await response.Content.ReadFromJsonAsync(RunnerJson.Default.ClaimResponse, cancellationToken)
            ),
            HttpStatusCode.NoContent => (ClaimOutcome.NotYet, null),
            HttpStatusCode.Gone => (ClaimOutcome.NotNeeded, null),
            HttpStatusCode.Conflict or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.NotFound => (
                ClaimOutcome.Refused,
                null
            ),
            _ => throw await FailureAsync(response, cancellationToken),
        };
    }

    /// <summary>
    /// Appends bytes to the log at an offset; the answer's length is what the server has. A gap is no error: its length says
    /// where to go on. <paramref name="times"/> say when which bytes were printed: an offset in the log, milliseconds since 1970.
    /// </summary>
    public async Task<RunnerResponse> AppendLogAsync(
        long offset,
        ReadOnlyMemory<byte> bytes,
        IReadOnlyList<(long Offset, long At)> times,
        CancellationToken cancellationToken
    )
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Post,
            string.Create(CultureInfo.InvariantCulture, $"{_path}/logs?offset={offset}")
        )
        {
            Content = new ReadOnlyMemoryContent(bytes),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        if (times.Count > 0)
        {
            request.Headers.Add(
                LogTimesHeader,
                string.Join(',', times.Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Offset}={t.At}")))
            );
        }

        using var response = await http.SendAsync(request, cancellationToken);
        return response.IsSuccessStatusCode
            ? (await response.Content.ReadFromJsonAsync(RunnerJson.Default.RunnerResponse, cancellationToken))!
            : throw await FailureAsync(response, cancellationToken);
    }

    /// <summary>Tells that the runner lives; the answer says whether to stop.</summary>
    public async Task<RunnerResponse> HeartbeatAsync(HeartbeatRequest request, CancellationToken cancellationToken)
    {
        using var response = await http.PostAsync(
            $"{_path}/heartbeat",
            JsonContent.Create(request, RunnerJson.Default.HeartbeatRequest),
            cancellationToken
        );
        return response.IsSuccessStatusCode
            ? (await response.Content.ReadFromJsonAsync(RunnerJson.Default.RunnerResponse, cancellationToken))!
            : throw await FailureAsync(response, cancellationToken);
    }

    /// <summary>Reports the end. True: recorded; false: it had ended otherwise already (409).</summary>
    public async Task<bool> ReportAsync(StatusReport report, CancellationToken cancellationToken)
    {
        using var response = await http.PostAsync(
            $"{_path}/status",
            JsonContent.Create(report, RunnerJson.Default.StatusReport),
            cancellationToken
        );
        return response.IsSuccessStatusCode
            || (response.StatusCode == HttpStatusCode.Conflict ? false : throw await FailureAsync(response, cancellationToken));
    }

    /// <summary>Asks, after a failed report, for the step's next try: the outcome is <see cref="ClaimOutcome.Work"/> with one, else why not.</summary>
    public async Task<(ClaimOutcome Outcome, NextResponse? Next)> NextAsync(NextRequest request, CancellationToken cancellationToken)
    {
        using var response = await http.PostAsync(
            $"{_path}/next",
            JsonContent.Create(request, RunnerJson.Default.NextRequest),
            cancellationToken
        );
        return response.StatusCode switch
        {
            HttpStatusCode.OK => (
                ClaimOutcome.Work,
                await response.Content.ReadFromJsonAsync(RunnerJson.Default.NextResponse, cancellationToken)
            ),
            HttpStatusCode.NoContent => (ClaimOutcome.NotYet, null),
            HttpStatusCode.Gone => (ClaimOutcome.NotNeeded, null),
            HttpStatusCode.Conflict or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.NotFound => (
                ClaimOutcome.Refused,
                null
            ),
            _ => throw await FailureAsync(response, cancellationToken),
        };
    }

    /// <summary>
    /// Uploads a seekable stream as an artifact, its digest first, so that the server can check it. Errors, besides:
    /// <see cref="ContentChangedException"/> when it became shorter meanwhile.
    /// </summary>
    public async Task<UploadedArtifact> UploadAsync(string type, string name, Stream file, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        file.Position = 0;
        var stream = new FixedStream(file, file.Length);
        var digest = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken));
        stream.Position = 0;
        using var content = new StreamContent(stream);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return await UploadAsync(
            $"type={Uri.EscapeDataString(type)}&name={Uri.EscapeDataString(name)}",
            content,
            digest,
            cancellationToken
        );
    }

    /// <summary>Records an artifact that is only a name.</summary>
    public async Task<UploadedArtifact> RecordRefAsync(string type, string reference, CancellationToken cancellationToken)
    {
        using var content = new ByteArrayContent([]);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return await UploadAsync(
            $"type={Uri.EscapeDataString(type)}&name={Uri.EscapeDataString(reference)}&ref={Uri.EscapeDataString(reference)}",
            content,
            null,
            cancellationToken
        );
    }

    /// <summary>
    /// Downloads an artifact to a file. Errors, besides: <see cref="InvalidDataException"/> when its digest is another,
    /// <see cref="LocalFileException"/> when it can't be written.
    /// </summary>
    public async Task DownloadAsync(string artifactId, string file, string? sha256, CancellationToken cancellationToken)
    {
        using var response = await http.GetAsync(
            $"v1/artifacts/{artifactId}/download",
            HttpCompletionOption.ResponseHeadersRead,
            cancellationToken
        );
        if (!response.IsSuccessStatusCode)
        {
            throw await FailureAsync(response, cancellationToken);
        }

        var digest = await WriteAsync(await response.Content.ReadAsStreamAsync(cancellationToken), file, cancellationToken);
        if (sha256 is not null && digest != sha256)
        {
            throw new InvalidDataException($"Artifact {artifactId} arrived with SHA-256 {digest} instead of {sha256}.");
        }
    }

    /// <summary>Errors of the network stay as they are; those of the disk are told apart. Returns the digest.</summary>
    private static async Task<string> WriteAsync(Stream content, string file, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[128 * 1024];
        await using var target = await OnDiskAsync(() =>
            Task.FromResult(new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0))
        );
        int read;
        while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
        {
            hash.AppendData(buffer, 0, read);
            await OnDiskAsync(async () =>
            {
                await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                return true;
            });
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static async Task<T> OnDiskAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LocalFileException(e.Message, e);
        }
    }

    private async Task<UploadedArtifact> UploadAsync(string query, HttpContent content, string? digest, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{_path}/artifacts?{query}") { Content = content };
        // A refusal comes before the bytes, not in the midst of them.
        request.Headers.ExpectContinue = content.Headers.ContentLength > ExpectContinueFrom;
        if (digest is not null)
        {
            request.Headers.Add("X-Content-SHA256", digest);
        }

        using var response = await http.SendAsync(request, cancellationToken);
        return response.IsSuccessStatusCode
            ? (await response.Content.ReadFromJsonAsync(RunnerJson.Default.UploadedArtifact, cancellationToken))!
            : throw await FailureAsync(response, cancellationToken);
    }

    private static async Task<HttpRequestException> FailureAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var body = await response.Content.ReadAsStringAsync(cancellationToken);
        var (code, detail) = Problem(body);
        return new ServerResponseException(
            $"{(int)response.StatusCode} from {response.RequestMessage?.RequestUri?.AbsolutePath}: {body}",
            response.StatusCode,
            code,
            detail
        );
    }

    private static (string? Code, string? Detail) Problem(string body)
    {
        try
        {
            using var problem = JsonDocument.Parse(body);
            return problem.RootElement.ValueKind == JsonValueKind.Object ? (Text("code"), Text("detail")) : (null, null);
            string? Text(string name) =>
                problem.RootElement.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String
                    ? member.GetString()
                    : null;
        }
        catch (JsonException)
        {
            // Not our server's words.
            return (null, null);
        }
    }
}
