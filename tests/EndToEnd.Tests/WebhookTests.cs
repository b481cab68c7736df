using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Shipinator.EndToEnd.Tests;

/// <summary>A signed push to a real server that is killed at different moments: exactly one run, which succeeds.</summary>
public sealed class WebhookTests : IDisposable
{
    private const string Secret = "a secret of at least sixteen characters";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData("after the answer")]
    [InlineData("while planning")]
    [InlineData("after the run's creation")]
    public async Task Push_ServerKilled_MakesExactlyOneRun(string moment)
    {
        _bench.Commit("image: none\nbuild: { steps: [ { name: one, run: \"true\" } ] }\n");
        var commit = Head();
        string repository;
        string delivery;
        await using (var first = await SiloProcess.StartAsync(_bench.Data, null, "--port", "0"))
        {
            var (url, token) = SiloProcess.Connection(_bench.Data);
            using var api = new Api(url, token);
            await api.RegisterAsync(_bench.Repository);
            var project = Api.Items(await api.GetAsync("/v1/projects")).Single().GetProperty("id").GetString();
            repository = Api.Items(await api.GetAsync($"/v1/projects/{project}/repositories")).Single().GetProperty("id").GetString()!;
            using (var http = new HttpClient { BaseAddress = url })
            {
                http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
                using var set = new StringContent(JsonSerializer.Serialize(new { value = Secret }), Encoding.UTF8, "application/json");
                using var answer = await http.PutAsync($"/v1/repositories/{repository}/webhook-secret", set);
                Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
            }

            delivery = await SendAsync(url, repository, commit);
            if (moment == "while planning")
            {
                await UntilAsync(api, $"/v1/deliveries/{delivery}", d => d.GetProperty("attempts").GetInt32() > 0);
            }
            else if (moment == "after the run's creation")
            {
                await UntilAsync(api, $"/v1/pipeline-runs?repository={repository}", r => Api.Items(r).Any());
            }

            await first.KillAsync();
        }

        await using var second = await SiloProcess.StartAsync(_bench.Data, null, "--port", "0");
        {
            var (url, token) = SiloProcess.Connection(_bench.Data);
            using var api = new Api(url, token);
            var done = await UntilAsync(api, $"/v1/deliveries/{delivery}", d => d.TryGetProperty("outcome", out _));
            Assert.Equal("run_created", done.GetProperty("outcome").GetString());
            // The forge sends it again, since it may not have seen the answer.
            Assert.Equal(delivery, await SendAsync(url, repository, commit));
            var run = Assert.Single(Api.Items(await api.GetAsync($"/v1/pipeline-runs?repository={repository}")));
            Assert.Equal(commit, run.GetProperty("git_sha").GetString());
            var end = await api.WaitForEndAsync(run.GetProperty("id").GetString()!, Patience);
            Assert.Equal("success", end.GetProperty("status").GetString());
        }
    }

    private static async Task<JsonElement> UntilAsync(Api api, string path, Func<JsonElement, bool> condition)
    {
        var deadline = TimeProvider.System.GetUtcNow() + Patience;
        while (true)
        {
            var last = await api.GetAsync(path);
            if (condition(last))
            {
                return last;
            }

            Assert.True(TimeProvider.System.GetUtcNow() < deadline, $"{path} did not become what was expected: {last}");
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }
    }

    /// <summary>The request of a Gitea; returns the id of the delivery.</summary>
    private static async Task<string> SendAsync(Uri server, string repository, string commit)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new
            {
                @ref = "refs/heads/main",
                before = new string('0', 40),
                after = commit,
                compare_url = "",
                commits = Array.Empty<object>(),
                head_commit = new
                {
                    id = commit,
                    message = "pipeline\n",
                    author = new { name = "Test" },
                },
                repository = new { full_name = "shop/hello" },
                sender = new { login = "ada" },
            }
        );
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server, $"/v1/webhooks/{repository}"))
        {
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("X-Gitea-Event", "push");
        request.Headers.Add("X-Gitea-Delivery", "3f5a2b4c-0000-4000-8000-000000000001");
        request.Headers.Add("X-Gitea-Signature", Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), body)));
        using var http = new HttpClient();
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, text);
        return JsonDocument.Parse(text).RootElement.GetProperty("id").GetString()!;
    }

    private string Head()
    {
        using var git = Process.Start(
            new ProcessStartInfo("git", ["rev-parse", "HEAD"]) { WorkingDirectory = _bench.Repository, RedirectStandardOutput = true }
        )!;
        var commit = git.StandardOutput.ReadToEnd().Trim();
        git.WaitForExit();
        return commit;
    }
}
