using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>The dashboard with the read role, and with a token that was revoked.</summary>
public sealed class ReaderTests(Dashboard dashboard)
{
    private static readonly string[] WriteActions =
    [
        "Cancel",
        "Rerun",
        "Rerun failed jobs",
        "Trigger",
        "New project",
        "Add repository",
        "Edit",
        "Delete",
        "Sync",
    ];

    [Fact]
    public async Task ReadRole_SeesAllPages_WithoutActionsThatWouldBeRejected()
    {
        var active = await dashboard.RunAsync("build:\n  steps:\n    - { name: long, run: \"echo hello reader; sleep 600\" }\n");
        var failed = await dashboard.EndedRunAsync(
            "build:\n  steps:\n    - { name: ok, run: \"true\" }\ntest:\n  steps:\n    - { name: bad, run: \"exit 1\" }\n"
        );
        var run = await dashboard.Api.GetAsync($"/v1/pipeline-runs/{failed}");
        await using var visitor = await dashboard.VisitAsync(asReader: true);
        foreach (
            var path in new[]
            {
                "/",
                "/runs",
                $"/runs/{active}",
                $"/runs/{failed}",
                "/schedules",
                "/projects",
                $"/projects/{Text("project_id")}",
                $"/repositories/{Text("repository_id")}",
                $"/pipelines/{Text("pipeline_id")}",
            }
        )
        {
            await visitor.OpenAsync(path);
            foreach (var name in WriteActions)
            {
                Assert.True(
                    await visitor.Page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true }).CountAsync() == 0,
                    $"{path} shows '{name}' to the read role."
                );
            }
        }

        await Expect(visitor.Page.GetByRole(AriaRole.Navigation, new() { Name = "Main" }).GetByText("API tokens")).ToHaveCountAsync(0);
        await visitor.OpenAsync($"/runs/{active}?execution={await dashboard.ExecutionAsync(active, "long")}");
        await Expect(visitor.Page.GetByTestId("log")).ToContainTextAsync("hello reader");
        await dashboard.Api.PostAsync($"/v1/pipeline-runs/{active}/cancel");

        string Text(string name) => run.GetProperty(name).GetString()!;
    }

    [Theory]
    [InlineData("/settings/tokens")]
    [InlineData("/admin")]
    [InlineData("/admin/orleans/")]
    public async Task ReadRole_OnAdminPages_IsDeniedAccess(string path)
    {
        await using var visitor = await dashboard.VisitAsync(asReader: true);
        await visitor.Page.GotoAsync(path);
        await Expect(visitor.Page.GetByRole(AriaRole.Heading, new() { Level = 2, Name = "Access denied" })).ToBeVisibleAsync();
    }

    /// <summary>Without a notification the page notices by its periodic check. `RunActionsTests` has what happens until then.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Token_RevokedWhileAPageIsOpen_SignsThePageOut(bool isNotified)
    {
        var run = await dashboard.RunAsync("build:\n  steps:\n    - { name: long, run: \"sleep 600\" }\n");
        var name = $"was a writer {isNotified}";
        await using var visitor = await dashboard.VisitAsync(token: await dashboard.NewTokenAsync(name, "write"));
        // The server closes the connection of a page that lost its access, which the browser logs as an error.
        visitor.AllowConsoleErrors();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}");
        await Expect(JourneyTests.Step(page, "long")).ToHaveAttributeAsync("data-status", "running");
        if (isNotified)
        {
            var id = (await dashboard.Api.GetAsync("/v1/tokens"))
                .GetProperty("items")
                .EnumerateArray()
                .Single(t => t.GetProperty("name").GetString() == name)
                .GetProperty("id")
                .GetString();
            await dashboard.Api.DeleteAsync($"/v1/tokens/{id}");
        }
        else
        {
            await using var data = await dashboard.OpenDatabaseAsync();
            await using var silently = data.CreateCommand(
                "SET session_replication_role = replica; UPDATE api_tokens SET revoked_at = now() WHERE name = '" + name + "'"
            );
            Assert.Equal(1, await silently.ExecuteNonQueryAsync());
        }

        await Expect(page.GetByText("your token was revoked")).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Cancel", Exact = true })).ToHaveCountAsync(0);
        Assert.Equal("running", (await dashboard.Api.GetAsync($"/v1/pipeline-runs/{run}")).GetProperty("status").GetString());
        await dashboard.Api.PostAsync($"/v1/pipeline-runs/{run}/cancel");
    }
}
