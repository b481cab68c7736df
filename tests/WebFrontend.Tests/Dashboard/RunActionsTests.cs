using System.Reflection;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using MudBlazor;
using Npgsql;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Runs;
using Shipinator.WebFrontend.Dashboard.Features.Runs;
using Shipinator.WebFrontend.Security;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>
/// Actions of a page that still shows its buttons, because it has not noticed yet that its token was revoked: the clock of the periodic
/// check stands still, and the database sends no notification.
/// </summary>
public sealed class RunActionsTests(ApiFixture api)
{
    [Theory]
    [InlineData("cancel")]
    [InlineData("rerun")]
    public async Task Action_OfAPageThatMissedTheRevocation_IsRefusedByTheServer(string action)
    {
        await using var server = await api.ServerAsync(replace: s =>
        {
            SilentExecutors.Use(s);
            s.Replace(ServiceDescriptor.Singleton(p => ActivatorUtilities.CreateInstance<AccessWatch>(p, new FakeTimeProvider())));
        });
        var run = await server.TriggerAsync(
            await server.PipelineAsync("image: none\nbuild:\n  steps:\n    - { name: long, run: \"true\" }\n")
        );
        await server.ExecutionAsync(run, "submitted");
        var token = (await server.PostAsync("/v1/tokens", new { name = "was a writer", role = "write" })).GetProperty("token").GetString()!;
        await using var page = server.Services.CreateAsyncScope();
        await SignInAsync(page.ServiceProvider, token);
        var session = page.ServiceProvider.GetRequiredService<Session>();
        var messages = Recorder.Of<ISnackbar>(null);
        var actions = new RunActions(
            session,
            page.ServiceProvider.GetRequiredService<RunCancellation>(),
            page.ServiceProvider.GetRequiredService<RunRerun>(),
            Recorder.Of<IDialogService>(Task.FromResult<bool?>(true)),
            messages
        );
        await session.RequireAsync(Policies.Write, TestContext.Current.CancellationToken);

        await RevokeSilentlyAsync(server, "was a writer");
        await ActAsync();

        Assert.Contains("your token was revoked", Assert.Single(Recorder.Texts(messages)), StringComparison.Ordinal);
        // The page itself has noticed nothing, so that it was this action that was refused.
        Assert.True(await session.MayAsync(Policies.Write));
        var view = await page.ServiceProvider.GetRequiredService<RunQueries>().GetAsync(RunId.Parse(run), default);
        Assert.Null(view!.Cancel);
        Assert.Equal(1, (await server.GetAsync("/v1/pipeline-runs")).GetProperty("items").GetArrayLength());

        async Task ActAsync()
        {
            if (action == "cancel")
            {
                var runs = page.ServiceProvider.GetRequiredService<RunQueries>();
                await actions.CancelAsync((await runs.GetAsync(RunId.Parse(run), default))!, []);
            }
            else
            {
                Assert.Null(await actions.RerunAsync(RunId.Parse(run), onlyFailed: false, "key"));
            }
        }
    }

    /// <summary>Gives a page the user that a browser with this token has.</summary>
    private static async Task SignInAsync(IServiceProvider page, string token)
    {
        var row = (await page.GetRequiredService<TokenStore>().FindAsync(token, default))!;
        var session = Guid.CreateVersion7().ToString("N");
        await page.GetRequiredService<BrowserSessionStore>().CreateAsync(session, row.Id, TimeSpan.FromHours(1), default);
        var user = new AuthenticationState(DashboardAccess.Principal(row, session));
        ((IHostEnvironmentAuthenticationStateProvider)page.GetRequiredService<AuthenticationStateProvider>()).SetAuthenticationState(
            Task.FromResult(user)
        );
    }

    private static async Task RevokeSilentlyAsync(ApiServer server, string name)
    {
        await using var connection = await server.Services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using var command = new NpgsqlCommand(
            "SET LOCAL session_replication_role = replica; UPDATE api_tokens SET revoked_at = now() WHERE name = '" + name + "'",
            connection,
            transaction
        );
        Assert.Equal(1, await command.ExecuteNonQueryAsync());
        await transaction.CommitAsync();
    }

    /// <summary>A service of the page's user interface: gives one answer and records the texts that it was given.</summary>
    public class Recorder : DispatchProxy
    {
        private readonly List<string> _texts = [];
        private object? _answer;

        public static T Of<T>(object? answer)
            where T : class
        {
            var made = Create<T, Recorder>();
            ((Recorder)(object)made)._answer = answer;
            return made;
        }

        public static IReadOnlyList<string> Texts(object service) => ((Recorder)service)._texts;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            if (args is [string text, ..])
            {
                _texts.Add(text);
            }

            return _answer;
        }
    }
}
