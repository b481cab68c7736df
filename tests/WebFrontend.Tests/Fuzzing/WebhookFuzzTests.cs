using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Shipinator.Schema.Queries;
using Shipinator.WebFrontend.Tests.Servers;
using Shipinator.WebFrontend.Tests.Webhooks;

namespace Shipinator.WebFrontend.Tests.Fuzzing;

/// <summary>
/// Webhooks with hostile bodies, headers and signatures: never an error of the server, and nothing that is not signed has an effect.
/// </summary>
public sealed class WebhookFuzzTests(ApiFixture api)
{
    private static readonly string Commit = new('a', 40);

    [Fact]
    public async Task HostileWebhooks_AreNeverAnErrorOfTheServer_AndOnlySignedOnesAreStored()
    {
        var count = Environment.GetEnvironmentVariable("SHIPINATOR_FUZZ_REQUESTS") is { Length: > 0 } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : 600;
        await using var server = await WebhookBench.ServerAsync(api, configure: o => o.Limits.WrongTokensPerMinute = 0);
        using var bench = await WebhookBench.CreateAsync(server);
        string[] ids =
        [
            bench.Repository,
            bench.Repository,
            RepositoryId.New(TimeProvider.System).ToString(),
            "x",
            "%00",
            Guid.Empty.ToString(),
        ];
        var stored = new ConcurrentDictionary<string, bool>();
        var bad = new ConcurrentQueue<string>();
        var statuses = new ConcurrentDictionary<HttpStatusCode, int>();
        using var http = server.Client(null);
        await Parallel.ForEachAsync(
            Enumerable.Range(0, count),
            new ParallelOptions { MaxDegreeOfParallelism = 8 },
            async (number, cancellation) =>
            {
                var random = new Random(number);
                using var request = Make(random, ids, out var isSigned);
                try
                {
                    using var response = await http.SendAsync(request, cancellation);
                    statuses.AddOrUpdate(response.StatusCode, 1, (_, n) => n + 1);
                    var body = await response.Content.ReadAsStringAsync(cancellation);
                    if ((int)response.StatusCode >= 500 || (response.IsSuccessStatusCode && !isSigned))
                    {
                        bad.Enqueue($"#{number} {request.RequestUri} signed {isSigned}: {(int)response.StatusCode} {body}");
                    }

                    if (response.StatusCode == HttpStatusCode.Accepted)
                    {
                        stored[ApiFixture.Id(JsonDocument.Parse(body).RootElement)] = true;
                    }
                }
                catch (HttpRequestException e) when (e.InnerException is not IOException)
                {
                    // The request can't be sent.
                }
            }
        );
        Assert.True(bad.IsEmpty, string.Join('\n', bad.Take(20)));
        Assert.True(statuses.GetValueOrDefault(HttpStatusCode.Accepted) > count / 60, string.Join(", ", statuses));
        Assert.True(statuses.GetValueOrDefault(HttpStatusCode.Unauthorized) > count / 20, string.Join(", ", statuses));
        var rows = new List<string>();
        string? cursor = null;
        do
        {
            var page = await bench.Deliveries.ListAsync(bench.Id, new PageRequest(200, cursor), TestContext.Current.CancellationToken);
            rows.AddRange(page.Items.Select(d => d.Id.ToString()));
            cursor = page.NextCursor;
        } while (cursor is not null);

        Assert.Equal(stored.Keys.Order(StringComparer.Ordinal), rows.Order(StringComparer.Ordinal));
    }

    private static HttpRequestMessage Make(Random random, string[] ids, out bool isSigned)
    {
        var values = new HostileValues(random, ids);
        var repository = ids[random.Next(ids.Length)];
        var body = random.Next(4) switch
        {
            0 => Encoding.UTF8.GetBytes(values.Json()),
            1 => Encoding.UTF8.GetBytes($"{{\"kind\":\"push\",\"ref\":{values.Json()},\"after\":\"{Commit}\"}}"),
            2 => Encoding.UTF8.GetBytes(PlanJson.Serialize<ForgeEvent>(Event(random, values))),
            _ => Bytes(random),
        };
        isSigned = random.Next(2) == 0;
        var request = SignedForge.Request(
            repository,
            body,
            values.Header() is { Length: > 0 } id ? id : null,
            isSigned ? SignedForge.Secret : "wrong"
        );
        if (!isSigned && random.Next(3) == 0)
        {
            request.Headers.Remove("X-Signed-Signature");
            request.Headers.TryAddWithoutValidation("X-Signed-Signature", values.Header());
        }

        if (random.Next(4) == 0)
        {
            request.Content!.Headers.ContentType = null;
            request.Content.Headers.TryAddWithoutValidation("Content-Type", values.Header());
        }

        if (random.Next(4) == 0)
        {
            request.Headers.TryAddWithoutValidation("X-Hub-Signature-256", values.Header());
        }

        isSigned = isSigned && repository == ids[0];
        return request;
    }

    private static ForgeEvent Event(Random random, HostileValues values) =>
        random.Next(3) switch
        {
            0 => WebhookBench.Push(Commit, null, "refs/heads/" + values.Text()) with { Message = values.Text(), Sender = values.Text() },
            1 => WebhookBench.Pull(Commit) with { Title = values.Text(), BaseBranch = values.Text(), Url = values.Text() },
            _ => new ForgeIgnored { Reason = values.Text() },
        };

    private static byte[] Bytes(Random random)
    {
        var bytes = new byte[random.Next(2_000)];
        random.NextBytes(bytes);
        return bytes;
    }
}
