using System.Diagnostics;
using System.Globalization;
using Shipinator.EndToEnd.Tests;

namespace Shipinator.Browser.Tests;

/// <summary>A server with sample data: projects, repositories, four weeks of runs, active runs and a queue.</summary>
internal sealed class Demo : IAsyncDisposable
{
    private const string Checkout = """
        on:
          push: { branches: ["**"] }
          manual:
            inputs:
              target: { description: "Environment to deploy to", default: staging, options: [staging, production] }
              note: { description: "Reason for the deployment", default: routine }
        build:
          steps:
            - name: compile
              run: |
                for m in api cart money tax mail; do printf '\033[36m==>\033[0m compiling %s\n' $m; sleep 0.05; done
                printf '\033[32mok\033[0m 5 modules\n'
                mkdir -p bin reports; head -c 300000 /dev/urandom > bin/checkout; echo '<testsuite/>' > reports/unit.xml
              outputs: [ { type: binary, path: bin/checkout }, { type: test-report, path: reports/unit.xml } ]
            - { name: package, run: "sleep 0.1; echo packaged" }
        test:
          jobs:
            unit:
              steps:
                - name: go-test
                  run: |
                    for i in $(seq 1 40); do printf -- '--- \033[32mPASS\033[0m: TestCheckout/%02d (0.01s)\n' $i; done
                - { name: lint, run: "echo clean", parallel: true }
                - { name: vet, run: "echo clean", parallel: true }
            browser:
              steps:
                - name: pay-flow
                  retry: { max: 1, on: [failure] }
                  run: |
                    if [ -e t ]; then echo 'paid with one click'; exit; fi
                    touch t; printf '\033[1;31mError\033[0m timed out waiting for #pay\n' >&2; exit 1
        deploy:
          steps:
            - { name: rollout, run: "echo rolling out to {{ .inputs.target }}; sleep 0.3; echo done" }
        """;

    private const string Catalog = """
        build:
          steps:
            - { name: compile, run: "echo compiling; sleep 0.1" }
        test:
          steps:
            - name: unit
              run: |
                for i in $(seq 1 12); do echo "ok   search/query_$i"; done
                printf '\033[1;31mFAIL\033[0m search/color_test.go:42: expected 3 results, got 2\n'; exit 3
            - { name: report, run: "echo one of thirteen failed", when: { status: [failure] } }
        deploy:
          steps:
            - { name: rollout, run: "echo never" }
        """;

    private const string Indexer = """
        build:
          steps:
            - { name: prepare, run: "echo preparing" }
            - name: index
              run: |
                i=0
                while [ $i -lt 3000 ]; do i=$((i+1)); printf '\033[2m[%04d]\033[0m indexed shard %d of 3000\n' $i $i; sleep 0.2; done
        test:
          steps:
            - { name: verify, run: "true" }
        deploy:
          steps:
            - { name: publish, run: "true" }
        """;

    private static readonly string Crowded =
        "test:\n  steps:\n"
        + string.Concat("abcdefghijkl".Select(c => $"    - {{ name: shard-{c}, run: \"sleep 600\", parallel: true }}\n"));

    private readonly Workbench _bench = new();
    private SiloProcess _server = null!;

    public Uri Url { get; private set; } = null!;

    public string Token { get; private set; } = "";

    public Api Api { get; private set; } = null!;

    /// <summary>The id of the latest run of each repository.</summary>
    public Dictionary<string, string> Runs { get; } = [];

    public static async Task<Demo> StartAsync()
    {
        var demo = new Demo();
        demo._server = await SiloProcess.StartAsync(demo._bench.Data, null, "--port", "0");
        (demo.Url, demo.Token) = SiloProcess.Connection(demo._bench.Data);
        demo.Api = new(demo.Url, demo.Token);
        var shop = await demo.ProjectAsync("shop", "Customer-facing services");
        var search = await demo.ProjectAsync("search", "Search and ranking");
        var checkout = await demo.PipelineAsync(shop, "checkout", Checkout, "Charge the card only once", "Ada Lovelace");
        var catalog = await demo.PipelineAsync(shop, "catalog", Catalog, "Search by color", "Grace Hopper");
        var indexer = await demo.PipelineAsync(search, "indexer", Indexer, "Index shards in parallel", "Barbara Liskov");
        var crowded = await demo.PipelineAsync(search, "relevance", Crowded, "Twelve shards", "Radia Perlman");
        foreach (var (name, pipeline) in new[] { ("checkout", checkout), ("catalog", catalog), ("checkout", checkout) })
        {
            demo.Runs[name] = await demo.Api.TriggerAsync(pipeline);
            await demo.Api.WaitForEndAsync(demo.Runs[name], TimeSpan.FromSeconds(180));
        }

        await demo.AddHistoryAsync();
        // Active before the other run takes all remaining slots.
        demo.Runs["indexer"] = await demo.Api.TriggerAsync(indexer);
        await demo.Api.WaitForRunAsync(
            demo.Runs["indexer"],
            _ =>
                demo.Api.StepsAsync(demo.Runs["indexer"])
                    .GetAwaiter()
                    .GetResult()
                    .Any(s => s.GetProperty("name").GetString() == "index" && s.GetProperty("status").GetString() == "running"),
            "the long step",
            TimeSpan.FromSeconds(180)
        );
        demo.Runs["relevance"] = await demo.Api.TriggerAsync(crowded);
        return demo;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var run in new[] { "indexer", "relevance" }.Where(Runs.ContainsKey))
        {
            await Api.PostAsync($"/v1/pipeline-runs/{Runs[run]}/cancel");
            await Api.WaitForEndAsync(Runs[run], TimeSpan.FromSeconds(180));
        }

