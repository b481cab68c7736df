using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;

namespace Shipinator.Client;

/// <summary>The outcome of a claim.</summary>
public enum ClaimOutcome
{
    /// <summary>The response contains the work.</summary>
    Work,

    /// <summary>No work yet: claim again.</summary>
    NotYet,

    /// <summary>No longer needed: skipped, canceled or ended.</summary>
    NotNeeded,

    /// <summary>Rejected permanently: another runner claimed it, or the token is invalid.</summary>
    Refused,
}

/// <summary>
/// The runner's client of <c>/v1</c> for one execution. Errors: <see cref="HttpRequestException"/>, with the status when the server
/// responded, without one when it can't be reached.
/// </summary>
public sealed class RunnerClient(HttpClient http, string executionId)
{
    /// <summary>The header of a log chunk with the times of its bytes: <c>OFFSET=MILLISECONDS</c>, separated by commas.</summary>
    public const string LogTimesHeader = "X-Log-Times";

    /// <summary>The maximum number of times per chunk, which keeps the header short.</summary>
    public const int MaxLogTimes = 200;

    private const long ExpectContinueFrom = 64 * 1024;

    private readonly string _path = $"v1/executions/{executionId}";

    /// <summary>Creates an HTTP client for a server URL and an execution token, without a timeout.</summary>
    public static HttpClient CreateHttp(Uri server, string token)
    {
        var http = new HttpClient(
            new RateLimitHandler(
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

    /// <summary>Claims the execution; the server may hold the request for <see cref="ClaimRequest.WaitSeconds"/>.</summary>
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
    /// Appends bytes to the log at an offset; the response's length is what the server has. A gap is not an error: continue at that
    /// length. <paramref name="times"/>: offsets in the log, and when the bytes there were printed, in Unix milliseconds.
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

    /// <summary>Sends a heartbeat; the response says whether to cancel.</summary>
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

    /// <summary>Reports the result. True: recorded; false: the execution had already ended differently (409).</summary>
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

    /// <summary>Requests the next attempt of the step after a failed one: <see cref="ClaimOutcome.Work"/> with it, else why not.</summary>
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
    /// Uploads a seekable stream as an artifact with its digest, which the server verifies. Further errors:
    /// <see cref="ContentChangedException"/> when the stream became shorter meanwhile.
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

    /// <summary>Records a <c>ref</c> artifact, which has no content.</summary>
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
    /// Downloads an artifact to a file. Further errors: <see cref="InvalidDataException"/> when the digest does not match,
    /// <see cref="LocalFileException"/> when the file can't be written.
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
            throw new InvalidDataException($"Artifact {artifactId} is corrupted: its SHA-256 is {digest}, expected {sha256}.");
        }
    }

    /// <summary>Wraps errors of the disk, so that they differ from those of the network. Returns the digest.</summary>
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
        // The server can reject the upload before the body is sent.
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
            // Not a response of Shipinator.
            return (null, null);
        }
    }
}
