using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests;

/// <summary>The server masks the secrets that the claim gave out, whatever is configured later.</summary>
public sealed class RunnerSecretTests(ApiFixture api)
{
    [Fact]
    public async Task Secret_ChangedBetweenClaimAndFirstLine_IsMaskedAsClaimed()
    {
        var secrets = new ChangingSecrets { Value = "the-old-value" };
        await using var server = await api.ServerAsync(replace: s =>
        {
            SilentExecutors.Use(s);
            s.Replace(ServiceDescriptor.Singleton<ISecretSource>(secrets));
        });
        var run = await server.TriggerAsync(
            await server.PipelineAsync("image: none\nbuild:\n  steps:\n    - { name: one, secrets: [KEY], run: \"true\" }\n")
        );
        var execution = await server.ExecutionAsync(run, "submitted");
        using var runner = server.Runner(execution);
        Assert.Contains("the-old-value", await ClaimAsync(), StringComparison.Ordinal);

        secrets.Value = "the-new-value";
        var line = "old the-old-value end\n";
        await AppendAsync(0, line);
        Assert.Equal("old ************* end\n".Length, line.Length);
        Assert.Equal(line.Replace("the-old-value", "*************", StringComparison.Ordinal), await LogAsync());

        // A repeated claim gives the new value: both are masked from then on.
        Assert.Contains("the-new-value", await ClaimAsync(), StringComparison.Ordinal);
        await AppendAsync(line.Length, "the-old-value the-new-value\n");
        Assert.EndsWith("************* *************\n", await LogAsync(), StringComparison.Ordinal);

        async Task<string> ClaimAsync()
        {
            using var response = await runner.PostAsJsonAsync(
                $"/v1/executions/{execution}/claim",
                new { runner = "r", wait_seconds = 20 },
                TestContext.Current.CancellationToken
            );
            return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        }

        async Task AppendAsync(int offset, string text)
        {
            using var body = new ByteArrayContent(Encoding.UTF8.GetBytes(text));
            body.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
            using var response = await runner.PostAsync(
                $"/v1/executions/{execution}/logs?offset={offset}",
                body,
                TestContext.Current.CancellationToken
            );
            Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }

        Task<string> LogAsync() => server.Admin.GetStringAsync($"/v1/executions/{execution}/logs", TestContext.Current.CancellationToken);
    }

    private sealed class ChangingSecrets : ISecretSource
    {
        public string Value { get; set; } = "";

        public Task<ResolvedSecrets> Resolve(SecretRequest request, CancellationToken cancellationToken) =>
            Task.FromResult(new ResolvedSecrets(request.Names.ToDictionary(n => n, _ => Value), [], []));

        public Task<IReadOnlyCollection<string>> ValuesToMask(SecretRequest request, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyCollection<string>>([Value]);
    }
}
