using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Shipinator.Schema.Server;

/// <summary>
/// A PostgreSQL server for standalone mode and tests, started from the machine's installed programs in its own folder. It listens on
/// loopback only, with a random password. It outlives its owner; the next owner finds it in the folder and takes it over. Started by root,
/// it runs as the user <c>postgres</c>, else <c>nobody</c>, which then owns <c>data</c> and nothing else.
/// </summary>
public sealed partial class LocalPostgres : IAsyncDisposable
{
    private const string UserName = "shipinator";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerOnlyFolder = OwnerOnly | UnixFileMode.UserExecute;

    /// <summary>
    /// Opens the folder and the file in the first two arguments as descriptors 9 and 8, and runs the rest. Under another user PostgreSQL
    /// has no access to the parent folders, which are private to ours: with the descriptor it needs none.
    /// </summary>
    private const string WithFolder = "exec 9<\"$1\" 8<\"$2\"; shift 2; exec \"$@\"";

    /// <summary>
    /// The same for the server, in its own session, so that a Ctrl-C in our terminal does not reach it; it writes to a log file.
    /// </summary>
    private const string Detach = "exec 9<\"$1\"; log=$2; shift 2; umask 077; setsid \"$@\" >>\"$log\" 2>&1 </dev/null & echo $!";
    private const string OpenFolder = "/proc/self/fd/9";
    private const string OpenPassword = "/proc/self/fd/8";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    private readonly LocalPostgresOptions _options;
    private readonly string _bin;
    private readonly PostgresAccount? _account;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private Secrets _secrets = new("", 0);

    private LocalPostgres(LocalPostgresOptions options, ILogger logger, TimeProvider time)
    {
        _bin = PostgresBinaries.Find(options.BinFolder);
        _account = PostgresAccount.ForThisProcess();
        var folder = Path.GetFullPath(options.Folder);
        _options = options with { Folder = PostgresAccount.Resolve(folder) };
        _time = time;
        _logger = logger;
    }

    /// <summary>The server's process id.</summary>
    public int ProcessId { get; private set; }

