using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.Schema.Queries;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Webhooks;

/// <summary>The request of a forge: what is accepted, what is refused, and that a refused one has no effect.</summary>
public sealed class WebhookRouteTests(ApiFixture api)
{
    private static readonly string Commit = new('a', 40);

    [Fact]
    public async Task Unsigned_IsTheSame401_AndNothingElseHappens()
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        using var http = server.Client(null);
        var push = WebhookBench.Push(Commit);
        var unsigned = SignedForge.Request(bench.Repository, push);
        unsigned.Headers.Remove("X-Signed-Signature");
        var empty = SignedForge.Request(bench.Repository, push);
        empty.Headers.Remove("X-Signed-Signature");
        empty.Headers.Add("X-Signed-Signature", "");
        var unknownForge = SignedForge.Request(bench.Repository, push);
        unknownForge.Headers.Remove("X-Signed-Event");
        var other = SignedForge.Request(bench.Repository, push);
        other.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(PlanJson.Serialize<ForgeEvent>(WebhookBench.Push(new('b', 40)))));
        var bodies = new List<string>();
        foreach (
            var request in new[]
            {
                SignedForge.Request(bench.Repository, push, secret: "wrong"),
                SignedForge.Request(bench.Repository, push, secret: ""),
                unsigned,
                empty,
                unknownForge,
                other,
                SignedForge.Request(RepositoryId.New(TimeProvider.System).ToString(), push),
                SignedForge.Request("no-id", push),
            }
        )
        {
            using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            // The id of the request differs, of course.
            var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
            bodies.Add(
                string.Join(
                    ", ",
                    problem
                        .EnumerateObject()
                        .Select(m => m.Name.EndsWith("id", StringComparison.OrdinalIgnoreCase) ? m.Name : $"{m.Name}: {m.Value}")
                )
            );
        }

        Assert.Single(bodies.Distinct(StringComparer.Ordinal));
        Assert.Equal(0, server.Services.GetRequiredService<SignedForge>().Parsed);
        Assert.Empty((await bench.Deliveries.ListAsync(bench.Id, new PageRequest(), TestContext.Current.CancellationToken)).Items);
    }

    [Fact]
    public async Task Unsigned_TooOften_MustWait_ButNotTheForgeThatSignsItsOwn()
    {
        await using var server = await WebhookBench.ServerAsync(api, configure: o => o.Limits.WrongTokensPerMinute = 3);
        using var bench = await WebhookBench.CreateAsync(server);
        using var another = await WebhookBench.CreateAsync(server);
        using var http = server.Client(null);
        await bench.SendAsync(WebhookBench.Push(Commit));
        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i < 4; i++)
        {
            using var request = SignedForge.Request(another.Repository, WebhookBench.Push(Commit), secret: "wrong");
            using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            statuses.Add(response.StatusCode);
        }

        Assert.Equal(
            [HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized, HttpStatusCode.TooManyRequests],
            statuses
        );
        await bench.SendAsync(WebhookBench.Push(new('b', 40), Commit));
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    public async Task OtherMethods_Are405(string method)
    {
        using var request = new HttpRequestMessage(new(method), $"/v1/webhooks/{RepositoryId.New(TimeProvider.System)}?payload=%7B%7D");
        using var response = await api.Anonymous.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(["POST"], response.Content.Headers.Allow);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task LargerThanAllowed_Is413_WithAProblem(bool isChunked)
    {
        await using var server = await api.ServerAsync(replace: s =>
        {
            SilentExecutors.Use(s);
            SignedForge.Use(s);
            s.Configure<WebOptions>(o => o.MaxWebhookBytes = 10_000);
        });
        using var bench = await WebhookBench.CreateAsync(server);
        using var http = server.Client(null);
        foreach (
            var (size, expected) in new[] { (10_000, HttpStatusCode.UnprocessableEntity), (10_001, HttpStatusCode.RequestEntityTooLarge) }
        )
        {
            using var request = SignedForge.Request(bench.Repository, new byte[size]);
            request.Headers.TransferEncodingChunked = isChunked;
            using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(expected, response.StatusCode);
            Assert.Contains("code", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task SignedBody_OfAFormOrWithTheOlderSecret_IsStoredBeforeTheAnswer()
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        using var http = server.Client(null);
        foreach (
            var request in new[]
            {
                SignedForge.Request(bench.Repository, new ForgePing { Sender = "ada" }, isForm: true, eventName: "ping"),
                SignedForge.Request(bench.Repository, new ForgePing(), secret: "an older secret", eventName: "ping"),
            }
        )
        {
            using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
            var id = ApiFixture.Id(await response.Content.ReadFromJsonAsync<JsonElement>());
            var row = await bench.Deliveries.GetAsync(DeliveryId.Parse(id), TestContext.Current.CancellationToken);
            Assert.Equal(DeliveryOutcome.Ping, row!.Outcome);
        }
    }

    [Fact]
    public async Task Malformed_ButSigned_Is422_AndNothingIsStored()
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        using var http = server.Client(null);
        foreach (var body in new[] { "", "{", "null", "[]", "{\"kind\":\"unheard\"}", "{\"kind\":\"push\"}" })
        {
            using var request = SignedForge.Request(bench.Repository, Encoding.UTF8.GetBytes(body));
            using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);
        }

        Assert.Empty((await bench.Deliveries.ListAsync(bench.Id, new PageRequest(), TestContext.Current.CancellationToken)).Items);
    }

    [Fact]
    public async Task TenCopies_OverThreeServers_AreOneDeliveryAndOneRun()
    {
        var database = await api.DatabaseAsync();
        await using var first = await WebhookBench.ServerAsync(api, database: database);
        await using var second = await WebhookBench.ServerAsync(api, database: database);
        await using var third = await WebhookBench.ServerAsync(api, database: database);
        using var bench = await WebhookBench.CreateAsync(first);
        var commit = bench.Git("rev-parse", "HEAD");
        var servers = new[] { first, second, third };
        var ids = await Task.WhenAll(
            Enumerable.Range(0, 10).Select(i => bench.SendAsync(WebhookBench.Push(commit), "one id", servers[i % 3]))
        );
        Assert.Single(ids.Distinct(StringComparer.Ordinal));
        // Another webhook: other ids, the same content.
        var copies = await Task.WhenAll(
            Enumerable.Range(0, 9).Select(i => bench.SendAsync(WebhookBench.Push(commit), $"{i}", servers[i % 3]))
        );
        foreach (var copy in copies)
        {
            var row = await bench.OutcomeAsync(copy);
            Assert.Equal((DeliveryOutcome.Duplicate, DeliveryId.Parse(ids[0])), (row.Outcome, row.DuplicateOf));
        }

        Assert.Equal(DeliveryOutcome.RunCreated, (await bench.OutcomeAsync(ids[0])).Outcome);
        Assert.Single(await bench.RunsAsync());
    }

    [Fact]
    public async Task SameContent_AfterAnother_RunsAgain()
    {
        await using var server = await WebhookBench.ServerAsync(api);
        using var bench = await WebhookBench.CreateAsync(server);
        var a = bench.Git("rev-parse", "HEAD");
        var b = bench.Commit("main", WebhookBench.File);
        var outcomes = new List<DeliveryOutcome?>();
        foreach (var (before, after) in new[] { (a, b), (a, b), (b, a), (a, b) })
        {
            outcomes.Add((await bench.DeliverAsync(WebhookBench.Push(after, before))).Outcome);
        }

        Assert.Equal(
            [DeliveryOutcome.RunCreated, DeliveryOutcome.Duplicate, DeliveryOutcome.RunCreated, DeliveryOutcome.RunCreated],
            outcomes
        );
        Assert.Equal([b, a, b], (await bench.RunsAsync()).Select(r => r.GetProperty("git_sha").GetString()));
    }
}
