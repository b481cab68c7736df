using System.Net;
using System.Net.WebSockets;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Shipinator.WebFrontend.Security;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Requests;

/// <summary>The end of a session ends what is open for it, at every server of an installation.</summary>
public sealed partial class SessionTests(ApiFixture api)
{
    /// <summary>The documented limit.</summary>
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Cookie_AfterSigningOut_IsInvalidOnEveryServer()
    {
        var database = await api.DatabaseAsync();
        await using var one = await api.ServerAsync(database: database);
        await using var two = await api.ServerAsync(database: database);
        var cookie = await one.SignInAsync();
        Assert.Equal(HttpStatusCode.OK, await MeAsync(one, cookie));
        Assert.Equal(HttpStatusCode.OK, await MeAsync(two, cookie));
        var other = await one.SignInAsync();

        await SignOutAsync(one, cookie);

        Assert.Equal(HttpStatusCode.Unauthorized, await MeAsync(one, cookie));
        Assert.Equal(HttpStatusCode.Unauthorized, await MeAsync(two, cookie));
        // Another browser of the same user stays signed in.
        Assert.Equal(HttpStatusCode.OK, await MeAsync(two, other));
    }

    [Fact]
    public async Task OpenStreamsAndCircuits_EndAfterSigningOutAtAnotherServer()
    {
        var database = await api.DatabaseAsync();
        await using var one = await api.ServerAsync(database: database, replace: SilentExecutors.Use);
        await using var two = await api.ServerAsync(database: database);
        var run = await one.TriggerAsync(await one.PipelineAsync("image: none\nbuild:\n  steps:\n    - { name: long, run: \"true\" }\n"));
        var execution = await one.ExecutionAsync(run, "submitted");
        var cookie = await one.SignInAsync();
        await AllEndAsync(
            [
                LogAsync(one, execution, c => c.DefaultRequestHeaders.Add("Cookie", cookie)),
                EventsAsync(one, run, c => c.DefaultRequestHeaders.Add("Cookie", cookie)),
                CircuitAsync(one, cookie),
            ],
            () => SignOutAsync(two, cookie)
        );
    }

    [Fact]
    public async Task OpenStreamsAndCircuits_EndAfterTheTokensRevocation()
    {
        await using var server = await api.ServerAsync(replace: SilentExecutors.Use);
        var run = await server.TriggerAsync(
            await server.PipelineAsync("image: none\nbuild:\n  steps:\n    - { name: long, run: \"true\" }\n")
        );
        var execution = await server.ExecutionAsync(run, "submitted");
        var created = await server.PostAsync("/v1/tokens", new { name = "short-lived", role = "read" });
        var token = created.GetProperty("token").GetString()!;
        var cookie = await server.SignInAsync(token);
        void Bearer(HttpClient c) => c.DefaultRequestHeaders.Authorization = new("Bearer", token);
        await AllEndAsync(
            [LogAsync(server, execution, Bearer), EventsAsync(server, run, Bearer), CircuitAsync(server, cookie)],
            () => server.Admin.DeleteAsync($"/v1/tokens/{ApiFixture.Id(created)}")
        );
    }

    /// <summary>The clock of the watch stands still, so that only the notice of the database can end them.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task OpenStreams_AtAnotherServer_AreEndedByTheNoticeAlone(bool isRevoked)
    {
        var database = await api.DatabaseAsync();
        await using var one = await api.ServerAsync(
            database: database,
            replace: s =>
            {
                SilentExecutors.Use(s);
                s.Replace(ServiceDescriptor.Singleton(p => ActivatorUtilities.CreateInstance<AccessWatch>(p, new FakeTimeProvider())));
            }
        );
        await using var two = await api.ServerAsync(database: database, replace: SilentExecutors.Use);
        var run = await one.TriggerAsync(await one.PipelineAsync("image: none\nbuild:\n  steps:\n    - { name: long, run: \"true\" }\n"));
        var execution = await one.ExecutionAsync(run, "submitted");
        var created = await one.PostAsync("/v1/tokens", new { name = "reader", role = "read" });
        var cookie = await one.SignInAsync(created.GetProperty("token").GetString()!);
        await AllEndAsync(
            [
                LogAsync(one, execution, c => c.DefaultRequestHeaders.Add("Cookie", cookie)),
                EventsAsync(one, run, c => c.DefaultRequestHeaders.Add("Cookie", cookie)),
            ],
            () => isRevoked ? two.Admin.DeleteAsync($"/v1/tokens/{ApiFixture.Id(created)}") : SignOutAsync(two, cookie)
        );
    }

