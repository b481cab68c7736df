using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Shipinator.Testing.Forges;

namespace Shipinator.WebFrontend.Tests.Webhooks;

/// <summary>What a real Gitea sent, and every example of GitHub, through the endpoint.</summary>
public sealed class RecordedWebhookTests(ApiFixture api)
{
    private const string Secret = "the secret for GitHub's examples";

    [Fact]
    public async Task EveryRecordedDelivery_HasItsStatusAndIsStoredAsWhatItIs()
    {
        await using var server = await WebhookBench.ServerAsync(
            api,
            s => s.Replace(ServiceDescriptor.Singleton<IWebhookSecrets>(new OfTheRecordings())),
            configure: o => o.Limits.WrongTokensPerMinute = 0
        );
        using var bench = await WebhookBench.CreateAsync(server);
        using var http = server.Client(null);
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        var wrong = new List<string>();
        foreach (
            var (recorded, isExample) in RecordedDelivery
                .OfGitea.Select(d => (d, false))
                .Concat(RecordedDelivery.OfGitHub.Select(d => (d, true)))
        )
        {
            // GitHub's examples are not signed: the test signs them.
            var isSigned = recorded.IsSigned || isExample;
            var expected =
                recorded.Method == "GET" ? HttpStatusCode.MethodNotAllowed
                : !isSigned ? HttpStatusCode.Unauthorized
                : recorded.Outcome == "refused" ? HttpStatusCode.UnprocessableEntity
                : HttpStatusCode.Accepted;
            using var request = Request(bench.Repository, recorded, isExample);
            using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            var stored = response.StatusCode == HttpStatusCode.Accepted ? await StoredAsync(bench, response) : null;
            var kind = recorded.Outcome.Split(' ')[0];
            if (response.StatusCode != expected || (stored is not null && stored != kind))
            {
                wrong.Add($"{recorded.Name}: {(int)response.StatusCode} {stored}, expected {(int)expected} {recorded.Outcome}");
            }

            seen[stored ?? $"{(int)response.StatusCode}"] = seen.GetValueOrDefault(stored ?? $"{(int)response.StatusCode}") + 1;
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong.Take(30)));
        Assert.True(seen["push"] > 100 && seen["pull_request"] > 50 && seen["ignored"] > 100 && seen["401"] > 3, string.Join(", ", seen));
    }

    private static async Task<string> StoredAsync(WebhookBench bench, HttpResponseMessage response)
    {
        var id = ApiFixture.Id(await response.Content.ReadFromJsonAsync<JsonElement>());
        var row = await bench.Deliveries.GetAsync(DeliveryId.Parse(id), TestContext.Current.CancellationToken);
        return row!.Event switch
        {
            ForgePush => "push",
            ForgePullRequest { Action: PullRequestAction.Other } when row.Outcome == DeliveryOutcome.Ignored => "pull_request",
            ForgePullRequest => "pull_request",
            ForgePing when row.Outcome == DeliveryOutcome.Ping => "ping",
            ForgeIgnored when row.Outcome == DeliveryOutcome.Ignored => "ignored",
            var other => $"{other} {row.Outcome}",
        };
    }

    private static HttpRequestMessage Request(string repository, RecordedDelivery recorded, bool mustSign)
    {
        var request = new HttpRequestMessage(new(recorded.Method), $"/v1/webhooks/{repository}");
        if (recorded.Method != "GET")
        {
            request.Content = new ByteArrayContent(recorded.Body);
        }

        foreach (var (name, value) in recorded.Headers)
        {
            if (name is "Host" or "Content-Length" or "Accept-Encoding" or "Connection" or "Transfer-Encoding" or "Authorization")
            {
                continue;
            }

            if (name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, value);
            }
            else
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        if (mustSign)
        {
            // The examples have one id; each is a delivery of its own.
            request.Headers.Remove("X-GitHub-Delivery");
            request.Headers.Add("X-GitHub-Delivery", Guid.CreateVersion7().ToString());
            request.Headers.Add(
                "X-Hub-Signature-256",
                "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), recorded.Body))
            );
        }

        return request;
    }

    private sealed class OfTheRecordings : IWebhookSecrets
    {
        private readonly IReadOnlyList<string> _all =
        [
            .. RecordedDelivery.OfGitea.Select(d => d.Secret ?? "").Where(s => s.Length > 0).Distinct(StringComparer.Ordinal),
            Secret,
        ];

        public Task<IReadOnlyList<string>> Of(RepositoryId repository, CancellationToken cancellationToken) => Task.FromResult(_all);
    }
}
