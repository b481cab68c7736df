using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Security;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests;

/// <summary>Secrets over HTTP, and in the claims of runners.</summary>
public sealed class SecretRouteTests(ApiFixture api)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Secret_IsSetListedAndRemoved_AndItsValueIsInNoResponse()
    {
        var (project, repository) = await RepositoryAsync(api.Services);
        foreach (var scope in new[] { $"/v1/projects/{project}/secrets", $"/v1/repositories/{repository}/secrets" })
        {
            var answers = new StringBuilder();
            var put = new
            {
                value = "very-hidden-value",
                events = new[] { "push" },
                branches = new[] { "main" },
            };
            answers.Append(await SendAsync(api.Admin, HttpMethod.Put, $"{scope}/TOKEN", put));
            answers.Append(await SendAsync(api.Admin, HttpMethod.Put, $"{scope}/TOKEN", new { branches = Array.Empty<string>() }));
            var list = await SendAsync(api.Reader, HttpMethod.Get, scope);
            answers.Append(list);
            var secret = Assert.Single(JsonDocument.Parse(list).RootElement.GetProperty("items").EnumerateArray().ToList());
            Assert.Equal("TOKEN", secret.GetProperty("name").GetString());
            Assert.Equal(
                scope.Contains("projects", StringComparison.Ordinal) ? "project" : "repository",
                secret.GetProperty("scope").GetString()
            );
            Assert.Equal(2, secret.GetProperty("version").GetInt32());
            Assert.Equal("token:admin", secret.GetProperty("updated_by").GetString());
            Assert.Equal("push", secret.GetProperty("events")[0].GetString());
            Assert.Equal(0, secret.GetProperty("branches").GetArrayLength());
            await SendAsync(api.Admin, HttpMethod.Delete, $"{scope}/TOKEN", expected: HttpStatusCode.NoContent);
            answers.Append(await SendAsync(api.Admin, HttpMethod.Delete, $"{scope}/TOKEN", expected: HttpStatusCode.NotFound));
            Assert.DoesNotContain("very-hidden-value", answers.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Credential_AndWebhookSecret_AreSetShownAndRemoved_WithoutTheirValues()
    {
        var (_, repository) = await RepositoryAsync(api.Services);
        var credential = $"/v1/repositories/{repository}/credential";
        await SendAsync(api.Reader, HttpMethod.Get, credential, expected: HttpStatusCode.NotFound);
        var answers = await SendAsync(api.Admin, HttpMethod.Put, credential, new { username = "robot", password = "very-hidden-value" });
        answers += await SendAsync(api.Reader, HttpMethod.Get, credential);
        Assert.Contains(
            "\"username\":\"robot\",\"url\":\"https://git.example.org/a/b.git\",\"is_used\":true",
            answers,
            StringComparison.Ordinal
        );
        await SendAsync(api.Admin, HttpMethod.Delete, credential, expected: HttpStatusCode.NoContent);

        var webhook = $"/v1/repositories/{repository}/webhook-secret";
        await SendAsync(api.Reader, HttpMethod.Get, webhook, expected: HttpStatusCode.NotFound);
        answers += await SendAsync(api.Admin, HttpMethod.Put, webhook, new { value = "very-hidden-value" });
        answers += await SendAsync(api.Admin, HttpMethod.Put, webhook, new { value = "very-hidden-value-2" });
        Assert.Contains("previous_until", answers, StringComparison.Ordinal);
        answers += await SendAsync(api.Reader, HttpMethod.Get, webhook);
        await SendAsync(api.Admin, HttpMethod.Delete, webhook, expected: HttpStatusCode.NoContent);
        Assert.DoesNotContain("very-hidden-value", answers, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reader_MaySeeNamesAndChangeNothing_AWriterMayNotRotateKeys()
    {
        var (project, repository) = await RepositoryAsync(api.Services);
        using var writer = api.Client(await BootstrapTokens.CreateAsync(api.Services, $"writer {repository}", Policies.Write));
        var secret = $"/v1/projects/{project}/secrets/TOKEN";
        await SendAsync(writer, HttpMethod.Put, secret, new { value = "value" });
        foreach (
            var (method, path, body) in new (HttpMethod, string, object?)[]
            {
                (HttpMethod.Put, secret, new { value = "value" }),
                (HttpMethod.Delete, secret, null),
                (HttpMethod.Put, $"/v1/repositories/{repository}/secrets/TOKEN", new { value = "value" }),
                (HttpMethod.Put, $"/v1/repositories/{repository}/credential", new { password = "password" }),
                (HttpMethod.Delete, $"/v1/repositories/{repository}/credential", null),
                (HttpMethod.Put, $"/v1/repositories/{repository}/webhook-secret", new { value = "0123456789abcdef" }),
                (HttpMethod.Delete, $"/v1/repositories/{repository}/webhook-secret", null),
                (HttpMethod.Post, "/v1/admin/rotate-keys", null),
            }
        )
        {
            await SendAsync(api.Reader, method, path, body, HttpStatusCode.Forbidden);
            await SendAsync(api.Anonymous, method, path, body, HttpStatusCode.Unauthorized);
        }

        await SendAsync(writer, HttpMethod.Post, "/v1/admin/rotate-keys", expected: HttpStatusCode.Forbidden);
        await SendAsync(writer, HttpMethod.Delete, secret, expected: HttpStatusCode.NoContent);
        var rotated = await SendAsync(api.Admin, HttpMethod.Post, "/v1/admin/rotate-keys");
        Assert.Equal(0, JsonDocument.Parse(rotated).RootElement.GetProperty("remaining").GetInt64());
    }

    [Theory]
    [InlineData("TOKEN", """{"value":"abc"}""", "value")]
    [InlineData("TOKEN", """{}""", "value")]
    [InlineData("TOKEN", """{"value":"value","events":["tag"]}""", "events")]
    [InlineData("TOKEN", """{"value":"value","branches":["!main"]}""", "branches")]
    [InlineData("CI_TOKEN", """{"value":"value"}""", "name")]
    [InlineData("a%2Fb", """{"value":"value"}""", "name")]
    public async Task Secret_InvalidField_IsABadRequestThatNamesIt(string name, string body, string field)
    {
        var (project, _) = await RepositoryAsync(api.Services);
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await api.Admin.PutAsync($"/v1/projects/{project}/secrets/{name}", content, Stop);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>(Stop);
        Assert.True(problem.GetProperty("errors").TryGetProperty(field, out _), problem.ToString());
    }

    [Fact]
    public async Task ClusterWithoutKeys_SaysWhichSettingIsMissing()
    {
        await using var server = await api.ServerAsync();
        server.Services.GetRequiredService<Triggers.Secrets.SecretKeyRing>().Load([], "Shipinator:SecretKeys");
        var (project, _) = await RepositoryAsync(server.Services);
        var answer = await SendAsync(
            server.Admin,
            HttpMethod.Put,
            $"/v1/projects/{project}/secrets/TOKEN",
            new { value = "value" },
            HttpStatusCode.Conflict
        );
        Assert.Contains("secret_keys_missing", answer, StringComparison.Ordinal);
        Assert.Contains("Set Shipinator:SecretKeys to", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Step_GetsItsSecretsAlone_AndTheLogShowsNoFormOfThem()
    {
        const string Value = "line one+/\nl\"ine\\two";
        var pipeline = await api.PipelineAsync(
            """
            image: none
            build:
              steps:
                - name: with
                  secrets: [TOKEN]
                  run: |
                    printf '%s\n' "$TOKEN"
                    printf '%s' "$TOKEN" | base64 -w0; echo
                    printf 'x%s' "$TOKEN" | base64 -w0; echo
                    printf '%s\n' 'line%20one%2B%2F%0Al%22ine%5Ctwo'
                    printf '%s\n' 'line one+/\nl\"ine\\two'
                    printf '%s\n' 'l"ine\two alone'
                    test "$TOKEN" = "$(printf 'line one+/\nl"ine\\two')" && echo right
                - name: without
                  run: test -z "$TOKEN" && test -z "$CI_SECRETS_WITHHELD"
            """
        );
        var repository = await RepositoryOfAsync(api.Services, pipeline);
        await SendAsync(api.Admin, HttpMethod.Put, $"/v1/repositories/{repository}/secrets/TOKEN", new { value = Value });
        var run = await api.EndAsync(await api.TriggerAsync(pipeline));
        Assert.Equal("success", run.GetProperty("status").GetString());
        var jobs = await api.GetAsync($"/v1/pipeline-runs/{run.GetProperty("id").GetString()}/jobs");
        var execution = jobs.GetProperty("jobs")[0].GetProperty("steps")[0].GetProperty("executions")[0].GetProperty("id").GetString();
        var log = await api.Admin.GetStringAsync($"/v1/executions/{execution}/logs", Stop);
        Assert.Contains("right", log, StringComparison.Ordinal);
        Assert.Contains(" alone", log, StringComparison.Ordinal);
        foreach (var part in new[] { "line one", "ine\\two", "l\"ine", "line%20", "bGluZSBvbmUr", "eGxpbmUgb25l" })
        {
            Assert.DoesNotContain(part, log, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task MissingSecret_IsAConfigErrorThatNamesTheFix()
    {
        var pipeline = await api.PipelineAsync(
            "image: none\nbuild:\n  steps:\n    - { name: deploy, secrets: [NOT_SET_ANYWHERE], run: \"true\" }\n"
        );
        var run = await api.EndAsync(await api.TriggerAsync(pipeline));
        Assert.Equal("failed", run.GetProperty("status").GetString());
        var jobs = (await api.GetAsync($"/v1/pipeline-runs/{run.GetProperty("id").GetString()}/jobs")).ToString();
        Assert.Contains("config_error", jobs, StringComparison.Ordinal);
        Assert.Contains("Set it with 'shipinator secret set NOT_SET_ANYWHERE'", jobs, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SecretLimitedBetweenStartAndClaim_IsNotGiven_AndTheStepFailsWithTheReason()
    {
        await using var server = await api.ServerAsync(replace: SilentExecutors.Use);
        var (run, execution, repository) = await SubmittedAsync(server, "the-value");
        await SendAsync(
            server.Admin,
            HttpMethod.Put,
            $"/v1/repositories/{repository}/secrets/TOKEN",
            new { branches = new[] { "release" } }
        );
        using var runner = server.Runner(execution);
        using var claim = await ClaimAsync(runner, execution);
        Assert.Equal(HttpStatusCode.Gone, claim.StatusCode);
        Assert.DoesNotContain("the-value", await claim.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        var ended = await server.GetAsync($"/v1/executions/{execution}");
        Assert.Equal("config_error", ended.GetProperty("reason").GetString());
        Assert.Contains("is limited to branches release", ended.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.NotEqual("", run);
    }

    [Fact]
    public async Task OtherServer_MasksWhatTheClaimGave_AfterTheSecretWasReplacedAndRemoved()
    {
        await using var server = await api.ServerAsync(replace: SilentExecutors.Use);
        var (_, execution, repository) = await SubmittedAsync(server, "the-old-value");
        using var runner = server.Runner(execution);
        using (var claim = await ClaimAsync(runner, execution))
        {
            Assert.Contains("the-old-value", await claim.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        }

        var secret = $"/v1/repositories/{repository}/secrets/TOKEN";
        await SendAsync(server.Admin, HttpMethod.Put, secret, new { value = "the-new-value" });
        await SendAsync(server.Admin, HttpMethod.Delete, secret, expected: HttpStatusCode.NoContent);
        // The execution is active, so the sweep must not delete the value that its log may contain.
        await server.Services.GetRequiredService<SecretStore>().PruneAsync(Stop);

        var masks = ActivatorUtilities.CreateInstance<ExecutionMasks>(server.Services);
        var mask = await masks.OfAsync(ExecutionId.Parse(execution), Stop);
        Assert.Equal("a ******** b ********", mask.Hide("a the-old-value b the-new-value"));
    }

    [Fact]
    public async Task RunOfAFork_IsGivenNoSecret_RunsWithoutIt_AndIsToldTheName()
    {
        await using var server = await api.ServerAsync(
            replace: SilentExecutors.Use,
            settings: [new("Shipinator:Secrets:CONFIGURED", "the-configured-value")]
        );
        var pipelines = server.Services.GetRequiredService<PipelineStore>();
        var id = await server.PipelineAsync("image: none\nbuild:\n  steps:\n    - { name: one, run: \"true\" }\n");
        var pipeline = (await pipelines.GetAsync(PipelineId.Parse(id), Stop))!;
        var repository = (await server.Services.GetRequiredService<RepositoryStore>().GetAsync(pipeline.RepositoryId, Stop))!;
        await SendAsync(
            server.Admin,
            HttpMethod.Put,
            $"/v1/repositories/{repository.Id}/secrets/TOKEN",
            new { value = "the-stored-value" }
        );
        var run = RunId.New(TimeProvider.System);
        var step = new StepPlan
        {
            Name = "one",
            Order = 0,
            Image = "none",
            Run = "true",
            Timeout = TimeSpan.FromMinutes(1),
            Secrets = ["TOKEN", "CONFIGURED", "ABSENT"],
        };
        await server
            .Services.GetRequiredService<IGrainFactory>()
            .GetGrain<IPipelineRunGrain>(run.Value)
            .Create(
                new CreateRun
                {
                    PipelineId = pipeline.Id,
                    RepositoryId = repository.Id,
                    ProjectId = repository.ProjectId,
                    ProjectName = repository.ProjectName,
                    RepositoryName = repository.Name,
                    RunNumber = 1,
                    Source = new()
                    {
                        CloneUrl = repository.CloneUrl,
                        Ref = "refs/pull/7/head",
                        Commit = new string('a', 40),
                    },
                    Executor = "process",
                    Actor = "forge:stranger",
                    Plan = new()
                    {
                        Trigger = new()
                        {
                            Event = "pr",
                            Ref = "refs/pull/7/head",
                            Commit = new string('a', 40),
                            Branch = "main",
                            IsFork = true,
                        },
                        Jobs =
                        [
                            new()
                            {
                                Name = "build",
                                Type = JobType.Build,
                                Timeout = TimeSpan.FromMinutes(10),
                                Steps = [step],
                            },
                        ],
                    },
                },
                Stop
            );
        var execution = await server.ExecutionAsync(run.ToString(), "submitted");
        using var runner = server.Runner(execution);
        using var response = await ClaimAsync(runner, execution);
        var claim = await response.Content.ReadAsStringAsync(Stop);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.DoesNotContain("the-stored-value", claim, StringComparison.Ordinal);
        Assert.DoesNotContain("the-configured-value", claim, StringComparison.Ordinal);
        var json = JsonDocument.Parse(claim).RootElement;
        Assert.Empty(json.GetProperty("secrets").EnumerateObject());
        Assert.Equal("TOKEN,CONFIGURED,ABSENT", json.GetProperty("env").GetProperty("CI_SECRETS_WITHHELD").GetString());
    }

    private static Task<HttpResponseMessage> ClaimAsync(HttpClient runner, string execution) =>
        runner.PostAsJsonAsync($"/v1/executions/{execution}/claim", new { runner = "r", wait_seconds = 20 }, Stop);

    /// <summary>A step with the secret TOKEN that waits for its runner.</summary>
    private static async Task<(string Run, string Execution, string Repository)> SubmittedAsync(ApiServer server, string value)
    {
        var pipeline = await server.PipelineAsync("image: none\nbuild:\n  steps:\n    - { name: one, secrets: [TOKEN], run: \"true\" }\n");
        var repository = await RepositoryOfAsync(server.Services, pipeline);
        await SendAsync(server.Admin, HttpMethod.Put, $"/v1/repositories/{repository}/secrets/TOKEN", new { value });
        var run = await server.TriggerAsync(pipeline);
        return (run, await server.ExecutionAsync(run, "submitted"), repository);
    }

    /// <summary>A project with a repository, of which only the row is needed.</summary>
    private static async Task<(string Project, string Repository)> RepositoryAsync(IServiceProvider services)
    {
        var name = $"secrets {EntityId.NewValue(TimeProvider.System)}";
        var project = await services.GetRequiredService<ProjectStore>().CreateAsync(name, null, Stop);
        var repository = await services
            .GetRequiredService<RepositoryStore>()
            .CreateAsync(new(project.Id, "web", "git", "https://git.example.org/a/b.git", "main"), Stop);
        return (project.Id.ToString(), repository.Id.ToString());
    }

    private static async Task<string> RepositoryOfAsync(IServiceProvider services, string pipeline) =>
        (await services.GetRequiredService<PipelineStore>().GetAsync(PipelineId.Parse(pipeline), Stop))!.RepositoryId.ToString();

    private static async Task<string> SendAsync(
        HttpClient client,
        HttpMethod method,
        string path,
        object? body = null,
        HttpStatusCode expected = HttpStatusCode.OK
    )
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        using var response = await client.SendAsync(request, Stop);
        var text = await response.Content.ReadAsStringAsync(Stop);
        Assert.True(response.StatusCode == expected, $"{method} {path}: {(int)response.StatusCode} {text}");
        return text;
    }
}
