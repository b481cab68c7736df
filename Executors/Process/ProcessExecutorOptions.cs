using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Process;

/// <summary>
/// Settings of the process executor: commands run as processes of this machine. When the server is root, each job attempt
/// runs as a user of its own; otherwise all run as the server's user.
/// </summary>
public sealed class ProcessExecutorOptions
{
    /// <summary>The folder of the workers' folders. Required.</summary>
    public string Root { get; set; } = "";

    /// <summary>The runner: a <c>.dll</c>, run by <c>dotnet</c>, or a native program. Default: <c>runner/Shipinator.Runner.dll</c> beside the server.</summary>
    public string RunnerPath { get; set; } = Path.Combine(AppContext.BaseDirectory, "runner", "Shipinator.Runner.dll");

    /// <summary>Where runners keep what a step's <c>cache</c> names, between runs. Absent: nothing is kept. When steps have users of their own it is below <see cref="Root"/> in any case.</summary>
    public string? CacheFolder { get; set; }

    /// <summary>How large all caches together may grow, in bytes. Default 10 GiB.</summary>
    public long CacheBytes { get; set; } = 10L * 1024 * 1024 * 1024;

    /// <summary>The operator's word that steps may run as the server's own user although that is root. Default false.</summary>
    public bool RunAsServerUser { get; set; }

    /// <summary>The first of the user ids that job attempts run as when the server is root. Default 400000: below what the formats of archives can hold, above what machines give to people.</summary>
    public uint FirstUserId { get; set; } = 400_000;

    /// <summary>How many such ids there are; a job that is at work takes one. Default 10000.</summary>
    public int UserIds { get; set; } = 10_000;

    /// <summary>Root's folder for what all servers of this machine share: which user ids are taken, and the runner as step users run it.</summary>
    public string MachineFolder { get; set; } = "/var/lib/shipinator";

    /// <summary>Whether other servers may ask for the same executions; the composition root tells.</summary>
    public bool HasSeveralServers { get; set; }

    /// <summary>The operator's word that all servers are on one machine with one data folder. Default false.</summary>
    public bool OneMachine { get; set; }

    /// <summary>Whether each job attempt runs as a user of its own.</summary>
    public bool IsIsolated => Environment.IsPrivilegedProcess && !RunAsServerUser;

    /// <summary>A folder for the jobs of the server with that data folder, which step users can get to whatever the data folder's modes are.</summary>
    public string OwnWorkFolder(string dataFolder) =>
        Path.Combine(
            MachineFolder,
            "work-"
                + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(dataFolder)))[
                    ..8
                ]
        );

    /// <summary>Whether others than this machine can reach the server; the composition root tells.</summary>
    public bool ListensBeyondLoopback { get; set; }

    /// <summary>By which settings, for the message; the composition root tells.</summary>
    public string ListensAt { get; set; } = "Shipinator:Listen";

    /// <summary>The operator's word that it may be used all the same. Default false.</summary>
    public bool AllowBeyondLoopback { get; set; }

    /// <summary>How often folders that nobody needs are looked for. Default 5 min.</summary>
    public TimeSpan SweepPeriod { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a runner has to stop its command before it is killed with it. Default 15 s: more than the command's own grace.</summary>
    public TimeSpan KillAfter { get; set; } = TimeSpan.FromSeconds(15);
}

/// <summary>Refuses what would be dangerous or could not work.</summary>
public sealed class ProcessExecutorOptionsValidator(TimeProvider time) : IValidateOptions<ProcessExecutorOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, ProcessExecutorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = new List<string>();
        if (!Path.IsPathFullyQualified(options.Root))
        {
            errors.Add($"Shipinator:Process:WorkFolder is '{options.Root}'; it must be an absolute path.");
        }

        if (options.HasSeveralServers && !options.OneMachine)
        {
            errors.Add(
                "Shipinator:Clustering is AdoNet while the process executor is in use, whose jobs only the machine that started them can see and stop: set Shipinator:Executor to kubernetes, or, if all servers are on one machine with one data folder, set Shipinator:Process:OneMachine to true."
            );
        }

        if (!File.Exists(options.RunnerPath))
        {
            errors.Add($"Shipinator:Process:RunnerPath is '{options.RunnerPath}', which is not there; it must be the runner program.");
        }

        if (options.ListensBeyondLoopback && !options.AllowBeyondLoopback)
        {
            errors.Add(
                $"Ports are open beyond this machine by {options.ListensAt}, while the process executor runs commands on it: use 127.0.0.1 there, or set Shipinator:Process:AllowBeyondLoopback to true if everybody who can reach it may run programs here."
            );
        }

        if (options.KillAfter < TimeSpan.Zero)
        {
            errors.Add($"Shipinator:Process:KillAfter is {options.KillAfter}; it must not be negative.");
        }

        if (options.SweepPeriod <= TimeSpan.Zero)
        {
            errors.Add($"Shipinator:Process:SweepPeriod is {options.SweepPeriod}; it must be longer than nothing.");
        }

        if (options.CacheBytes <= 0)
        {
            errors.Add($"Shipinator:Process:CacheBytes is {options.CacheBytes}; it must be a number of bytes, 1 or more.");
        }

        if (options.FirstUserId < 1000 || options.UserIds < 1 || options.FirstUserId + (ulong)options.UserIds > int.MaxValue)
        {
            errors.Add(
                $"Shipinator:Process:FirstUserId is {options.FirstUserId} and UserIds {options.UserIds}; they must name user ids from 1000 to {int.MaxValue}."
            );
        }

        if (errors.Count == 0 && options.IsIsolated && StepIsolation.Check(options, time) is { } trouble)
        {
            errors.Add(trouble);
        }

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}

/// <summary>Registers the process executor.</summary>
public static class ProcessExecutorServices
{
    /// <summary>Adds an executor of type <c>process</c>.</summary>
    public static IServiceCollection AddProcessExecutor(this IServiceCollection services, Action<ProcessExecutorOptions> configure)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IValidateOptions<ProcessExecutorOptions>, ProcessExecutorOptionsValidator>();
        services.AddOptions<ProcessExecutorOptions>().Configure(configure).ValidateOnStart();
        services.AddSingleton<ProcessExecutor>();
        services.AddSingleton<IWorkerExecutor>(s => s.GetRequiredService<ProcessExecutor>());
        return services;
    }
}