        Api.Dispose();
        await _server.DisposeAsync();
        _bench.Dispose();
    }

    private async Task<string> ProjectAsync(string name, string description) =>
        (await Api.PostAsync("/v1/projects", new { name, description })).GetProperty("id").GetString()!;

    private async Task<string> PipelineAsync(string project, string name, string file, string message, string author)
    {
        var folder = Path.Combine(_bench.Root, name);
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, ".shipinator.yaml"), file);
        foreach (
            string[] arguments in (string[][])
                [
                    ["init", "-q", "-b", "main"],
                    ["add", "-A"],
                    ["-c", $"user.name={author}", "-c", "user.email=dev@example.invalid", "commit", "-q", "-m", message],
                ]
        )
        {
            using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = folder })!;
            await git.WaitForExitAsync();
        }

        var repository = (
            await Api.PostAsync(
                $"/v1/projects/{project}/repositories",
                new
                {
                    vcs_provider = "git",
                    clone_url = folder,
                    default_branch = "main",
                }
            )
        ).GetProperty("id").GetString();
        await Api.PostAsync($"/v1/repositories/{repository}/sync");
        return Api.Items(await Api.GetAsync($"/v1/repositories/{repository}/pipelines"))
            .Single(p => p.GetProperty("trigger_type").GetString() == "manual")
            .GetProperty("id")
            .GetString()!;
    }

    /// <summary>Adds copies of the terminal runs to the last four weeks; the same at every start.</summary>
    private async Task AddHistoryAsync()
    {
        await using var data = await Dashboard.OpenDatabaseAsync(_bench);
        var random = new Random(7);
        var number = 100;
        for (var day = 28; day >= 1; day--)
        {
            foreach (var (name, usual, seconds, failing) in new[] { ("checkout", 7, 64, 0.1), ("catalog", 4, 95, 0.3) })
            {
                var count = TimeProvider.System.GetUtcNow().AddDays(-day).DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday
                    ? 1
                    : usual + random.Next(-2, 3);
                for (var i = 0; i < count; i++)
                {
                    var at = TimeProvider.System.GetUtcNow().AddDays(-day).AddMinutes(random.Next(-400, 400));
                    var (draw, took) = (random.NextDouble(), seconds + (random.NextDouble() * 20) + ((28 - day) * 0.4));
                    await using var copy = data.CreateCommand(
                        """
                        SELECT string_agg(quote_ident(column_name), ',')
                        FROM information_schema.columns
                        WHERE table_name = 'pipeline_runs' AND column_name NOT IN (
                          'id', 'run_number', 'status', 'reason', 'detail', 'created_at', 'started_at', 'finished_at', 'idempotency_key')
                        """
                    );
                    var rest = (string)(await copy.ExecuteScalarAsync())!;
                    var failed = draw < failing;
                    await using var insert = data.CreateCommand(
                        $"""
                        INSERT INTO pipeline_runs (id, run_number, status, reason, detail, created_at, started_at, finished_at, {rest})
                        SELECT $1, $2, $3, $4, $5, $6, $6, $7, {rest}
                        FROM pipeline_runs
                        WHERE id = $8
                        """
                    );
                    insert.Parameters.AddWithValue(Guid.CreateVersion7(at));
                    insert.Parameters.AddWithValue((long)++number);
                    insert.Parameters.AddWithValue(
                        failed ? "failed"
                        : draw > 0.96 ? "canceled"
                        : "success"
                    );
                    insert.Parameters.AddWithValue(failed ? "exit_code" : DBNull.Value);
                    insert.Parameters.AddWithValue(failed ? "test: Step unit: The command exited with code 1." : DBNull.Value);
                    insert.Parameters.AddWithValue(at);
                    insert.Parameters.AddWithValue(at.AddSeconds(took));
                    insert.Parameters.AddWithValue(Guid.Parse(Runs[name], CultureInfo.InvariantCulture));
                    await insert.ExecuteNonQueryAsync();
                }
            }
        }
    }
}
