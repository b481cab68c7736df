using System.Net;
using System.Net.Http.Headers;
using Shipinator.Client;

namespace Shipinator.Cli.Tests;

/// <summary>Responses with status 429 are handled by <see cref="RateLimitHandler"/> only.</summary>
public sealed class RateLimitTests
{
    private readonly ImmediateTime _time = new();

    [Theory]
    [InlineData("7", 7)]
    [InlineData("Fri, 02 Jan 2026 03:04:15 GMT", 10)]
    [InlineData(null, 1)]
    public async Task Send_RateLimited_RepeatsAfterTheRequestedPause(string? retryAfter, int seconds)
    {
        var server = new Server(retryAfter, times: 1);

        var response = await SendAsync(server, new StringContent("body"));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(["body", "body"], server.Bodies);
        Assert.Equal([TimeSpan.FromSeconds(seconds)], _time.Pauses);
    }

    [Fact]
    public async Task Send_PauseIsTooLong_ReturnsTheResponseAtOnce()
    {
        var server = new Server("91", times: 1);

        Assert.Equal(HttpStatusCode.TooManyRequests, (await SendAsync(server, null)).StatusCode);
        Assert.Single(server.Bodies);
        Assert.Empty(_time.Pauses);
    }

    [Fact]
    public async Task Send_BodyCannotBeSentTwice_ReturnsTheResponseAtOnce()
    {
        var server = new Server("7", times: 1);

        using var body = new MemoryStream("body"u8.ToArray());
        Assert.Equal(HttpStatusCode.TooManyRequests, (await SendAsync(server, new StreamContent(body))).StatusCode);
        Assert.Equal(["body"], server.Bodies);
    }

    [Fact]
    public async Task Send_RateLimitedForever_GivesUpAfterTheMaximumOutage()
    {
        var server = new Server("60", times: int.MaxValue);

        Assert.Equal(HttpStatusCode.TooManyRequests, (await SendAsync(server, null)).StatusCode);
        Assert.Equal(ReconnectPolicy.MaxOutage, _time.Pauses.Aggregate(TimeSpan.Zero, (sum, pause) => sum + pause));
        Assert.Equal(6, server.Bodies.Count);
    }

    [Fact]
    public void ReconnectPolicy_RateLimited_IsNotHandledAgain()
    {
        Assert.False(ReconnectPolicy.IsTransient(new ShipinatorApiException(HttpStatusCode.TooManyRequests, new())));
        Assert.True(ReconnectPolicy.IsTransient(new ShipinatorApiException(HttpStatusCode.ServiceUnavailable, new())));
    }

    [Fact]
    public async Task ReconnectPolicy_EachFailure_WaitsLongerUpToALimit_AndNotBeforeRetryAfter()
    {
        var policy = new ReconnectPolicy(_time, connectionLost: null);
        var error = new ShipinatorApiException(HttpStatusCode.BadGateway, new());
        for (var i = 0; i < 8; i++)
        {
            Assert.True(await policy.WaitAsync(error, TestContext.Current.CancellationToken));
        }

        Assert.Equal(8, _time.Pauses.Count);
        for (var i = 0; i < 8; i++)
        {
            // With a jitter of a quarter.
            var pause = Math.Min(200 * Math.Pow(2, i), 5000);
            Assert.InRange(_time.Pauses[i].TotalMilliseconds, 0.74 * pause, 1.26 * pause);
        }

        var asked = new ShipinatorApiException(HttpStatusCode.ServiceUnavailable, new()) { RetryAfter = TimeSpan.FromSeconds(20) };
        Assert.True(await policy.WaitAsync(asked, TestContext.Current.CancellationToken));
        Assert.Equal(TimeSpan.FromSeconds(20), _time.Pauses[^1]);
        policy.Succeeded();
        Assert.True(await policy.WaitAsync(error, TestContext.Current.CancellationToken));
        Assert.InRange(_time.Pauses[^1].TotalMilliseconds, 148, 252);
    }

    private async Task<HttpResponseMessage> SendAsync(Server server, HttpContent? content)
    {
        using var http = new HttpClient(new RateLimitHandler(server, _time)) { BaseAddress = new("http://server.invalid/") };
        using var request = new HttpRequestMessage(HttpMethod.Post, "x") { Content = content };
        return await http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    /// <summary>Records pauses and ends them at once.</summary>
    private sealed class ImmediateTime : TimeProvider
    {
        public List<TimeSpan> Pauses { get; } = [];

        public override DateTimeOffset GetUtcNow() => new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Pauses.Add(dueTime);
            return base.CreateTimer(callback, state, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Responds with 429 a number of times, then with 200.</summary>
    private sealed class Server(string? retryAfter, int times) : HttpMessageHandler
    {
        public List<string> Bodies { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Bodies.Add(request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken));
            if (Bodies.Count > times)
            {
                return new(HttpStatusCode.OK);
            }

            var response = new HttpResponseMessage(HttpStatusCode.TooManyRequests);
            if (retryAfter is not null)
            {
                response.Headers.RetryAfter = RetryConditionHeaderValue.Parse(retryAfter);
            }

            return response;
        }
    }
}
