using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;

namespace Shipinator.Executors.Kubernetes;

/// <summary>
/// The client library with watches of our own. The library's leave a read pending when they are stopped
/// (kubernetes-client/csharp#1813), which then consumes the first bytes of the next response on the same connection.
/// </summary>
internal sealed class ClusterClient(KubernetesClientConfiguration configuration) : k8s.Kubernetes(configuration)
{
    private readonly TimeSpan _requestTimeout = configuration.HttpClientTimeout;

    /// <summary>
    /// The changes after a resource version of the objects at a path such as <c>api/v1/namespaces/ci/pods</c> that match a selector such as
    /// <c>labelSelector=a%3Db</c>, until the server ends the watch, at the latest after <paramref name="seconds"/>. An event of type
    /// <see cref="WatchEventType.Error"/> has no object. Errors: as for every request, and <see cref="IOException"/>.
    /// </summary>
    public async IAsyncEnumerable<(WatchEventType Type, T? Object)> WatchAsync<T>(
        string path,
        string selector,
        string version,
        int seconds,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
        where T : class
    {
        var query = string.Create(
            CultureInfo.InvariantCulture,
            $"{path}?watch=true&allowWatchBookmarks=true&{selector}"
                + $"&resourceVersion={Uri.EscapeDataString(version)}&timeoutSeconds={seconds}"
        );
        using var response = await OpenAsync(query, cancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken), Encoding.UTF8);
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.Length == 0)
            {
                continue;
            }

            var change = JsonNode.Parse(line);
            if (
                !Enum.TryParse<WatchEventType>((string?)change?["type"], ignoreCase: true, out var type)
                || change["object"] is not { } found
            )
            {
                throw new JsonException(
                    $"A watch of {path} returned a line that is not a valid event: {line[..Math.Min(line.Length, 200)]}"
                );
            }

            yield return (type, type == WatchEventType.Error ? null : KubernetesJson.Deserialize<T>(found.ToJsonString()));
        }
    }

    /// <summary>The response's headers arrive immediately, even when no event follows for hours.</summary>
    private async Task<HttpResponseMessage> OpenAsync(string query, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(_requestTimeout);
        return await SendRequest<object?>(query, HttpMethod.Get, null, null, timeout.Token);
    }
}
