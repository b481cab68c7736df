using System.Security.Claims;
using Bunit;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor;
using MudBlazor.Services;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Runs;
using Shipinator.Triggers.Secrets;
using Shipinator.Triggers.Tokens;
using Shipinator.WebFrontend.Dashboard.Features.Runs;
using Shipinator.WebFrontend.Dashboard.Features.Secrets;
using Shipinator.WebFrontend.Dashboard.Live;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>The page of secrets, with the operations and the database of a real server.</summary>
public sealed class SecretsPageTests : BunitContext
{
    private readonly ApiFixture _api;

    public SecretsPageTests(ApiFixture api)
    {
        _api = api;
        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddMudServices();
        Services.AddSingleton(TimeProvider.System);
        Services.AddSingleton(api.Services.GetRequiredService<SecretRegistry>());
        Services.AddSingleton(api.Services.GetRequiredService<SharedViews<SecretScope, SecretsSnapshot>>());
        Services.AddSingleton(api.Services.GetRequiredService<RunCancellation>());
        Services.AddSingleton(api.Services.GetRequiredService<RunRerun>());
        Services.AddSingleton(api.Services.GetRequiredService<BrowserSessionStore>());
        Services.AddScoped<Session>();
        Services.AddScoped<RunActions>();
    }

    [Fact]
    public async Task Page_SetsChangesAndRemoves_AndNeverShowsAValue()
    {
        await SignInAsync("write");
        var (project, repository) = await RepositoryAsync();
        await SetAsync(SecretScope.Of(project), "INHERITED");
        var dialogs = Render<MudDialogProvider>();
        var page = Render<SecretsPage>(p => p.Add(c => c.RepositoryKey, repository.ToString()));
        await page.WaitForAssertionAsync(() => Assert.Contains("INHERITED", page.Markup, StringComparison.Ordinal));
        Assert.Equal("password", Value().GetAttribute("type"));

        page.Find("[data-testid=secret-name]").Change("TOKEN");
        Value().Change("a-hidden-value");
        page.Find("[data-testid=secret-branches]").Change("main, release/*");
        page.Find("input[type=checkbox]").Change(true);
        await page.Find("form").SubmitAsync();
        await page.WaitForAssertionAsync(() => Assert.Equal("TOKEN", page.Find("tbody td code").TextContent));
        Assert.Contains("main, release/*", page.Markup, StringComparison.Ordinal);
        Assert.DoesNotContain("a-hidden-value", page.Markup, StringComparison.Ordinal);
        Assert.True(string.IsNullOrEmpty(Value().GetAttribute("value")));

        // A change fills in all but the value, which an empty field keeps.
        await page.Find("button[aria-label='Change TOKEN']").ClickAsync();
        Assert.Equal("TOKEN", page.Find("[data-testid=secret-name]").GetAttribute("value"));
        Assert.True(string.IsNullOrEmpty(Value().GetAttribute("value")));
        page.Find("[data-testid=secret-branches]").Change("");
        await page.Find("form").SubmitAsync();
        await page.WaitForAssertionAsync(() => Assert.DoesNotContain("release", page.Find("tbody").TextContent, StringComparison.Ordinal));
        var stored = Assert.Single(await ListAsync(repository));
        Assert.Equal(("TOKEN", 2, "push", 0), (stored.Name, stored.Version, Assert.Single(stored.Events), stored.Branches.Count));

        var removal = page.Find("button[aria-label='Remove TOKEN']").ClickAsync();
        await dialogs.WaitForAssertionAsync(() => Assert.Contains("Remove TOKEN?", dialogs.Markup, StringComparison.Ordinal));
        await dialogs.FindAll("button").Single(b => b.TextContent.Contains("Remove secret", StringComparison.Ordinal)).ClickAsync();
        await removal;
        Assert.Empty(await ListAsync(repository));
        await page.WaitForAssertionAsync(() => Assert.DoesNotContain(">TOKEN<", page.Markup, StringComparison.Ordinal));

        AngleSharp.Dom.IElement Value() => page.Find("[data-testid=secret-value]");
    }

    [Fact]
    public async Task Page_ForAReader_ShowsNamesAndNoForm()
    {
        await SignInAsync("read");
        var (project, _) = await RepositoryAsync();
        await SetAsync(SecretScope.Of(project), "TOKEN");
        var page = Render<SecretsPage>(p => p.Add(c => c.ProjectKey, project.ToString()));
        await page.WaitForAssertionAsync(() => Assert.Equal("TOKEN", page.Find("tbody td code").TextContent));
        Assert.Empty(page.FindAll("form"));
        Assert.Empty(page.FindAll("button"));
    }

    [Fact]
    public async Task Page_OfAnUnknownProject_SaysSo()
    {
        await SignInAsync("read");
        var page = Render<SecretsPage>(p => p.Add(c => c.ProjectKey, "nonsense"));
        Assert.Contains("project", page.Find("h1").TextContent, StringComparison.OrdinalIgnoreCase);
    }

    private async Task SignInAsync(string role)
    {
        var token = (
            await _api.Services.GetRequiredService<ApiTokens>().CreateAsync($"page {EntityId.NewValue(TimeProvider.System)}", role, default)
        ).Row;
        var session = $"session of {token.Id}";
        await _api.Services.GetRequiredService<BrowserSessionStore>().CreateAsync(session, token.Id, TimeSpan.FromHours(1));
        var user = new ClaimsPrincipal(
            new ClaimsIdentity(
                [new(ClaimTypes.Name, token.Name), new(ClaimTypes.Role, role), new(DashboardAccess.SessionClaim, session)],
                "test"
            )
        );
        Services.AddSingleton<AuthenticationStateProvider>(new SignedIn(user));
    }

    private async Task<(ProjectId Project, RepositoryId Repository)> RepositoryAsync()
    {
        var project = await _api
            .Services.GetRequiredService<ProjectStore>()
            .CreateAsync($"page {EntityId.NewValue(TimeProvider.System)}", null);
        var repository = await _api
            .Services.GetRequiredService<RepositoryStore>()
            .CreateAsync(new(project.Id, "web", "git", "https://git.example.org/a/b.git", "main"));
        return (project.Id, repository.Id);
    }

    private Task<SecretInfo> SetAsync(SecretScope scope, string name) =>
        _api
            .Services.GetRequiredService<SecretRegistry>()
            .SetAsync(scope, name, new() { Value = "a-hidden-value" }, Triggers.Actor.System, default);

    private Task<IReadOnlyList<SecretInfo>> ListAsync(RepositoryId repository) =>
        _api.Services.GetRequiredService<SecretRegistry>().ListAsync(SecretScope.Of(repository), default);

    private sealed class SignedIn(ClaimsPrincipal user) : AuthenticationStateProvider
    {
        public override Task<AuthenticationState> GetAuthenticationStateAsync() => Task.FromResult(new AuthenticationState(user));
    }
}
