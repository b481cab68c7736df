using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Shipinator.Forges;
using Shipinator.Grains.Tests.Engine;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Statuses;

namespace Shipinator.Grains.Tests.Statuses;

/// <summary>Two silos that send commit statuses to a host over HTTP.</summary>
public sealed class StatusEngine : IAsyncLifetime
{
    /// <summary>The provider of repositories whose statuses the silos send.</summary>
    private const string BySilos = "rest";

    /// <summary>The provider of repositories whose statuses only a test sends: silos do not know it.</summary>
    private const string ByTest = "test";

    private readonly RestForge _forge = new(BySilos);
    private readonly RestForge _testForge = new(ByTest);
    private int _runs;

    internal EngineCluster Engine { get; private set; } = null!;

    internal StatusHost Host { get; private set; } = null!;

    internal Credentials Credential { get; } = new();

    /// <summary>As API and webhooks use it.</summary>
    internal CommitStatuses Statuses { get; private set; } = null!;

    internal CommitStatusRetry Retry { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Host = await StatusHost.StartAsync();
        Engine = new()
        {
            Services = services =>
            {
                services.AddSingleton<IForgeRegistry>(new ForgeRegistry([_forge]));
                services.AddSingleton<ICommitStatusSender, CommitStatusSender>();
            },
        };
        await Engine.InitializeAsync();
        var signal = new StatusSignal(Engine.Grains, NullLogger<StatusSignal>.Instance);
        Retry = new(Store(TimeProvider.System), new(Engine.Source, TimeProvider.System), signal, NullLogger<CommitStatusRetry>.Instance);
        Statuses = new(
            Store(TimeProvider.System),
            new(Engine.Source, TimeProvider.System),
            new ForgeRegistry([_forge, _testForge]),
            Credential,
            signal
        );
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        await Host.DisposeAsync();
        _forge.Dispose();
        _testForge.Dispose();
    }

    internal CommitStatusStore Store(TimeProvider time) => new(Engine.Source, time);

    /// <summary>A sender that the test calls itself, in place of the grain.</summary>
    internal CommitStatusSender Sender(TimeProvider time, IServerAddress? address = null) =>
        new(
            Store(time),
            new(Engine.Source, time),
            new ForgeRegistry([_testForge]),
            address ?? new TestAddress(),
            time,
            NullLogger<CommitStatusSender>.Instance
        );

    internal Task<(RepositoryRow Repository, PipelineRow Pipeline)> NewRepositoryAsync(string name, bool isSentByTest = false) =>
        Engine.NewRepositoryAsync(isSentByTest ? ByTest : BySilos, new Uri(Host.Url, $"/harbour/{name}.git").ToString());

    /// <summary>A run's row without a grain, for tests that change it themselves.</summary>
    internal async Task<RunId> InsertRunAsync(PipelineRow pipeline, string status = "pending", RunId? id = null)
    {
        var run = id ?? RunId.New(TimeProvider.System);
        await ExecuteAsync(
            $$"""
            INSERT INTO pipeline_runs (id, pipeline_id, git_ref, git_sha, status, created_at, repository_id, project_id, project_name,
              repository_name, run_number, clone_url, executor, event, actor, plan, jobs, sequence, updated_at, version)
            SELECT '{{run}}', '{{pipeline.Id}}', 'refs/heads/main', '{{Commit}}', '{{status}}', now(), r.id, r.project_id, 'shop', r.name,
              {{Interlocked.Increment(ref _runs) + 1000}}, r.clone_url, 'fake', 'push', 'token:test', '{}', '[]', 1, now(), 1
            FROM repositories r WHERE r.id = '{{pipeline.RepositoryId}}'
            """
        );
        return run;
    }

    /// <summary>A job's row.</summary>
    internal Task InsertJobAsync(RunId run, string name, string status) =>
        ExecuteAsync(
            $$"""
            INSERT INTO jobs
              (id, pipeline_run_id, job_type, name, status, created_at, position, attempt, spec, sequence, updated_at, version)
            SELECT '{{JobId.New(
                TimeProvider.System
            )}}', '{{run}}', 'build', '{{name}}', '{{status}}', now(), count(*)::int, 1, '{}', 1, now(), 1
            FROM jobs WHERE pipeline_run_id = '{{run}}'
            """
        );

    internal Task SetRunAsync(RunId run, string status) => ExecuteAsync($"UPDATE pipeline_runs SET status = '{status}' WHERE id = '{run}'");

    internal async Task ExecuteAsync(string sql)
    {
        await using var command = Engine.Source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    internal async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = Engine.Source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    internal static string Commit { get; } = new('a', 40);

    /// <summary>Whether a repository has a credential.</summary>
    internal sealed class Credentials : IRepositoryCredentials
    {
        public GitCredential? Value { get; set; } = new("git", "token", "https://example.org");

        public Task<GitCredential?> Find(RepositoryId repository, string cloneUrl, CancellationToken cancellationToken) =>
            Task.FromResult(Value);
    }
}
