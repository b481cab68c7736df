using System.Globalization;
using System.Net.Http.Headers;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Fuzzing;

/// <summary>
/// No request is an error of the server. 2,000 of them here; <c>scripts/fuzz.sh</c> sends more, or those of another seed, by the variables
/// <c>SHIPINATOR_FUZZ_REQUESTS</c> and <c>SHIPINATOR_FUZZ_SEED</c>.
/// </summary>
public sealed class FuzzTests(ApiFixture api)
{
    [Fact]
    public async Task HostileRequests_OfEveryRole_AreNeverAnErrorOfTheServer()
    {
        var (count, seed) = (Setting("SHIPINATOR_FUZZ_REQUESTS", 2_000), Setting("SHIPINATOR_FUZZ_SEED", 12));
        await using var server = await api.ServerAsync(
            o =>
                (
                    o.Limits.WrongTokensPerMinute,
                    o.Limits.FailedSignInsPerMinute,
                    o.Limits.RunsPerMinutePerToken,
                    o.Limits.RunsPerMinutePerRepository
                ) = (0, 0, 0, 0),
            SilentExecutors.Use
        );
        var pipeline = await server.PipelineAsync("image: none\nbuild:\n  steps:\n    - { name: one, run: \"true\" }\n");
        var run = await server.TriggerAsync(pipeline);
        var execution = await server.ExecutionAsync(run, "submitted");
        var view = await server.GetAsync($"/v1/pipeline-runs/{run}");
        var (cookie, write, read) = (await server.SignInAsync(), await TokenAsync("write"), await TokenAsync("read"));
        var runner = server.Services.GetRequiredService<IExecutionTokens>().Issue(ExecutionId.Parse(execution));
        // Admins can revoke the other roles' tokens: what is revoked says 401, and no id of a token is among these.
        string[] ids =
        [
            run,
            pipeline,
            execution,
            execution,
            view.GetProperty("repository_id").GetString()!,
            view.GetProperty("project_id").GetString()!,
            Guid.CreateVersion7().ToString(),
            Guid.Empty.ToString(),
        ];
        var fuzzer = new RequestFuzzer(
            server,
            seed,
            ids,
            [
                ("admin", r => r.Headers.Authorization = new("Bearer", server.AdminToken)),
                ("admin", r => r.Headers.Authorization = new("Bearer", server.AdminToken)),
                ("admin", r => r.Headers.Authorization = new("Bearer", server.AdminToken)),
                ("writer", r => r.Headers.Authorization = new("Bearer", write)),
                ("reader", r => r.Headers.Authorization = new("Bearer", read)),
                ("runner", r => r.Headers.Authorization = new("Bearer", runner)),
                ("browser", r => r.Headers.TryAddWithoutValidation("Cookie", cookie)),
                ("stranger", r => r.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "shp_no-token-of-anybody")),
                ("nobody", _ => { }),
            ]
        );
        var began = TimeProvider.System.GetTimestamp();
        var bad = await fuzzer.RunAsync(count, atOnce: 16);
        TestContext.Current.SendDiagnosticMessage(
            $"{count} requests of seed {seed} in {TimeProvider.System.GetElapsedTime(began).TotalSeconds:0} s: "
                + $"{string.Join(", ", fuzzer.Answers.OrderBy(a => a.Key).Select(a => $"{a.Key} × {a.Value}"))}; {bad.Count} bad"
        );
        Assert.True(bad.Count == 0, $"{bad.Count} of {count} (seed {seed}):\n{string.Join('\n', bad.Take(40))}");
        // It came through to the routes, not only to those who refuse at the door.
        Assert.True(fuzzer.Answers.GetValueOrDefault(200) > count / 50, string.Join(", ", fuzzer.Answers));

        async Task<string> TokenAsync(string role) =>
            (await server.PostAsync("/v1/tokens", new { name = role, role })).GetProperty("token").GetString()!;
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
