using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Shipinator.Grains;
using Shipinator.Schema;

namespace Shipinator.Benchmarks;

/// <summary>One silo with the real grains and the real storage; only the executor is fake.</summary>
public sealed class EngineHost : IAsyncDisposable
{
    private readonly IHost _host;
    private readonly NpgsqlDataSource _data;

    private EngineHost(IHost host, NpgsqlDataSource data)
    {
        _host = host;
        _data = data;
    }

    public IGrainFactory Grains => _host.Services.GetRequiredService<IGrainFactory>();

    public NpgsqlDataSource Data => _data;

    /// <summary>Starts it on an empty, migrated database.</summary>
    public static async Task<EngineHost> StartAsync(string connectionString, Func<IServiceProvider, IWorkerExecutor> executor)
    {
        var data = new NpgsqlDataSourceBuilder(connectionString).Build();
        var (siloPort, gatewayPort) = (FreePort(), FreePort());
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.UseOrleans(silo =>
            silo.UseLocalhostClustering(siloPort, gatewayPort).UseShipinatorAdoNet(data).AddRelationalGrainStorage()
        );
        builder.Services.AddShipinatorSchema(data);
        builder.Services.AddShipinatorGrains(o => o.DefaultAdmissionLimit = 100_000);
        builder.Services.AddSingleton<IExecutorRegistry>(s => new OneExecutor(executor(s)));
        builder.Services.AddSingleton<ILogStore, NoLogs>();
        builder.Services.AddSingleton<ISecretSource, NoSecrets>();
        builder.Services.AddSingleton<IServerAddress, Nowhere>();
        builder.Services.TryAddSingleton(TimeProvider.System);
        var host = builder.Build();
        await host.StartAsync();
        return new(host, data);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        await _data.DisposeAsync();
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private sealed class OneExecutor(IWorkerExecutor executor) : IExecutorRegistry
    {
        public IReadOnlyCollection<string> Types => [executor.Type];

        public IWorkerExecutor Get(string type) => executor;
    }

    private sealed class NoLogs : ILogStore
    {
        public Task<long> Append(
            ExecutionId execution,
            long offset,
            ReadOnlyMemory<byte> bytes,
            IReadOnlyList<LogTime> times,
            CancellationToken cancellationToken
        ) => Task.FromResult(offset + bytes.Length);

        public Task<LogAppended> Append(
            ExecutionId execution,
            long offset,
            ReadOnlyMemory<byte> bytes,
            IReadOnlyList<LogTime> times,
            LogRules rules,
            CancellationToken cancellationToken
        ) => Task.FromResult(new LogAppended(offset + bytes.Length, IsFull: false));

        public Task Seal(ExecutionId execution, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task<LogInfo> Info(ExecutionId execution, CancellationToken cancellationToken) =>
            Task.FromResult(new LogInfo(0, Sealed: true));

        public Task<int> Read(ExecutionId execution, long offset, Memory<byte> buffer, CancellationToken cancellationToken) =>
            Task.FromResult(0);

        public Task<IReadOnlyList<LogTime>> Times(ExecutionId execution, long from, long to, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<LogTime>>([]);

        public Task WaitForMore(ExecutionId execution, long length, CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class NoSecrets : ISecretSource
    {
        public Task<ResolvedSecrets> Resolve(SecretRequest request, CancellationToken cancellationToken) =>
            Task.FromResult(ResolvedSecrets.None);

        public Task<IReadOnlyCollection<string>> ValuesToMask(SecretRequest request, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyCollection<string>>([]);
    }

    private sealed class Nowhere : IServerAddress
    {
        public Uri PublicUrl { get; } = new("http://127.0.0.1:1");

        public Uri RunnerUrl { get; } = new("http://127.0.0.1:1");
    }
}

/// <summary>Creates the rows that a run refers to, and runs of a given shape.</summary>
public sealed class RunMaker(NpgsqlDataSource data)
{
    private readonly ProjectId _project = ProjectId.New(TimeProvider.System);
    private readonly RepositoryId _repository = RepositoryId.New(TimeProvider.System);
    private readonly PipelineId _pipeline = PipelineId.New(TimeProvider.System);
    private long _number;

    /// <summary>Inserts project, repository and pipeline.</summary>
    public async Task PrepareAsync()
    {
        await using var command = data.CreateCommand(
            """
            INSERT INTO projects (id, name, created_at, updated_at) VALUES ($1, 'bench-' || $1::text, now(), now())
            """
        );
        command.Parameters.AddWithValue(_project.Value);
        await command.ExecuteNonQueryAsync();
        await using var repository = data.CreateCommand(
            "INSERT INTO repositories (id, project_id, name, vcs_provider, clone_url, default_branch, created_at, updated_at) "
                + "VALUES ($1, $2, 'bench', 'git', '/none', 'main', now(), now())"
        );
        repository.Parameters.AddWithValue(_repository.Value);
        repository.Parameters.AddWithValue(_project.Value);
        await repository.ExecuteNonQueryAsync();
        await using var pipeline = data.CreateCommand(
            "INSERT INTO pipelines (id, repository_id, name, trigger_type, created_at, updated_at) "
                + "VALUES ($1, $2, 'manual', 'manual', now(), now())"
        );
        pipeline.Parameters.AddWithValue(_pipeline.Value);
        pipeline.Parameters.AddWithValue(_repository.Value);
        await pipeline.ExecuteNonQueryAsync();
    }

    /// <summary>The command that creates a run with this number of jobs, one per stage, and steps per job.</summary>
    public CreateRun Make(int jobs, int steps)
    {
        var commit = new string('a', 40);
        return new CreateRun
        {
            PipelineId = _pipeline,
            RepositoryId = _repository,
            ProjectId = _project,
            ProjectName = "bench",
            RepositoryName = "bench",
            RunNumber = Interlocked.Increment(ref _number),
            Source = new SourceSpec
            {
                CloneUrl = "/none",
                Ref = "refs/heads/main",
                Commit = commit,
            },
            Executor = "made-up",
            Actor = "benchmark",
            Plan = new RunPlan
            {
                Trigger = new TriggerFacts
                {
                    Event = "manual",
                    Ref = "refs/heads/main",
                    Commit = commit,
                    Branch = "main",
                },
                Jobs =
                [
                    .. Enumerable
                        .Range(0, jobs)
                        .Select(j => new JobPlan
                        {
                            Name = $"job-{j}",
                            Type = (JobType)(j % 3),
                            Timeout = TimeSpan.FromHours(1),
                            Steps =
                            [
                                .. Enumerable
                                    .Range(0, steps)
                                    .Select(s => new StepPlan
                                    {
                                        Name = $"step-{s}",
                                        Order = s,
                                        Image = "none",
                                        Run = "true",
                                        Timeout = TimeSpan.FromMinutes(10),
                                    }),
                            ],
                        }),
                ],
            },
        };
    }
}
