using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Requests;

/// <summary>The events of a run while an older transaction is open on the database server.</summary>
public sealed class EventStreamTests(ApiFixture api)
{
    [Fact]
    public async Task Events_HeldBackByAnOlderTransaction_ArePolledWithBackoff()
    {
        await using var server = await api.ServerAsync(replace: SilentExecutors.Use);
        var pipeline = await server.PipelineAsync("image: none\nbuild:\n  steps:\n    - { name: one, run: \"true\" }\n");
        var data = server.Services.GetRequiredService<NpgsqlDataSource>();
        await using var connection = await data.OpenConnectionAsync();
        await using var older = await connection.BeginTransactionAsync();
        await using (
            var write = new NpgsqlCommand(
                "INSERT INTO server_keys (name, value, created_at) VALUES ('older', '', now())",
                connection,
                older
            )
        )
        {
            await write.ExecuteNonQueryAsync();
        }

        var run = await server.TriggerAsync(pipeline);
        var asked = 0;
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Npgsql",
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                var text = activity.GetTagItem("db.query.text") ?? activity.GetTagItem("db.statement");
                var database = activity.GetTagItem("db.namespace") ?? activity.GetTagItem("db.name");
                if (
                    text is string sql
                    && sql.Contains("pg_snapshot_xmin", StringComparison.Ordinal)
                    && Equals(database, connection.Database)
                )
                {
                    Interlocked.Increment(ref asked);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        using var response = await server.Admin.GetAsync($"/v1/pipeline-runs/{run}/events", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());

        // The first line is the keep-alive, after 15 s.
        Assert.Equal(
            ": keep-alive",
            await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken)
        );
        Assert.InRange(asked, 1, 60);

        await older.RollbackAsync();
        string? line;
        while ((line = await reader.ReadLineAsync()) is not null && !line.StartsWith("event: transition", StringComparison.Ordinal))
        {
            // Keep-alives, and the id of the event.
        }

        Assert.NotNull(line);
    }
}
