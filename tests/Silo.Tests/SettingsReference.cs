using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Shipinator.Artifacts;
using Shipinator.Executors.Kubernetes;
using Shipinator.Executors.Process;
using Shipinator.Forges;
using Shipinator.Grains;
using Shipinator.Silo.Configuration;
using Shipinator.WebFrontend;

namespace Shipinator.Silo.Tests;

/// <summary>
/// Generates docs/settings.md: keys, types and defaults from the options classes, descriptions from their docstrings, and ranges from what
/// the validators accept.
/// </summary>
internal static partial class SettingsReference
{
    private const string Head = """
        # Settings

        <!-- Generated from the options classes. To update it: SHIPINATOR_ACCEPT=1 ./test.sh Silo -->

        The server reads its settings in this order; later sources override earlier ones:

        1. section `Shipinator` of `appsettings.json` in the program folder
        2. section `Shipinator` of `shipinator.json` in the working directory
        3. environment variables, case-insensitive; `*` stands for a name that you choose, `0` for an index
        4. command-line arguments: `--Shipinator:Key=VALUE`, and the short forms `--data`, `--port`, `--listen` and `--public-url`

        An unknown key, a value of the wrong type or an invalid value stops the start with an error message. Durations have the form
        `[days.]hours:minutes:seconds`. Mode is the [mode](architecture.md#modes) in which a setting has an effect, if not in both.

        """;

    private static readonly Dictionary<Assembly, XDocument> Documentation = [];

