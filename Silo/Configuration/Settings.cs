using Microsoft.Extensions.Options;
using Shipinator.Artifacts;
using Shipinator.Executors.Process;
using Shipinator.Grains;
using Shipinator.WebFrontend;

namespace Shipinator.Silo.Configuration;

/// <summary>
/// Maps the sections below <c>Shipinator</c> to the options of each room. An unknown key stops the start, because a setting that is
/// never read would go unnoticed. <c>docs/settings.md</c> is generated from it.
/// </summary>
public static class Settings
{
    /// <summary>The section of <see cref="EngineOptions"/>.</summary>
    public const string Engine = "Engine";

    /// <summary>The section of <see cref="FileStoreOptions"/>.</summary>
    public const string Artifacts = "Artifacts";

    /// <summary>The section of <see cref="ProcessSettings"/> and <see cref="ProcessExecutorOptions"/>.</summary>
    public const string Process = nameof(ShipinatorOptions.Process);

    /// <summary>The section of <see cref="WebOptions"/>.</summary>
    public const string Web = "Web";

    /// <summary>The options of the rooms, by section. The server's own are members of <see cref="ShipinatorOptions"/>.</summary>
    internal static readonly IReadOnlyDictionary<string, Type> Rooms = new Dictionary<string, Type>
    {
        [Engine] = typeof(EngineOptions),
        [Artifacts] = typeof(FileStoreOptions),
        [Process] = typeof(ProcessExecutorOptions),
        [Web] = typeof(WebOptions),
    };

    /// <summary>Sections with keys that the operator chooses, with their descriptions; <c>Forges</c> reads them.</summary>
    internal static readonly IReadOnlyDictionary<string, string> FreeForm = new Dictionary<string, string>
    {
        ["GitCredentials"] =
            "Credentials for Git hosts: `NAME:Password` (or token) and optionally `NAME:Username`, `NAME:Url` and `NAME:AllowUnencrypted`. "
            + "Without `Url`, `NAME` is a host name and the credential is used for `https` on port 443.",
        ["Secrets"] =
            "Secrets for steps: `NAME` for all repositories, `PROJECT-ID:NAME` for a project, `REPOSITORY-ID:NAME` for a repository. "
            + "The most specific one applies.",
    };

    /// <summary>Defaults that the server sets in the options of the rooms, for the documentation.</summary>
    internal static readonly IReadOnlyDictionary<string, string> ServerDefaults = new Dictionary<string, string>
    {
        [$"{Artifacts}:{nameof(FileStoreOptions.Root)}"] = "the data folder",
        [$"{nameof(ShipinatorOptions.Git)}:{nameof(Forges.ForgeOptions.CacheRoot)}"] = "`git` in the data folder",
        [$"{Process}:{nameof(ProcessExecutorOptions.CacheFolder)}"] = "`cache` in the data folder",
        [$"{Engine}:{nameof(EngineOptions.AdmissionLimits)}:*"] = "`MaxConcurrent` of the executor",
    };

    /// <summary>Members that the server sets itself, or that have a setting with another key.</summary>
    internal static readonly IReadOnlyList<string> NotSettings =
    [
        $"{Process}:{nameof(ProcessExecutorOptions.ListensBeyondLoopback)}",
        $"{Process}:{nameof(ProcessExecutorOptions.ListensAt)}",
        $"{Process}:{nameof(ProcessExecutorOptions.Root)}",
        $"{Process}:{nameof(ProcessExecutorOptions.HasSeveralServers)}",
        $"{Web}:{nameof(WebOptions.DefaultExecutor)}",
        $"{Web}:{nameof(WebOptions.StaticRunnerPath)}",
        $"{Web}:{nameof(WebOptions.MaxArtifactBytes)}",
        $"{Web}:{nameof(WebOptions.MaxLogBytes)}",
        $"{Web}:{nameof(WebOptions.MaxRunArtifactBytes)}",
        $"{Web}:{nameof(WebOptions.SignInLinkLifetime)}",
        $"{Web}:{nameof(WebOptions.FailedSignInsPerMinute)}",
        $"{Web}:{nameof(WebOptions.WrongTokensPerMinute)}",
        $"{Web}:{nameof(WebOptions.RunsPerMinutePerToken)}",
        $"{Web}:{nameof(WebOptions.RunsPerMinutePerRepository)}",
        $"{Web}:{nameof(WebOptions.TrustedProxies)}",
    ];

    /// <summary>
    /// Reads and validates the server's own options. Errors: <see cref="OptionsValidationException"/> with all unknown keys, values of
    /// the wrong type and invalid values.
    /// </summary>
    public static ShipinatorOptions Read(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var section = configuration.GetSection(ShipinatorOptions.Section);
        var errors = SettingsTree.Root.Check(section).ToList();
        var options = new ShipinatorOptions();
        errors.AddRange(Failures(new ShipinatorOptionsValidator(), options, section, isKnownInvalid: errors.Count > 0));
        if (errors.Count == 0)
        {
            return options;
        }

        // The start ends here, before the rooms validate their options: what they would report is reported, too.
        errors.AddRange(Failures(new EngineOptionsValidator(), new EngineOptions(), section.GetSection(Engine), isKnownInvalid: true));
        errors.AddRange(Failures(new WebOptionsValidator(), new WebOptions(), section.GetSection(Web), isKnownInvalid: true));
        errors.AddRange(
            Failures(
                new FileStoreOptionsValidator(),
                new FileStoreOptions { Root = "/" },
                section.GetSection(Artifacts),
                isKnownInvalid: true
            )
        );
        throw new OptionsValidationException(ShipinatorOptions.Section, typeof(ShipinatorOptions), errors);
    }

    /// <summary>
    /// Binds and validates. A value of the wrong type can't be bound; <see cref="SettingsTree.Check(IConfigurationSection)"/> has reported
    /// it if <paramref name="isKnownInvalid"/>.
    /// </summary>
    private static IEnumerable<string> Failures<T>(IValidateOptions<T> validator, T options, IConfiguration section, bool isKnownInvalid)
        where T : class
    {
        try
        {
            section.Bind(options);
        }
        catch (InvalidOperationException) when (isKnownInvalid)
        {
            return [];
        }

        return validator.Validate(null, options).Failures ?? [];
    }

    /// <summary>Binds a section to the options of a room.</summary>
    public static void Bind(IConfiguration configuration, string section, object options)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        configuration.GetSection(SettingKey.In(section)).Bind(options);
    }
}
