using System.Diagnostics;
using System.Globalization;
using Npgsql;
using Shipinator.Silo.Standalone;
using Shipinator.Testing;

namespace Shipinator.Benchmarks;

/// <summary>
/// How long a silo that hangs (SIGSTOP) or is killed (SIGKILL) stays a member: from the signal to the row in the membership table
/// that declares it dead. Two server processes on one database, with the settings that a server has by default.
/// </summary>
public static class DeadSiloBenchmark
{
    private const int DefaultRepetitions = 10;

    /// <summary>Orleans' <c>SiloStatus.Active</c> and <c>SiloStatus.Dead</c>.</summary>
    private const int Active = 3;
    private const int Dead = 6;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Prints median and maximum for both cases.</summary>
    public static async Task<int> RunAsync(string? repetitions = null)
    {
        var count = repetitions is null ? DefaultRepetitions : int.Parse(repetitions, CultureInfo.InvariantCulture);
        await using var postgres = new PostgresFixture { Fsync = true };
        await postgres.InitializeAsync();
        var connectionString = await postgres.CreateDatabaseAsync(migrated: false);
        await using var database = NpgsqlDataSource.Create(connectionString);
        var data = Path.Combine(Directory.CreateTempSubdirectory("ship-dead-").FullName, "data");
        var servers = new Server[2];
        for (var i = 0; i < servers.Length; i++)
        {
            servers[i] = await Server.StartAsync(connectionString, data);
        }

        try
        {
            foreach (var (name, signal) in new[] { ("hung (SIGSTOP)", "-STOP"), ("killed (SIGKILL)", "-KILL") })
            {
                var times = new List<double>();
                for (var round = 0; round < count; round++)
                {
                    // Alternating, and at any moment between two probes.
                    var victim = round % servers.Length;
                    await UntilAsync(async () => await CountAsync(database, Active) == servers.Length, "both silos are active");
                    await Task.Delay(TimeSpan.FromSeconds(5 + (Random.Shared.NextDouble() * 3)), TimeProvider.System);
                    times.Add(await MeasureAsync(database, servers[victim], signal));
                    await servers[victim].DisposeAsync();
                    servers[victim] = await Server.StartAsync(connectionString, data);
                }

                var load = (await File.ReadAllTextAsync("/proc/loadavg")).Split(' ')[0];
                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{name}: median {Yardstick.Median(times):F1} s, max {times.Max():F1} s, min {times.Min():F1} s "
                            + $"({count} times; load {load})"
                    )
                );
            }
        }
        finally
        {
            foreach (var server in servers)
            {
                await server.DisposeAsync();
            }
        }

        return 0;
    }

    private static async Task<double> MeasureAsync(NpgsqlDataSource database, Server victim, string signal)
    {
        var before = await CountAsync(database, Dead);
        var began = TimeProvider.System.GetTimestamp();
        await victim.SignalAsync(signal);
        // A silo that comes back at the same address replaces its dead row, so that the count may only grow here.
        await UntilAsync(async () => await CountAsync(database, Dead) > before, "the silo is declared dead");
        return TimeProvider.System.GetElapsedTime(began).TotalSeconds;
    }

    private static async Task<long> CountAsync(NpgsqlDataSource database, int status)
    {
        await using var command = database.CreateCommand("SELECT count(*) FROM orleansmembershiptable WHERE status = $1");
        command.Parameters.Add(new() { Value = status });
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(began) > Limit)
            {
                throw new TimeoutException($"Not within {Limit}: {what}.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    /// <summary>A server of the Release build, from the project's root.</summary>
    private sealed class Server(Process process) : IAsyncDisposable
    {
        public static async Task<Server> StartAsync(string connectionString, string data)
        {
            var start = new ProcessStartInfo("dotnet", [Path.GetFullPath("Silo/bin/Release/net10.0/Shipinator.Silo.dll"), "--data", data])
            {
                RedirectStandardOutput = true,
            };
            foreach (
                var (name, value) in new Dictionary<string, string>
                {
                    ["ConnectionString"] = connectionString,
                    ["Clustering"] = "AdoNet",
                    ["Process__OneMachine"] = "true",
                    ["Port"] = DataFolder.FreePort().ToString(CultureInfo.InvariantCulture),
                }
            )
            {
                start.Environment["SHIPINATOR__" + name] = value;
            }

            var process = Process.Start(start)!;
            while (await process.StandardOutput.ReadLineAsync() is { } line)
            {
                if (line.Contains("listens on", StringComparison.Ordinal))
                {
                    _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
                    return new(process);
                }
            }

            throw new InvalidOperationException("The server ended before it was ready.");
        }

        public async Task SignalAsync(string signal)
        {
            using var kill = Process.Start("kill", [signal, process.Id.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync();
        }

        public async ValueTask DisposeAsync()
        {
            if (!process.HasExited)
            {
                process.Kill();
            }

            await process.WaitForExitAsync();
            process.Dispose();
        }
    }
}
