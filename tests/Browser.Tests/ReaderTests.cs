using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Shipinator.Browser.Tests;

/// <summary>Somebody who may look and nothing else.</summary>
public sealed class ReaderTests(Dashboard dashboard)
{
    private static readonly string[] Changing =
    [
        "Cancel",
        "Rerun",
        "Rerun failed",
        "Trigger",
        "New project",
        "Add repository",
        "Edit",
        "Delete",
        "Read pipelines",
    ];

    [Fact]
    public async Task Reader_SeesEverythingAndNoButtonThatWouldBeRefused()
    {
        var live = await dashboard.RunAsync("build:\n  steps:\n    - { name: long, run: \"echo hello reader; sleep 600\" }\n");
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
                $"/runs/{live}",
                $"/runs/{failed}",
                "/projects",
                $"/projects/{Text("project_id")}",
                $"/repositories/{Text("repository_id")}",
                $"/pipelines/{Text("pipeline_id")}",
            }
        )
        {
            await visitor.OpenAsync(path);
            foreach (var name in Changing)
            {
                Assert.True(
                    await visitor.Page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true }).CountAsync() == 0,
                    $"{path} shows '{name}' to a reader."
                );
            }
        }

        await Expect(visitor.Page.GetByRole(AriaRole.Navigation, new() { Name = "Main" }).GetByText("API tokens")).ToHaveCountAsync(0);
        await visitor.OpenAsync($"/runs/{live}?execution={await dashboard.ExecutionAsync(live, "long")}");
        await Expect(visitor.Page.GetByTestId("log")).ToContainTextAsync("hello reader");
        await dashboard.Api.PostAsync($"/v1/pipeline-runs/{live}/cancel");

        string Text(string name) => run.GetProperty(name).GetString()!;
    }

    [Theory]
    [InlineData("/settings/tokens")]
    [InlineData("/admin")]
    [InlineData("/admin/orleans/")]
    public async Task Reader_WhereTheyMayNot_IsToldSo(string path)
    {
        await using var visitor = await dashboard.VisitAsync(asReader: true);
        await visitor.Page.GotoAsync(path);
        await Expect(visitor.Page.GetByText("Not with this token")).ToBeVisibleAsync();
    }

    /// <summary>The news of it may be lost: then the buttons are still there, and the server refuses.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Token_RevokedWhileAPageIsOpen_IsRefusedByPageAndServer(bool isTold)
    {
        var run = await dashboard.RunAsync("build:\n  steps:\n    - { name: long, run: \"sleep 600\" }\n");
        var name = $"was a writer {isTold}";
        await using var visitor = await dashboard.VisitAsync(token: await dashboard.NewTokenAsync(name, "write"));
        // The server cuts the connection of a page that may read no more, which the browser complains of.
        visitor.ExpectComplaints();
        var page = visitor.Page;
        await visitor.OpenAsync($"/runs/{run}");
        await Expect(JourneyTests.Step(page, "long")).ToHaveAttributeAsync("data-status", "running");
        if (isTold)
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
            await page.GetByRole(AriaRole.Button, new() { Name = "Cancel", Exact = true }).ClickAsync();
            await page.GetByRole(AriaRole.Button, new() { Name = "Cancel the run" }).ClickAsync();
        }

        await Expect(page.GetByText("your token was revoked")).ToBeVisibleAsync();
        if (isTold)
        {
            await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Cancel", Exact = true })).ToHaveCountAsync(0);
        }

        Assert.Equal("running", (await dashboard.Api.GetAsync($"/v1/pipeline-runs/{run}")).GetProperty("status").GetString());
        await dashboard.Api.PostAsync($"/v1/pipeline-runs/{run}/cancel");
    }
}