    [Fact]
    public async Task SignInLink_WorksOnceAndForItsTimeAlone()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var links = new SignInLinks(Microsoft.Extensions.Options.Options.Create(new WebOptions()), time);
        await using var server = await api.ServerAsync(replace: s => s.Replace(ServiceDescriptor.Singleton(links)));
        using var http = server.Plain();
        var (used, late) = (links.Issue(server.AdminToken), links.Issue(server.AdminToken));
        time.Advance(TimeSpan.FromMinutes(14));
        Assert.Equal("/", await OpenAsync(used));
        Assert.Equal("/signin?gone=true", await OpenAsync(used));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("/signin?gone=true", await OpenAsync(late));

        async Task<string> OpenAsync(string link)
        {
            using var answer = await http.GetAsync(link);
            return answer.Headers.Location!.ToString();
        }
    }

    [Fact]
    public async Task SignOut_WithoutTheFormsToken_IsRefusedAndEndsNothing()
    {
        await using var server = await api.ServerAsync();
        var cookie = await server.SignInAsync();
        using var http = server.Plain();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/signout")
        {
            Content = new FormUrlEncodedContent([new("_handler", "signout")]),
        };
        request.Headers.Add("Cookie", cookie);
        using var answer = await http.SendAsync(request);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(HttpStatusCode.OK, await MeAsync(server, cookie));
    }

    private static async Task AllEndAsync(Task<Task>[] opening, Func<Task> act)
    {
        var open = await Task.WhenAll(opening);
        Assert.All(open, o => Assert.False(o.IsCompleted));
        var began = TimeProvider.System.GetTimestamp();
        await act();
        await Task.WhenAll(open).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(TimeProvider.System.GetElapsedTime(began) < Promised, $"They ended after {TimeProvider.System.GetElapsedTime(began)}.");
    }

    private static Task<Task> LogAsync(ApiServer server, string execution, Action<HttpClient> authorize) =>
        StreamAsync(server, $"/v1/executions/{execution}/logs?follow=true", authorize);

    private static Task<Task> EventsAsync(ApiServer server, string run, Action<HttpClient> authorize) =>
        StreamAsync(server, $"/v1/pipeline-runs/{run}/events", authorize);

    /// <summary>Returns once the stream is open; the returned task ends with the stream, which must be aborted, not completed.</summary>
    private static async Task<Task> StreamAsync(ApiServer server, string path, Action<HttpClient> authorize)
    {
        var http = server.Plain();
        authorize(http);
        var response = await http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return EndAsync();

        async Task EndAsync()
        {
            using (http)
            using (response)
            {
                await Assert.ThrowsAnyAsync<Exception>(() => response.Content.CopyToAsync(Stream.Null));
            }
        }
    }

    private static async Task<Task> CircuitAsync(ApiServer server, string cookie)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Cookie", cookie);
        socket.Options.SetRequestHeader("Origin", server.Url.GetLeftPart(UriPartial.Authority));
        await socket.ConnectAsync(new UriBuilder(server.Url) { Scheme = "ws", Path = "/_blazor" }.Uri, CancellationToken.None);
        await socket.SendAsync(
            "{\"protocol\":\"blazorpack\",\"version\":1}\u001e"u8.ToArray(),
            WebSocketMessageType.Text,
            true,
            CancellationToken.None
        );
        return EndAsync();

        async Task EndAsync()
        {
            using (socket)
            {
                var buffer = new byte[4096];
                try
                {
                    while ((await socket.ReceiveAsync(buffer, CancellationToken.None)).MessageType != WebSocketMessageType.Close)
                    {
                        // Pings.
                    }
                }
                catch (WebSocketException)
                {
                    // Aborted.
                }
            }
        }
    }

    private static async Task<HttpStatusCode> MeAsync(ApiServer server, string cookie)
    {
        using var http = server.Plain();
        // Each server of this test has its own port, which is part of the cookie's name.
        http.DefaultRequestHeaders.Add(
            "Cookie",
            $"shipinator-{server.Url.Port}={cookie[(cookie.IndexOf('=', StringComparison.Ordinal) + 1)..]}"
        );
        using var answer = await http.GetAsync("/v1/me");
        return answer.StatusCode;
    }

    private static async Task SignOutAsync(ApiServer server, string cookie)
    {
        using var http = server.Plain();
        var session = $"shipinator-{server.Url.Port}={cookie[(cookie.IndexOf('=', StringComparison.Ordinal) + 1)..]}";
        using var page = await http.GetAsync("/signout");
        var form = FormToken().Match(await page.Content.ReadAsStringAsync()).Groups[1].Value;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/signout")
        {
            Content = new FormUrlEncodedContent([new("_handler", "signout"), new("__RequestVerificationToken", form)]),
        };
        request.Headers.Add(
            "Cookie",
            $"{session}; {page.Headers.GetValues("Set-Cookie").Single(c => c.Contains("form", StringComparison.Ordinal)).Split(';')[0]}"
        );
        using var answer = await http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
    }

    [GeneratedRegex("name=\"__RequestVerificationToken\" value=\"([^\"]+)\"")]
    private static partial Regex FormToken();
}
