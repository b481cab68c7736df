using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// Sends what was recorded to a fake cluster, in order, and says where it answers otherwise. Time passes only when an answer is not yet
/// as recorded: a GET is repeated, step by step of the cluster's controllers, as a client that waits would.
/// </summary>
internal sealed partial class Replay(FakeCluster cluster, Agenda agenda, IReadOnlyList<Recorded> recorded) : IDisposable
{
    private static readonly TimeSpan Horizon = TimeSpan.FromHours(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly HttpClient _client = new() { BaseAddress = cluster.Url };
    private readonly Identities _identities = new();
    private readonly List<OpenWatch> _watches = [];
    private readonly List<string> _differences = [];

    public static async Task<IReadOnlyList<string>> RunAsync(IReadOnlyList<Recorded> recorded)
    {
        var agenda = new Agenda();
        await using var cluster = await FakeCluster.StartAsync(agenda);
        using var replay = new Replay(cluster, agenda, recorded);
        await replay.RunAsync();
        return replay._differences;
    }

    public void Dispose() => _client.Dispose();

    private async Task RunAsync()
    {
        foreach (var one in recorded)
        {
            if (Arrangements.EndsWatches(one.Place))
            {
                await CloseAsync([.. _watches]);
            }

            await Arrangements.BeforeAsync(one.Place, cluster, agenda);
            if (one is RecordedWatch watch)
            {
                await OpenAsync(watch);
                await Arrangements.AfterAsync(one.Place, cluster, agenda);
            }
            else
            {
                await SendAsync((RecordedRequest)one);
            }

            // After the first difference everything else differs.
            if (_differences.Count > 0)
            {
                break;
            }
        }

        await CloseAsync([.. _watches]);
    }

    private async Task SendAsync(RecordedRequest request)
    {
        FindPods(request);
        if (request.Method != "GET" && request.Status < 400)
        {
            await ReachAsync(request);
        }

        var limit = agenda.GetUtcNow() + Horizon;
        while (true)
        {
            var difference = await TryAsync(request);
            if (difference is null)
            {
                return;
            }

            if (request.Method != "GET" || !agenda.Step(limit))
            {
                _differences.Add($"{request.Place}: {request.Method} {request.Path}\n{difference}");
                return;
            }

            FindPods(request);
        }
    }

    private async Task<string?> TryAsync(RecordedRequest request)
    {
        using var message = Message(request);
        using var response = await _client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
        if (
            response.IsSuccessStatusCode
            && (
                request.Path.Contains("follow=true", StringComparison.Ordinal) || request.Path.Contains("watch=1", StringComparison.Ordinal)
            )
        )
        {
            // It ends when something ends it, which is for time to bring.
            agenda.Pass(Seconds(request.Path) ?? Horizon);
        }

        var text = await response.Content.ReadAsStringAsync().WaitAsync(Patience);
        var actual = Parse(text, response.Content.Headers.ContentType?.MediaType);
        var wanted = request.Response["body"] ?? JsonValue.Create("");
        _identities.Learn(wanted, actual);
        var faults = new List<string>();
        if ((int)response.StatusCode != request.Status)
        {
            faults.Add(
                $"code {request.Status.ToString(CultureInfo.InvariantCulture)}, was "
                    + $"{((int)response.StatusCode).ToString(CultureInfo.InvariantCulture)} ({actual.Text("message")})"
            );
        }

        foreach (
            var header in request.Response["headers"]?.AsArray().Where(h => (string?)h![0] is "Warning" or "Retry-After" or "Content-Type")
                ?? []
        )
        {
            var (name, value) = ((string)header![0]!, (string)header[1]!);
            var given = string.Join(
                ", ",
                response.Headers.Concat(response.Content.Headers).Where(h => h.Key == name).SelectMany(h => h.Value)
            );
            if (given != value)
            {
                faults.Add($"header {name}: {value}, was {given}");
            }
        }

        if (Compare(request.Place, wanted, actual) is { } difference)
        {
            faults.Add(difference);
        }

        return faults.Count == 0 ? null : string.Join('\n', faults);
    }

    private HttpRequestMessage Message(RecordedRequest request)
    {
        var message = new HttpRequestMessage(new(request.Method), MapPath(request.Path));
        var headers = request.Request["headers"] as JsonObject;
        var authorization = headers.Text("Authorization") is null
            ? request.Request.Text("note") == "no credentials"
                ? null
                : Access.Admin
            : request.File.Contains("bad-token", StringComparison.Ordinal)
                ? "nobody's"
                : Access.Unprivileged;
        if (authorization is not null)
        {
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", authorization);
        }

        message.Headers.TryAddWithoutValidation("Accept", headers.Text("Accept") ?? "application/json");
        if (request.Request["body"] is { } body)
        {
            message.Content = new ByteArrayContent(
                Encoding.UTF8.GetBytes(body is JsonValue ? (string)body! : _identities.Apply(body)!.ToJsonString())
            );
            message.Content.Headers.TryAddWithoutValidation("Content-Type", headers.Text("Content-Type"));
        }

        return message;
    }

    private async Task OpenAsync(RecordedWatch watch)
    {
        var path = Arrangements.WatchPath(
            watch,
            v => v == Arrangements.Latest ? cluster.Store.Version.ToString(CultureInfo.InvariantCulture) : _identities.Version(v)
        );
        using var message = new HttpRequestMessage(HttpMethod.Get, path);
        message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Access.Admin);
        var response = await _client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
        var open = new OpenWatch(
            watch,
            OpenWatch.Subject(path),
            cluster.Store.Version,
            Seconds(path) is not null,
            response.Content.ReadAsStringAsync()
        );
        _watches.Add(open);
        if (Seconds(path) is { } seconds)
        {
            agenda.Pass(seconds);
            await CloseAsync([open]);
        }
    }