    /// <summary>The connection string of a database; <c>shipinator</c> is created at the first start.</summary>
    public string ConnectionString(string database = "shipinator") =>
        new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = _secrets.Port,
            Username = UserName,
            Password = _secrets.Password,
            Database = database,
        }.ConnectionString;

    private string DataFolder => Path.Combine(_options.Folder, "data");

    /// <summary><see cref="DataFolder"/> with symbolic links resolved.</summary>
    private string WorkingFolder => Processes.RealPath(DataFolder);

    private string LogFile => Path.Combine(_options.Folder, "server.log");

    private string SecretsFile => Path.Combine(_options.Folder, "server.json");

    /// <summary>
    /// Starts the server, or takes over the one that runs on this folder; returns when it accepts connections. Errors:
    /// <see cref="InvalidInputException"/> <c>postgres_missing</c>, <c>postgres_user</c>, <c>postgres_failed</c> (with the end of its log).
    /// </summary>
    public static async Task<LocalPostgres> StartAsync(
        LocalPostgresOptions options,
        ILogger logger,
        TimeProvider? time = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        var server = new LocalPostgres(options, logger, time ?? TimeProvider.System);
        await server.StartAsync(cancellationToken);
        return server;
    }

    /// <summary>Starts it again after <see cref="StopAsync"/> or <see cref="KillAsync"/>, at the same address.</summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        await PrepareAsync(cancellationToken);
        if (RunningPid() is { } pid)
        {
            ProcessId = pid;
            TookOver(_logger, pid, _options.Folder);
        }
        else
        {
            if (!LoopbackPort.IsFree(_secrets.Port))
            {
                _secrets = _secrets with { Port = LoopbackPort.Free() };
                WriteSecrets();
            }

            await ClearLeftoversAsync(cancellationToken);
            Launch();
        }

        await WaitUntilReadyAsync(cancellationToken);
        await EnsureDatabaseAsync(cancellationToken);
    }

    /// <summary>Stops the server with a fast shutdown, which ends connections. Idempotent.</summary>
    public async Task StopAsync(CancellationToken cancellationToken = default) => await EndAsync(Signal.Interrupt, cancellationToken);

    /// <summary>Simulates a crash (<c>kill -9</c> of the server and its children). For tests.</summary>
    public async Task KillAsync(CancellationToken cancellationToken = default) => await EndAsync(Signal.Kill, cancellationToken);

    /// <inheritdoc cref="StopAsync"/>
    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        MakePrivate(_options.Folder);
        if (File.Exists(LogFile) && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(LogFile, OwnerOnly);
        }

        _secrets = ReadSecrets() ?? new(Convert.ToHexString(RandomNumberGenerator.GetBytes(24)), LoopbackPort.Free());
        WriteSecrets();

        // This file marks a complete cluster: initdb writes into a folder that is renamed at the end.
        if (File.Exists(Path.Combine(DataFolder, "PG_VERSION")))
        {
            return;
        }

        var unfinished = DataFolder + ".new";
        if (Directory.Exists(unfinished))
        {
            Directory.Delete(unfinished, recursive: true);
        }

        MakePrivate(unfinished);
        _account?.Own(unfinished);
        var passwordFile = Path.Combine(_options.Folder, "initdb.password");
        try
        {
            WriteFile(passwordFile, _secrets.Password);
            _account?.Own(passwordFile);
            await InitializeAsync(unfinished, passwordFile, cancellationToken);
            Directory.Move(unfinished, DataFolder);
        }
        finally
        {
            File.Delete(passwordFile);
        }
    }

    /// <summary>Creates a folder that only our user can access, or restricts an existing one.</summary>
    private static void MakePrivate(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }

        Directory.CreateDirectory(folder, OwnerOnlyFolder);
        File.SetUnixFileMode(folder, OwnerOnlyFolder);
    }

    private async Task InitializeAsync(string folder, string passwordFile, CancellationToken cancellationToken)
    {
        string[] arguments =
        [
            "--pgdata",
            OpenFolder,
            "--pwfile",
            OpenPassword,
            "--username",
            UserName,
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--no-locale",
            .. _options.Fsync ? Array.Empty<string>() : ["--no-sync"],
        ];
        using var process = Process.Start(StartInfo(WithFolder, [folder, passwordFile], "initdb", arguments))!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        if (process.ExitCode != 0)
        {
            throw Failed($"initdb exited with code {process.ExitCode}: {await output}{await errors}");
        }
    }

    /// <summary>
    /// Starts the server in its own session, so that a Ctrl-C or hang-up of our terminal does not reach it, through a shell that exits, so
    /// that it inherits none of our open streams.
    /// </summary>
    private void Launch()
    {
        string[] settings =
        [
            "-D",
            OpenFolder,
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            $"port={_secrets.Port}",
            "-c",
            "unix_socket_directories=",
            "-c",
            $"max_connections={_options.MaxConnections}",
            "-c",
            "log_min_messages=warning",
            "-c",
            "shared_buffers=128MB",
            "-c",
            "max_wal_size=1GB",
            .. _options.Fsync ? Array.Empty<string>() : ["-c", "fsync=off", "-c", "full_page_writes=off"],
        ];
        using var shell = Process.Start(StartInfo(Detach, [DataFolder, LogFile], "postgres", settings))!;
        shell.StandardInput.Close();
        shell.WaitForExit();
    }

    /// <summary>
    /// Runs a PostgreSQL program as its user through one of our scripts. Our environment is not passed on: it may contain passwords and
    /// tokens, which that user could read in <c>/proc</c>.
    /// </summary>
    private ProcessStartInfo StartInfo(string script, string[] scriptArguments, string program, string[] arguments)
    {
        string[] line = [.. _account?.Prefix ?? [], Path.Combine(_bin, program), .. arguments];
        var info = new ProcessStartInfo("/bin/sh", ["-c", script, "sh", .. scriptArguments, .. line])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        info.Environment.Clear();
        info.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin";
        info.Environment["LC_ALL"] = "C";
        return info;
    }

    private async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false;Timeout=5");
                await connection.OpenAsync(cancellationToken);
                ProcessId = RunningPid() ?? throw Failed("it accepts connections, but its postmaster.pid is missing");
                return;
            }
            catch (PostgresException e)
                when (e.SqlState is PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification)
            {
                throw Failed($"the server of this folder rejects the password in {SecretsFile}: {e.MessageText}");
            }
            catch (NpgsqlException e)
            {
                var waited = _time.GetElapsedTime(began);
                if (waited > _options.StartTimeout || (waited > TimeSpan.FromSeconds(5) && RunningPid() is null))
                {
                    throw Failed($"it did not accept connections within {waited.TotalSeconds:0} s ({e.Message})");
                }
            }

            await Task.Delay(Pause, _time, cancellationToken);
        }
    }

    /// <summary>
    /// Removes the pid file of a killed server, whose number may belong to a zombie or another program by now: PostgreSQL would then refuse
    /// to start. The server is certainly gone once no process has the data folder as its working folder.
    /// </summary>
    private async Task ClearLeftoversAsync(CancellationToken cancellationToken)
    {
        var pidFile = Path.Combine(DataFolder, "postmaster.pid");
        if (!File.Exists(pidFile))
        {
            return;
        }

        var began = _time.GetTimestamp();
        while (Processes.AnyWorksIn(WorkingFolder))
        {
            if (_time.GetElapsedTime(began) > _options.StartTimeout)
            {
                throw Failed("processes of a killed server still use its data folder");
            }

            await Task.Delay(Pause, _time, cancellationToken);
        }

        File.Delete(pidFile);
    }

    private async Task EnsureDatabaseAsync(CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        await using var ask = new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = 'shipinator'", connection);
        if (await ask.ExecuteScalarAsync(cancellationToken) is null)
        {
            await using var make = new NpgsqlCommand("CREATE DATABASE shipinator", connection);
            await make.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private async Task EndAsync(Signal signal, CancellationToken cancellationToken)
    {
        if (RunningPid() is not { } pid)
        {
            return;
        }

        if (signal == Signal.Kill)
        {
            // Children notice the death of the postmaster only later: killing them too makes it a crash at one moment.
            foreach (var child in Processes.ChildrenOf(pid))
            {
                Processes.Send(child, signal);
            }
        }

        Processes.Send(pid, signal);
        var began = _time.GetTimestamp();
        while (Processes.IsAlive(pid))
        {
            if (_time.GetElapsedTime(began) > _options.StartTimeout)
            {
                throw Failed($"process {pid} did not exit");
            }

            await Task.Delay(Pause, _time, cancellationToken);
        }
    }

    /// <summary>The process of <c>postmaster.pid</c>, if it is alive and is the server of this folder.</summary>
    private int? RunningPid()
    {
        try
        {
            var line = File.ReadLines(Path.Combine(DataFolder, "postmaster.pid")).FirstOrDefault();
            return
                int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
                && Processes.IsAlive(pid)
                && Processes.WorksIn(pid, WorkingFolder)
                ? pid
                : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private Secrets? ReadSecrets() => File.Exists(SecretsFile) ? JsonSerializer.Deserialize<Secrets>(File.ReadAllText(SecretsFile)) : null;

    private void WriteSecrets() => WriteFile(SecretsFile, JsonSerializer.Serialize(_secrets));

    private static void WriteFile(string path, string text)
    {
        var temporary = path + ".new";
        File.Delete(temporary);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        using (var stream = new FileStream(temporary, options))
        {
            stream.Write(System.Text.Encoding.UTF8.GetBytes(text));
        }

        File.Move(temporary, path, overwrite: true);
    }

    private InvalidInputException Failed(string what)
    {
        string[] log = File.Exists(LogFile) ? File.ReadAllLines(LogFile) : [];
        return new(
            "postgres_failed",
            $"PostgreSQL in {_options.Folder} can't be run: {what}\n{string.Join('\n', log.TakeLast(10))}".TrimEnd()
        );
    }

    [LoggerMessage(2201, LogLevel.Information, "Took over the running PostgreSQL server {Pid} in {Folder}")]
    private static partial void TookOver(ILogger logger, int pid, string folder);

    private sealed record Secrets(string Password, int Port);
}
