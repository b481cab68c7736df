using Microsoft.Extensions.Options;
using Shipinator.Artifacts;
using Shipinator.Executors.Process;
using Shipinator.Grains;
using Shipinator.WebFrontend;

namespace Shipinator.Silo.Configuration;

/// <summary>
/// Every setting below <c>Shipinator</c>: which object of which room each section goes to. What is named here can be set; what
/// is not stops the start, since a setting that nothing reads is a mistake that nobody would notice.
/// </summary>
public static class Settings
{
    /// <summary>The section of <see cref="EngineOptions"/>.</summary>
    public const string Engine = "Engine";

    /// <summary>The section of <see cref="FileStoreOptions"/>.</summary>
    public const string Artifacts = "Artifacts";

    /// <summary>The section of <see cref="ProcessSettings"/> and <see cref="ProcessExecutorOptions"/>.</summary>
    public const string Process = "Process";

    /// <summary>The section of <see cref="WebOptions"/>.</summary>
    public const string Web = "Web";

    /// <summary>Options of the rooms, by section; those of the server itself are members of <see cref="ShipinatorOptions"/>.</summary>
    internal static readonly IReadOnlyDictionary<string, Type> Rooms = new Dictionary<string, Type>
    {
        [Engine] = typeof(EngineOptions),
        [Artifacts] = typeof(FileStoreOptions),
        [Process] = typeof(ProcessExecutorOptions),
        [Web] = typeof(WebOptions),
    };

    /// <summary>Sections whose keys the operator makes up; the rooms read them by themselves.</summary>
    internal static readonly IReadOnlyList<string> FreeForm = ["GitCredentials", "Secrets"];

    /// <summary>Members that the server itself sets, or that have a setting by another name.</summary>
    internal static readonly IReadOnlyList<string> NotSettings =
    [
        $"{Process}:{nameof(ProcessExecutorOptions.ListensBeyondLoopback)}",
        $"{Process}:{nameof(ProcessExecutorOptions.ListensAt)}",
        $"{Process}:{nameof(ProcessExecutorOptions.Root)}",
        $"{Process}:{nameof(ProcessExecutorOptions.HasSeveralServers)}",
        $"{Web}:{nameof(WebOptions.DefaultExecutor)}",
        $"{Web}:{nameof(WebOptions.StaticRunnerPath)}",
    ];

    /// <summary>
    /// The server's own options. Errors: <see cref="OptionsValidationException"/> with everything that is wrong: keys that nothing
    /// reads, values that are none of their kind, values that are refused.
    /// </summary>
    public static ShipinatorOptions Read(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var section = configuration.GetSection(ShipinatorOptions.Section);
        var errors = SettingsTree.Whole.Check(section);
        if (errors.Count > 0)
        {
            throw new OptionsValidationException(ShipinatorOptions.Section, typeof(ShipinatorOptions), errors);
        }

        var options = section.Get<ShipinatorOptions>() ?? new();
        var result = new ShipinatorOptionsValidator().Validate(null, options);
        return result.Succeeded
            ? options
            : throw new OptionsValidationException(ShipinatorOptions.Section, typeof(ShipinatorOptions), result.Failures!);
    }

    /// <summary>Gives a room's options what is set in their section.</summary>
    public static void Bind(IConfiguration configuration, string section, object options)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        configuration.GetSection($"{ShipinatorOptions.Section}:{section}").Bind(options);
    }
}
