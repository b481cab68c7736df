using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Shipinator.Executors.Process;

/// <summary>Settings of the process executor: commands run as processes of this machine, as the server's own user.</summary>
public sealed class ProcessExecutorOptions
{
    /// <summary>The folder of the workers' folders. Required.</summary>
    public string Root { get; set; } = "";

    /// <summary>The runner: a <c>.dll</c>, run by <c>dotnet</c>, or a native program. Default: <c>runner/Shipinator.Runner.dll</c> beside the server.</summary>
    public string RunnerPath { get; set; } = Path.Combine(AppContext.BaseDirectory, "runner", "Shipinator.Runner.dll");

    /// <summary>Where runners keep what a step's <c>cache</c> names, between runs. Absent: nothing is kept.</summary>
    public string? CacheFolder { get; set; }

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
public sealed class ProcessExecutorOptionsValidator : IValidateOptions<ProcessExecutorOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, ProcessExecutorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = new List<string>();
        if (!Path.IsPathFullyQualified(options.Root))
        {
            errors.Add($"Shipinator:Process:Root is '{options.Root}'; it must be an absolute path.");
        }

        if (!File.Exists(options.RunnerPath))
        {
            errors.Add($"Shipinator:Process:RunnerPath is '{options.RunnerPath}', which is not there; it must be the runner program.");
        }

        if (options.ListensBeyondLoopback && !options.AllowBeyondLoopback)
        {
            errors.Add($"Ports are open beyond this machine by {options.ListensAt}, while the process executor runs commands on it: use 127.0.0.1 there, or set Shipinator:Process:AllowBeyondLoopback to true if everybody who can reach it may run programs here.");
        }

        if (options.KillAfter < TimeSpan.Zero)
        {
            errors.Add($"Shipinator:Process:KillAfter is {options.KillAfter}; it must not be negative.");
        }

        if (options.SweepPeriod <= TimeSpan.Zero)
        {
            errors.Add($"Shipinator:Process:SweepPeriod is {options.SweepPeriod}; it must be longer than nothing.");
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
