using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Schedules;

/// <summary>Schedules over HTTP, by role.</summary>
public sealed class ScheduleRoutesTests(ApiFixture api)
{
    private const string File = """
        on:
          manual: { inputs: { target: { default: staging } } }
          schedule: [ { cron: "H 3 * * *", timezone: Europe/Berlin, inputs: { target: prod }, name: nightly } ]
        build: { steps: [ { name: one, run: "echo {{ .inputs.target }}" } ] }
        """;

    [Fact]
    public async Task Schedule_IsListedSwitchedAndRun()
    {
        await using var server = await api.ServerAsync(replace: SilentExecutors.Use);
        var pipeline = await server.PipelineAsync(File);
        var listed = Assert.Single((await server.GetAsync("/v1/schedules")).GetProperty("items").EnumerateArray());
        var repository = listed.GetProperty("repository_id").GetString();
        var same = Assert.Single((await server.GetAsync($"/v1/repositories/{repository}/schedules")).GetProperty("items").EnumerateArray());
        Assert.Equal(listed.GetRawText(), same.GetRawText());
        Assert.Equal("nightly", listed.GetProperty("name").GetString());
        Assert.Equal("Europe/Berlin", listed.GetProperty("timezone").GetString());
        Assert.Equal("main", listed.GetProperty("branch").GetString());
        Assert.Equal("prod", listed.GetProperty("inputs").GetProperty("target").GetString());
        Assert.Equal("ok", listed.GetProperty("status").GetString());
        Assert.True(listed.GetProperty("next_at").GetDateTimeOffset() > TimeProvider.System.GetUtcNow());
        Assert.NotEqual("", pipeline);

        var id = ApiFixture.Id(listed);
        var disabled = await PatchAsync(server.Admin, id, new { enabled = false });
        Assert.Equal(("disabled", false), (disabled.GetProperty("status").GetString(), disabled.TryGetProperty("next_at", out _)));
        var run = await server.PostAsync($"/v1/schedules/{id}/runs", new { });
        Assert.Equal("schedule", run.GetProperty("event").GetString());
        Assert.Equal("Started by hand from schedule 'nightly'.", run.GetProperty("note").GetString());
        Assert.StartsWith("token:", run.GetProperty("actor").GetString(), StringComparison.Ordinal);
        var enabled = await PatchAsync(server.Admin, id, new { enabled = true });
        Assert.Equal(ApiFixture.Id(run), enabled.GetProperty("last_run_id").GetString());
        Assert.Equal(run.GetProperty("run_number").GetInt64(), enabled.GetProperty("last_run_number").GetInt64());
        Assert.True(enabled.TryGetProperty("next_at", out _));
    }

    [Fact]
    public async Task Schedule_OfAReader_IsReadOnly_AndUnknownOnesAreNotFound()
    {
        await api.PipelineAsync(File);
        var page = await api.Reader.GetFromJsonAsync<JsonElement>("/v1/schedules?limit=1", TestContext.Current.CancellationToken);
        var id = ApiFixture.Id(page.GetProperty("items")[0]);
        using var patch = await api.Reader.PatchAsJsonAsync($"/v1/schedules/{id}", new { enabled = false }, default(CancellationToken));
        using var run = await api.Reader.PostAsync($"/v1/schedules/{id}/runs", null, TestContext.Current.CancellationToken);
        using var anonymous = await api.Anonymous.GetAsync("/v1/schedules", TestContext.Current.CancellationToken);
        Assert.Equal(
            (HttpStatusCode.Forbidden, HttpStatusCode.Forbidden, HttpStatusCode.Unauthorized),
            (patch.StatusCode, run.StatusCode, anonymous.StatusCode)
        );
        var other = Guid.CreateVersion7();
        using var unknown = await api.Admin.PatchAsJsonAsync($"/v1/schedules/{other}", new { enabled = false }, default(CancellationToken));
        using var repository = await api.Admin.GetAsync($"/v1/repositories/{other}/schedules", TestContext.Current.CancellationToken);
        using var malformed = await api.Admin.PatchAsJsonAsync($"/v1/schedules/{id}", new { }, default(CancellationToken));
        Assert.Equal(
            (HttpStatusCode.NotFound, HttpStatusCode.NotFound, HttpStatusCode.BadRequest),
            (unknown.StatusCode, repository.StatusCode, malformed.StatusCode)
        );
    }

    private static async Task<JsonElement> PatchAsync(HttpClient client, string id, object body)
    {
        using var response = await client.PatchAsJsonAsync($"/v1/schedules/{id}", body);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }
}