    /// <summary>The whole document.</summary>
    public static string Generate()
    {
        var text = new StringBuilder(Head);
        foreach (var section in SettingsTree.Root.Describe().GroupBy(s => Section(s.Key)))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {(section.Key.Length == 0 ? "Server" : section.Key)}\n\n");
            if (Introduction(section.Key) is { Length: > 0 } introduction)
            {
                text.Append(introduction).Append("\n\n");
            }

            text.Append("| key, environment variable | type | default | range | mode | description |\n|---|---|---|---|---|---|\n");
            foreach (var setting in section)
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"| `Shipinator:{setting.Key}` <br> `{Variable(setting.Key)}` | {TypeName(setting.Type)} | {Default(setting)} "
                        + $"| {Range(setting)} | {Mode(setting.Mode)} | {Description(setting)} |\n"
                );
            }
        }

        return text.ToString();
    }

    /// <summary>The first segment; empty for a value or a list at the top.</summary>
    private static string Section(string key) => key.Split(':') is [var section, not "0", ..] ? section : "";

    private static string Variable(string key) => "SHIPINATOR__" + key.Replace(":", "__", StringComparison.Ordinal).ToUpperInvariant();

    private static string Mode(ServerMode mode) => mode == ServerMode.Any ? "" : mode.ToString().ToLowerInvariant();

    private static string TypeName(Type? type)
    {
        type = type is null ? typeof(string) : Nullable.GetUnderlyingType(type) ?? type;
        return type == typeof(TimeSpan) ? "duration"
            : type == typeof(bool) ? "boolean"
            : type == typeof(Uri) ? "URL"
            : type.IsEnum ? string.Join(" or ", Enum.GetNames(type).Select(n => $"`{n}`"))
            : type == typeof(string) ? "string"
            : "integer";
    }

    private static string Default(SettingDescription setting) =>
        setting.Member?.GetCustomAttribute<SettingAttribute>()?.Default
        ?? Settings.ServerDefaults.GetValueOrDefault(setting.Key)
        ?? setting.Default switch
        {
            null or "" => "",
            // Paths of this machine: the description names the default.
            string path when Path.IsPathFullyQualified(path) && path.StartsWith(AppContext.BaseDirectory, StringComparison.Ordinal) => "",
            bool value => value ? "`true`" : "`false`",
            IFormattable value => $"`{value.ToString(null, CultureInfo.InvariantCulture)}`",
            var value => $"`{value}`",
        };

    private static string Introduction(string section)
    {
        if (Settings.FreeForm.TryGetValue(section, out var text))
        {
            return text;
        }

        return section.Length == 0 ? ""
            : typeof(ShipinatorOptions).GetProperty(section) is { } property ? Summary(property)
            : Summary(Settings.Rooms[section]);
    }

    private static string Description(SettingDescription setting) =>
        setting.Member is null
            ? "See the text above."
            : WithoutDefault(Summary(setting.Member)).Replace("|", "\\|", StringComparison.Ordinal);

    /// <summary>The default has its own column, unless only the description can tell it.</summary>
    private static string WithoutDefault(string summary) => TrailingDefault().Replace(summary, "").Trim();

    private static string Summary(MemberInfo member)
    {
        var type = member as Type ?? member.DeclaringType!;
        if (!Documentation.TryGetValue(type.Assembly, out var document))
        {
            document = XDocument.Load(Path.ChangeExtension(type.Assembly.Location, ".xml"));
            Documentation.Add(type.Assembly, document);
        }

        var id = member is Type ? $"T:{type.FullName}" : $"P:{type.FullName}.{member.Name}";
        var summary = document.Descendants("member").SingleOrDefault(m => m.Attribute("name")?.Value == id)?.Element("summary");
        return summary is null ? "" : Spaces().Replace(string.Concat(summary.Nodes().Select(Text)), " ").Trim();
    }

    private static string Text(XNode node) =>
        node switch
        {
            XText text => text.Value,
            XElement { Name.LocalName: "see" } see => $"`{see.Attribute("cref")!.Value.Split('.')[^1]}`",
            XElement element => $"`{element.Value}`",
            _ => "",
        };

    /// <summary>The smallest and the largest value that no validator rejects, if there are such limits.</summary>
    private static string Range(SettingDescription setting)
    {
        var type = setting.Type is null ? null : Nullable.GetUnderlyingType(setting.Type) ?? setting.Type;
        return type == typeof(int) ? Range(setting, int.MinValue, int.MaxValue, n => n.ToString(CultureInfo.InvariantCulture))
            : type == typeof(uint) ? Range(setting, uint.MinValue, uint.MaxValue, n => n.ToString(CultureInfo.InvariantCulture))
            : type == typeof(long) ? Range(setting, long.MinValue, long.MaxValue, n => n.ToString(CultureInfo.InvariantCulture))
            : type == typeof(TimeSpan)
                ? Range(setting, -TimeSpan.FromDays(1000).Ticks, TimeSpan.FromDays(1000).Ticks, n => TimeSpan.FromTicks(n).ToString())
            : "";
    }

    private static string Range(SettingDescription setting, long lowest, long highest, Func<long, string> format)
    {
        var valid = setting.Default switch
        {
            TimeSpan time => time.Ticks,
            IConvertible number => number.ToInt64(CultureInfo.InvariantCulture),
            _ => 1000,
        };
        var expected = Failures(setting, format(valid));
        var minimum = IsValid(lowest) ? lowest : Search(lowest, valid);
        var maximum = IsValid(highest) ? highest : Search(highest, valid);
        return (minimum == lowest, maximum == highest) switch
        {
            (true, true) => "",
            (false, true) => minimum == 1 && setting.Type == typeof(TimeSpan) ? "> 0" : $"≥ {format(minimum)}",
            (true, false) => $"≤ {format(maximum)}",
            _ => minimum == 1 && setting.Type == typeof(TimeSpan) ? $"> 0, ≤ {format(maximum)}" : $"{format(minimum)} to {format(maximum)}",
        };

        bool IsValid(long value) => Failures(setting, format(value)).SetEquals(expected);

        long Search(long invalid, long known)
        {
            while (Math.Abs((decimal)known - invalid) > 1)
            {
                var middle = (long)(((decimal)known + invalid) / 2);
                (invalid, known) = IsValid(middle) ? (invalid, middle) : (middle, known);
            }

            return known;
        }
    }

    /// <summary>The failures of all validators for a valid configuration with one more setting.</summary>
    private static HashSet<string> Failures(SettingDescription setting, string value)
    {
        var values = new Dictionary<string, string?> { ["Shipinator:Artifacts:Root"] = "/data" };
        if (setting.Mode == ServerMode.Cluster)
        {
            values["Shipinator:Clustering"] = nameof(ClusteringKind.AdoNet);
            values["Shipinator:ConnectionString"] = "Host=localhost";
            values["Shipinator:Orleans:AllowUnauthenticatedPeers"] = "true";
        }

        values[$"Shipinator:{setting.Key.Replace('*', 'x')}"] = value;
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
        var failures = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            var options = Settings.Read(configuration);
            Add(new KubernetesOptionsValidator().Validate(null, options.Kubernetes));
            Add(new ForgeOptionsValidator().Validate(null, options.Git));
        }
        catch (OptionsValidationException e)
        {
            failures.UnionWith(e.Failures);
        }

        Add(new EngineOptionsValidator().Validate(null, Bind<EngineOptions>(Settings.Engine)));
        Add(new WebOptionsValidator().Validate(null, Bind<WebOptions>(Settings.Web)));
        Add(new FileStoreOptionsValidator().Validate(null, Bind<FileStoreOptions>(Settings.Artifacts)));
        Add(new ProcessExecutorOptionsValidator(TimeProvider.System).Validate(null, Bind<ProcessExecutorOptions>(Settings.Process)));
        return failures;

        void Add(ValidateOptionsResult result) => failures.UnionWith(result.Failures ?? []);

        T Bind<T>(string section)
            where T : class, new()
        {
            var options = new T();
            Settings.Bind(configuration, section, options);
            return options;
        }
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    /// <summary>"Default 30 s." and its like at the end of a docstring; not "Default: the one beside the server."</summary>
    [GeneratedRegex(@" Default:? (?:\d[^.]*|true|false|none|`[^`]*`)\.$")]
    private static partial Regex TrailingDefault();
}
