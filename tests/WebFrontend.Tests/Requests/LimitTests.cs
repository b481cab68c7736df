using System.Net;
using System.Net.Http.Json;
using Shipinator.Silo.Configuration;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Requests;

/// <summary>Rate limits.</summary>
public sealed class LimitTests(ApiFixture api)
{
    private const string File = "image: none\nbuild:\n  steps:\n    - { name: one, run: \"true\" }\n";

    [Fact]
    public async Task WrongTokens_OfOneAddress_AreTooManyAfterAWhileForTheGuesserAlone()
    {
        await using var server = await api.ServerAsync(
            o => (o.Limits.WrongTokensPerMinute, o.TrustedProxies) = (5, ["127.0.0.1"]),
            SilentExecutors.Use
        );
        Assert.Equal(HttpStatusCode.OK, await MeAsync(server, server.AdminToken, "192.0.2.1"));
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await MeAsync(server, $"shp_{i}", "192.0.2.1"));
        }

        using var guesser = server.Client("shp_more");
        guesser.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.1");
        using var refused = await guesser.GetAsync("/v1/me");
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));

        // Known tokens, runners, and other addresses are not limited.
        Assert.Equal(HttpStatusCode.OK, await MeAsync(server, server.AdminToken, "192.0.2.1"));
        Assert.Equal(HttpStatusCode.Unauthorized, await MeAsync(server, "shp_x", "192.0.2.2"));
        var execution = ExecutionId.New(TimeProvider.System).ToString();
        using var runner = server.Runner(execution);
        runner.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.1");
        using var claim = await runner.PostAsJsonAsync($"/v1/executions/{execution}/claim", new { runner = "r" });
        Assert.Equal(HttpStatusCode.NoContent, claim.StatusCode);
    }

    [Fact]
    public async Task ForwardedAddress_OfAnUnknownProxy_IsIgnored()
    {
        await using var server = await api.ServerAsync(o => (o.Limits.WrongTokensPerMinute, o.TrustedProxies) = (2, ["192.0.2.0/24"]));
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await MeAsync(server, $"shp_{i}", $"198.51.100.{i}"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await MeAsync(server, "shp_2", "198.51.100.9"));
    }

    [Fact]
    public async Task SignIns_ThatFail_AreTooManyAfterAWhile()
    {
        await using var server = await api.ServerAsync(o => o.Limits.FailedSignInsPerMinute = 3);
        using var http = server.Plain();
        for (var i = 0; i < 3; i++)
        {
            using var gone = await http.GetAsync($"/signin/{i}");
            Assert.Equal("/signin?gone=true", gone.Headers.Location!.ToString());
        }

        using var refused = await http.GetAsync("/signin/4");
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
    }

    [Fact]
    public async Task Runs_OfOneTokenAndOfOneRepository_AreTooManyAfterAWhile()
    {
        await using var server = await api.ServerAsync(
            o => (o.Limits.RunsPerMinutePerToken, o.Limits.RunsPerMinutePerRepository) = (3, 2),
            SilentExecutors.Use
        );
        var (first, second) = (await server.PipelineAsync(File), await server.PipelineAsync(File));
        await server.TriggerAsync(first);
        var run = await server.TriggerAsync(first);
        await RefusedAsync(server.Admin, $"/v1/pipelines/{first}/runs", "RunsPerMinutePerRepository");
        await server.PostAsync($"/v1/pipeline-runs/{run}/cancel", new { });
        await server.ExecutionAsync(run, "canceled");
        await RefusedAsync(server.Admin, $"/v1/pipelines/{second}/runs", "RunsPerMinutePerToken");
        var other = (await server.PostAsync("/v1/tokens", new { name = "other", role = "write" })).GetProperty("token").GetString();
        using var client = server.Client(other);
        using var made = await client.PostAsJsonAsync($"/v1/pipelines/{second}/runs", new { git_ref = "main" });
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
    }

    [Fact]
    public async Task IdempotencyKey_OfAnotherToken_IsAnotherKey()
    {
        var pipeline = await api.PipelineAsync(File);
        var other = (await api.PostAsync("/v1/tokens", new { name = "another with the same key", role = "write" }))
            .GetProperty("token")
            .GetString();
        using var client = api.Client(other);
        var (mine, theirs, again) = (await CreateAsync(api.Admin), await CreateAsync(client), await CreateAsync(api.Admin));
        Assert.NotEqual(mine, theirs);
        Assert.Equal(mine, again);

        async Task<string> CreateAsync(HttpClient http)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/pipelines/{pipeline}/runs")
            {
                Content = JsonContent.Create(new { git_ref = "main" }),
            };
            request.Headers.Add("Idempotency-Key", "the same");
            using var answer = await http.SendAsync(request);
            return ApiFixture.Id(await answer.Content.ReadFromJsonAsync<System.Text.Json.JsonElement>());
        }
    }

    [Theory]
    [InlineData("10.0.0.0/8", true)]
    [InlineData("10.0.0.5", true)]
    [InlineData("fd00::/8", true)]
    [InlineData("proxy.example", false)]
    [InlineData("10.0.0.0/33", false)]
    public void TrustedProxy_ThatIsNoAddress_StopsTheStart(string proxy, bool isFine)
    {
        var options = new ShipinatorOptions { TrustedProxies = [proxy] };
        var result = new ShipinatorOptionsValidator().Validate(null, options);
        Assert.Equal(isFine, result.Succeeded);
        Assert.True(isFine || result.FailureMessage!.Contains(proxy, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Client_WithRetryAfter_RetriesAfterThatTime()
    {
        var answers = new Queue<HttpResponseMessage>([
            Wait(1),
            Wait(1),
            new(HttpStatusCode.OK) { Content = JsonContent.Create(new { name = "me", role = "read" }) },
        ]);
        using var listener = new HttpListener();
        var port = Silo.Standalone.DataFolder.FreePort();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        var serving = Task.Run(async () =>
        {
            while (answers.TryDequeue(out var answer))
            {
                var context = await listener.GetContextAsync();
                context.Response.StatusCode = (int)answer.StatusCode;
                if (answer.Headers.RetryAfter is { } after)
                {
                    context.Response.Headers["Retry-After"] = after.ToString();
                }

                context.Response.ContentType = "application/json";
                await answer.Content.CopyToAsync(context.Response.OutputStream);
                context.Response.Close();
            }
        });
        using var http = Client.ShipinatorClient.CreateHttp(new($"http://127.0.0.1:{port}"), "shp_x");
        var began = TimeProvider.System.GetTimestamp();
        Assert.Equal("me", (await new Client.ShipinatorClient(http).MeAsync()).Name);
        Assert.True(TimeProvider.System.GetElapsedTime(began) >= TimeSpan.FromSeconds(1.9));
        await serving;

        static HttpResponseMessage Wait(int seconds) =>
            new(HttpStatusCode.TooManyRequests) { Headers = { RetryAfter = new(TimeSpan.FromSeconds(seconds)) } };
    }

    private static async Task RefusedAsync(HttpClient client, string path, string setting)
    {
        using var answer = await client.PostAsJsonAsync(path, new { git_ref = "main" });
        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Contains(setting, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static async Task<HttpStatusCode> MeAsync(ApiServer server, string token, string address)
    {
        using var client = server.Client(token);
        client.DefaultRequestHeaders.Add("X-Forwarded-For", address);
        using var answer = await client.GetAsync("/v1/me");
        return answer.StatusCode;
    }
}
