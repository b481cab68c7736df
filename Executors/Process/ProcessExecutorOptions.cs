using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Process;

/// <summary>
/// Settings of the process executor, which runs commands as processes on this machine. When the server is root, each job attempt runs as
/// its own user; otherwise all run as the server's user.
/// </summary>
public sealed class ProcessExecutorOptions
{
    /// <summary>The folder of the workers' folders. Required.</summary>
    public string Root { get; set; } = "";

    /// <summary>
    /// The runner: a <c>.dll</c>, run by <c>dotnet</c>, or a native program. Default: <c>runner/Shipinator.Runner.dll</c> next to the
    /// server.
    /// </summary>
    public string RunnerPath { get; set; } = Path.Combine(AppContext.BaseDirectory, "runner", "Shipinator.Runner.dll");

    /// <summary>
    /// Where runners keep what a step's <c>cache</c> names, between runs. Absent: no caches. When steps have separate users, caches are
    /// below <see cref="Root"/> in any case.
    /// </summary>
    public string? CacheFolder { get; set; }

    /// <summary>The maximum total size of all caches, in bytes. Default 10 GiB.</summary>
    public long CacheBytes { get; set; } = 10L * 1024 * 1024 * 1024;

    /// <summary>Allows steps to run as the server's own user although that is root. Default false.</summary>
    public bool RunAsServerUser { get; set; }

    /// <summary>
    /// The first of the user ids that job attempts run as when the server is root. Default 400000: within what archive formats can store,
    /// above what machines assign to people.
    /// </summary>
    public uint FirstUserId { get; set; } = 400_000;

    /// <summary>How many such ids there are; an active job takes one. Default 10000.</summary>
    public int UserIds { get; set; } = 10_000;

    /// <summary>
    /// Root's folder for what all servers of this machine share: which user ids are taken, and the runner as step users run it.
    /// </summary>
    public string MachineFolder { get; set; } = "/var/lib/shipinator";

    /// <summary>Whether other servers may query the same executions; set by the composition root.</summary>
    public bool HasSeveralServers { get; set; }

    /// <summary>Allows several servers, which must be on one machine with one data folder. Default false.</summary>
    public bool OneMachine { get; set; }

    /// <summary>Whether each job attempt runs as its own user.</summary>
    public bool IsIsolated => Environment.IsPrivilegedProcess && !RunAsServerUser;

    /// <summary>The work folder of the server with that data folder: step users can access it whatever the data folder's mode is.</summary>
    public string OwnWorkFolder(string dataFolder) =>
        Path.Combine(MachineFolder, "work-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(dataFolder)))[..8]);

    /// <summary>Whether other machines can reach the server; set by the composition root.</summary>
    public bool ListensBeyondLoopback { get; set; }

    /// <summary>The settings by which they can, for the message; set by the composition root.</summary>
    public string ListensAt { get; set; } = "Shipinator:Listen";

    /// <summary>Allows the process executor although other machines can reach the server. Default false.</summary>
    public bool AllowBeyondLoopback { get; set; }

    /// <summary>The interval of the sweeps that remove orphaned workers. Default 5 min.</summary>
    public TimeSpan SweepPeriod { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long a runner has to stop its command before both are killed. Default 15 s: longer than the command's own grace period.
    /// </summary>
    public TimeSpan KillAfter { get; set; } = TimeSpan.FromSeconds(15);
}

/// <summary>Validates the settings at startup, and refuses unsafe combinations.</summary>
public sealed class ProcessExecutorOptionsValidator(TimeProvider time) : IValidateOptions<ProcessExecutorOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, ProcessExecutorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = new List<string>();
        if (!Path.IsPathFullyQualified(options.Root))
        {
            errors.Add($"{ProcessSettingKeys.WorkFolder} must be an absolute path, but was '{options.Root}'.");
        }

        if (options.HasSeveralServers && !options.OneMachine)
        {
            errors.Add(
                "Shipinator:Clustering is AdoNet while the process executor is in use, whose jobs can be observed and stopped "
                    + "only on the machine that started them: set Shipinator:Executor to kubernetes, or, if all servers are on one machine "
                    + "with one data folder, set Shipinator:Process:OneMachine to true."
            );
        }

        if (!File.Exists(options.RunnerPath))
        {
            errors.Add($"{ProcessSettingKeys.RunnerPath} must be the runner program, but '{options.RunnerPath}' does not exist.");
        }

        if (options.ListensBeyondLoopback && !options.AllowBeyondLoopback)
        {
            errors.Add(
                $"{options.ListensAt} opens ports to other machines while the process executor runs commands on this one: use "
                    + "127.0.0.1 there, or set Shipinator:Process:AllowBeyondLoopback to true if everyone who can reach them may run "
                    + "programs here."
            );
        }

        if (options.KillAfter < TimeSpan.Zero)
        {
            errors.Add($"Shipinator:Process:KillAfter must not be negative, but was {options.KillAfter}.");
        }

        if (options.SweepPeriod <= TimeSpan.Zero)
        {
            errors.Add($"Shipinator:Process:SweepPeriod must be greater than zero, but was {options.SweepPeriod}.");
        }

        if (options.CacheBytes <= 0)
        {
            errors.Add($"Shipinator:Process:CacheBytes must be at least 1, but was {options.CacheBytes}.");
        }

        if (options.FirstUserId < 1000 || options.UserIds < 1 || options.FirstUserId + (ulong)options.UserIds > int.MaxValue)
        {
            errors.Add(
                $"{ProcessSettingKeys.FirstUserId} and UserIds must name user ids between 1000 and {int.MaxValue}, but were "
                    + $"{options.FirstUserId} "
                    + $"and {options.UserIds}."
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
    /// <summary>Adds the executor of type <c>process</c>.</summary>
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
