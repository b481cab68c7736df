using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Shipinator.WebFrontend.Tests;

/// <summary>Every route of the OpenAPI document, requested without the needed role.</summary>
public sealed class AccessTests(ApiFixture api)
{
    private const string SomeId = "01890a5d-ac96-774b-bcce-b302099a8057";

    /// <summary>Authenticated by its signature alone, whatever token is sent along: see <c>WebhookRouteTests</c>.</summary>
    private const string Webhooks = "/v1/webhooks/{repository_id}";

    [Fact]
    public async Task EveryRoute_WithoutAToken_IsRefused() => await AllAsync(api.Anonymous, HttpStatusCode.Unauthorized);

    [Fact]
    public async Task EveryRoute_WithAWrongToken_IsRefused()
    {
        await AllAsync(api.Client("shp_" + new string('x', 43)), HttpStatusCode.Unauthorized);
        await AllAsync(api.Client("shx_" + new string('A', 64)), HttpStatusCode.Unauthorized);
        await AllAsync(api.Client("nonsense"), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task EveryRoute_WithTheTokenOfAnotherExecution_IsRefused()
    {
        var other = api.Services.GetRequiredService<IExecutionTokens>().Issue(ExecutionId.New(TimeProvider.System));
        // The payload of an artifact is open to every runner of its project; this execution has no project, so it gets 404.
        await AllAsync(api.Client(other), HttpStatusCode.Forbidden, "/v1/artifacts/{id}/download", Webhooks);
        Assert.Equal(HttpStatusCode.NotFound, (await api.Client(other).GetAsync($"/v1/artifacts/{SomeId}/download")).StatusCode);
    }

    [Fact]
    public async Task EveryChangingRoute_WithAReadersToken_IsRefused()
    {
        foreach (var (method, path) in await RoutesAsync())
        {
            if (method != HttpMethod.Get && path is not ("/v1/pipeline-files/lint" or Webhooks))
            {
                Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(api.Reader, method, path));
            }
        }
    }

    [Fact]
    public async Task Runner_ServedToEverybodyAndSaidToBeMissingWhenItIs()
    {
        Assert.Contains((HttpMethod.Get, "/v1/runner"), await RoutesAsync());
        var missing = await api.Anonymous.GetAsync("/v1/runner");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Contains("publish-static.sh", await missing.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        await File.WriteAllTextAsync(api.StaticRunner, "#!/bin/sh\n");
        Assert.Equal("#!/bin/sh\n", await api.Anonymous.GetStringAsync("/v1/runner"));
        using var range = new HttpRequestMessage(HttpMethod.Get, "/v1/runner") { Headers = { Range = new(2, 3) } };
        Assert.Equal("/b", await (await api.Anonymous.SendAsync(range)).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Token_Revoked_IsRefusedAtOnce()
    {
        var created = await api.PostAsync("/v1/tokens", new { name = "short-lived", role = "read" });
        var client = api.Client(created.GetProperty("token").GetString());
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/v1/me")).StatusCode);

        Assert.Equal(HttpStatusCode.NoContent, (await api.Admin.DeleteAsync($"/v1/tokens/{ApiFixture.Id(created)}")).StatusCode);

        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("/v1/me")).StatusCode);
        Assert.DoesNotContain(
            created.GetProperty("token").GetString()!,
            (await api.GetAsync("/v1/tokens")).ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void ExecutionToken_ChangedByOneCharacter_IsNoToken()
    {
        var tokens = api.Services.GetRequiredService<IExecutionTokens>();
        var id = ExecutionId.New(TimeProvider.System);
        var token = tokens.Issue(id);
        Assert.Equal(id, tokens.Verify(token));
        Assert.Equal(token, tokens.Issue(id));
        for (var i = 4; i < token.Length - 1; i++)
        {
            var changed = token.ToCharArray();
            changed[i] = changed[i] == 'A' ? 'B' : 'A';
            Assert.Null(tokens.Verify(new string(changed)));
        }
    }

    private async Task AllAsync(HttpClient client, HttpStatusCode expected, params string[] except)
    {
        var routes = await RoutesAsync();
        Assert.True(routes.Count >= 30, $"Only {routes.Count} routes are described.");
        // The runner's program is not secret: a pod downloads it before it has a token.
        foreach (var (method, path) in routes.Where(r => !except.Contains(r.Path) && r.Path != "/v1/runner"))
        {
            var status = await StatusAsync(client, method, path);
            Assert.True(status == expected, $"{method} {path} answered {(int)status}, not {(int)expected}.");
        }
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, path.Replace("{id}", SomeId, StringComparison.Ordinal));
        if (method != HttpMethod.Get && method != HttpMethod.Delete)
        {
            var isBytes = path.EndsWith("/logs", StringComparison.Ordinal) || path.EndsWith("{id}/artifacts", StringComparison.Ordinal);
            request.Content = new StringContent("{}", Encoding.UTF8, isBytes ? "application/octet-stream" : "application/json");
        }

        using var response = await client.SendAsync(request);
        if ((int)response.StatusCode >= 400)
        {
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        }

        return response.StatusCode;
    }

    private async Task<List<(HttpMethod Method, string Path)>> RoutesAsync()
    {
        using var document = JsonDocument.Parse(await api.Anonymous.GetStringAsync("/openapi/v1.json"));
        return
        [
            .. document
                .RootElement.GetProperty("paths")
                .EnumerateObject()
                .SelectMany(p => p.Value.EnumerateObject().Select(m => (HttpMethod.Parse(m.Name), p.Name))),
        ];
    }
}