    /// <summary>Ends watches as the recorder did, once everything has happened, and compares what they said.</summary>
    private async Task CloseAsync(IReadOnlyList<OpenWatch> watches)
    {
        if (watches.Count == 0)
        {
            return;
        }

        if (watches.Any(w => !w.EndsByItself))
        {
            agenda.Pass(Horizon);
            cluster.FinishWatches();
        }

        var said = new List<(OpenWatch Watch, List<JsonObject> Events)>();
        foreach (var watch in watches)
        {
            _watches.Remove(watch);
            var text = await watch.Text.WaitAsync(Patience);
            said.Add((watch, [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!.AsObject())]));
            // The first event of an object tells who it is.
            foreach (
                var wanted in watch.Recorded.Events.Where(e => e.Text("object", "metadata", "uid") is { } uid && !_identities.Knows(uid))
            )
            {
                var field = wanted.Text("object", "metadata", "generateName") is null ? "name" : "generateName";
                if (said[^1].Events.Find(e => e.Text("object", "metadata", field) == wanted.Text("object", "metadata", field)) is { } found)
                {
                    _identities.Learn(wanted.Text("object", "metadata", "uid")!, found.Text("object", "metadata", "uid")!);
                    if (field == "generateName")
                    {
                        _identities.Learn(wanted["object"]!.AsObject().Name(), found["object"]!.AsObject().Name());
                    }
                }
            }
        }

        foreach (var (watch, events) in said)
        {
            _differences.AddRange(watch.Compare(events, _identities));
        }
    }

    /// <summary>
    /// What a request changed was in some state when it was changed: as far as the watches tell that, it is waited for. A watch that
    /// no longer shows the change had been closed before it.
    /// </summary>
    private async Task ReachAsync(RecordedRequest request)
    {
        var isEviction = request.Path.EndsWith("/eviction", StringComparison.Ordinal);
        if (request.Method == "DELETE" && request.Response.At("body", "items") is not null)
        {
            // A whole collection: its answer shows what was there.
            var look = request with
            {
                Request = new JsonObject { ["method"] = "GET", ["path"] = request.Path },
            };
            await SendAsync(look);
        }
        else if (request.Method == "DELETE" || isEviction)
        {
            var parts = request.Path.Split('/');
            var name = isEviction ? parts[^2] : parts[^1];
            var effects = _watches
                .SelectMany(w => w.Recorded.Events)
                .Where(e =>
                    e.Text("object", "metadata", "name") == name
                    && (
                        e.Text("type") == "DELETED"
                        || e["object"]!.AsObject().IsDeleting()
                        || (isEviction && e.Items("object", "status", "conditions").Any(c => c.Text("type") == "DisruptionTarget"))
                    )
                )
                .ToList();
            if (effects.Count > 0)
            {
                var first = effects.Min(OpenWatch.Version);
                var limit = agenda.GetUtcNow() + Horizon;
                while (_watches.Any(w => w.StatesSeen(cluster) < w.StatesBefore(first, _identities)) && agenda.Step(limit)) { }
            }
            else if (_watches.Any(w => w.Recorded.Events.Any(e => e.Text("object", "metadata", "name") == name)))
            {
                await CloseAsync([.. _watches]);
            }
        }
    }

    /// <summary>Pods are named by chance: the fake cluster's that came of the same Job is meant.</summary>
    private void FindPods(RecordedRequest request)
    {
        var text = request.Path + request.Request["body"]?.ToJsonString() + request.Response["body"]?.ToJsonString();
        foreach (
            var pod in Recording
                .Objects(recorded)
                .Where(o => o.Items("metadata", "ownerReferences").Any() && o.Text("metadata", "generateName") is not null)
        )
        {
            if (_identities.Knows(pod.Name()) || !text.Contains(pod.Name(), StringComparison.Ordinal))
            {
                continue;
            }

            var limit = agenda.GetUtcNow() + Horizon;
            do
            {
                if (
                    cluster
                        .Store.Since(0)
                        .FirstOrDefault(c =>
                            c.Key.Kind == "pods" && c.Object.Text("metadata", "generateName") == pod.Text("metadata", "generateName")
                        ) is
                    { } found
                )
                {
                    _identities.Learn(pod.Name(), found.Key.Name);
                    _identities.Learn(pod.Text("metadata", "uid")!, found.Object.Text("metadata", "uid")!);
                    break;
                }
            } while (request.Path.Contains(pod.Name(), StringComparison.Ordinal) && agenda.Step(limit));
        }
    }

    private string? Compare(string place, JsonNode wanted, JsonNode actual)
    {
        var (left, right) = (_identities.Apply(Meaning.Of(place, wanted)), Meaning.Of(place, actual));
        return left == right ? null : $"  recorded: {left}\n  fake:     {right}";
    }

    private string MapPath(string path)
    {
        var mapped = _identities.Apply(path);
        return ResourceVersion().Replace(mapped, m => $"resourceVersion={_identities.Version(m.Groups[1].Value)}");
    }

    private static JsonNode Parse(string text, string? type)
    {
        if (type != "application/json" || text.Length == 0)
        {
            return text;
        }

        return JsonNode.Parse(text.TrimEnd('\n'))!;
    }

    private static TimeSpan? Seconds(string path) =>
        TimeoutSeconds().Match(path) is { Success: true } match
            ? TimeSpan.FromSeconds(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))
            : null;

    [GeneratedRegex(@"resourceVersion=(\d+)")]
    private static partial Regex ResourceVersion();

    [GeneratedRegex(@"timeoutSeconds=(\d+)")]
    private static partial Regex TimeoutSeconds();
}
