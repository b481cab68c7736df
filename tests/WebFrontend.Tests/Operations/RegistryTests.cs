using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.Triggers;
using Shipinator.Triggers.Projects;
using Shipinator.Triggers.Tokens;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Operations;

/// <summary>Projects and tokens: the same checks for the API and the dashboard.</summary>
public sealed class RegistryTests(ApiFixture api)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("", "read", "name")]
    [InlineData("  ", "read", "name")]
    [InlineData("a\u0007b", "read", "name")]
    [InlineData("reader", "owner", "role")]
    public async Task Token_WithAnInvalidNameOrRole_IsRefusedForEveryActor(string name, string role, string field)
    {
        var tokens = api.Services.GetRequiredService<ApiTokens>();
        var error = await Assert.ThrowsAsync<MalformedException>(() => tokens.CreateAsync(name, role, Stop));
        Assert.Equal(field, error.Field);
        using var response = await api.Admin.PostAsJsonAsync("/v1/tokens", new { name, role }, Stop);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task Tokens_PageByPage_AreAllShownOnce()
    {
        await using var server = await api.ServerAsync(replace: SilentExecutors.Use);
        var tokens = server.Services.GetRequiredService<ApiTokens>();
        for (var i = 0; i < 4; i++)
        {
            await tokens.CreateAsync($"token {i}", "read", Stop);
        }

        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = await server.GetAsync("/v1/tokens?limit=2" + (cursor is null ? "" : $"&cursor={cursor}"));
            Assert.InRange(page.GetProperty("items").GetArrayLength(), 1, 2);
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(t => t.GetProperty("name").GetString()!));
            cursor = page.TryGetProperty("next_cursor", out var next) ? next.GetString() : null;
        } while (cursor is not null);

        Assert.Equal([$"admin of {server.Url.Port}", "token 0", "token 1", "token 2", "token 3"], seen);
        using var wrong = await server.Admin.GetAsync("/v1/tokens?cursor=nonsense", Stop);
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
        // The client follows the pages.
        var listed = await new Client.ShipinatorClient(server.Admin).ListTokensAsync(Stop).ToListAsync(Stop);
        Assert.Equal(seen, listed.Select(t => t.Name));
    }

    [Fact]
    public async Task Project_WithAnEmptyDescription_HasNone()
    {
        var project = await api.PostAsync("/v1/projects", new { name = "without a description", description = " " });
        Assert.False(project.TryGetProperty("description", out var description) && description.ValueKind != JsonValueKind.Null);
        var projects = api.Services.GetRequiredService<ProjectRegistry>();
        await Assert.ThrowsAsync<MalformedException>(() =>
            projects.UpdateAsync(ProjectId.Parse(ApiFixture.Id(project)), null, new string('d', 4001), Stop)
        );
    }
}
