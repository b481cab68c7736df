using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Shipinator.Artifacts;
using Shipinator.Executors.Process;
using Shipinator.Forges;
using Shipinator.Grains;
using Shipinator.Silo.Configuration;
using Shipinator.WebFrontend;

namespace Shipinator.Silo.Tests;

/// <summary>Every key below <c>Shipinator</c> is either bound or stops the start; none is ignored.</summary>
public sealed partial class SettingsTests
{
    [Theory]
    [InlineData("Shipinator:Engine:RunnerSilense", "00:01:00", "Shipinator:Engine:RunnerSilence")]
    [InlineData("Shipinator:RunnerSilence", "00:01:00", "Shipinator:Engine:RunnerSilence")]
    [InlineData("Shipinator:Orlens:SiloPort", "1", "Shipinator:Orleans:SiloPort")]
    [InlineData("Shipinator:Orleans:Tls:Cert", "/x", "Shipinator:Orleans:Tls:Certificate")]
    [InlineData("Shipinator:Process:ListensBeyondLoopback", "false", "Shipinator:Process:AllowBeyondLoopback")]
    [InlineData("Shipinator:Kubernetes:Tolerations:0:Efect", "NoExecute", "Shipinator:Kubernetes:Tolerations:0:Effect")]
    [InlineData("Shipinator:Web:MaxLogBytes", "1", "Shipinator:Storage:MaxLogBytes")]
    [InlineData("Shipinator:Web:RunsPerMinutePerToken", "1", "Shipinator:Limits:RunsPerMinutePerToken")]
    [InlineData("Shipinator:Engine:LeaseSweepPeriod", "00:01:00", "Shipinator:Engine:SlotSweepPeriod")]
    [InlineData("Shipinator:Conection_String", "Host=x", "Shipinator:ConnectionString")]
    public void UnknownKey_IsRejectedWithASuggestion(string key, string value, string suggestion)
    {
        var failure = Assert.Single(Refused((key, value)));
        Assert.Equal($"{key} is not a valid setting. Did you mean {suggestion}?", failure);
    }

    [Theory]
    [InlineData("Shipinator:Port", "many", "an integer")]
    [InlineData("Shipinator:Engine:RunnerSilence", "5 minutes", "00:05:00")]
    [InlineData("Shipinator:Clustering", "Redis", "Localhost, AdoNet")]
    [InlineData("Shipinator:Kubernetes:RunAsNonRoot", "maybe", "true or false")]
    [InlineData("Shipinator:Engine:AdmissionLimits:process", "all", "an integer")]
    [InlineData("Shipinator:Orleans", "yes", "is a section")]
    [InlineData("Shipinator:Port:Http", "80", "is a value, not a section")]
    public void ValueOfWrongType_IsRejectedWithTheExpectedType(string key, string value, string expected)
    {
        var failure = Assert.Single(Refused((key, value)));
        Assert.Contains(expected, failure, StringComparison.Ordinal);
        Assert.Contains(key.Split(":Http")[0], failure, StringComparison.Ordinal);
    }

    [Fact]
    public void AllErrors_AreReportedAtOnce() =>
        Assert.Equal(
            4,
            Refused(
                ("Shipinator:Nonsense", "1"),
                ("Shipinator:Port", "x"),
                ("Shipinator:Orlens:A", "1"),
                ("Shipinator:Orlens:B:C", "1")
            ).Count
        );

    /// <summary>Nobody should have to start the server once per mistake.</summary>
    [Theory]
    [InlineData("Shipinator:Nonsense", "1")]
    [InlineData("Shipinator:Clustering", "Redis")]
    public void InvalidValues_AreReportedTogetherWithAnUnknownKeyOrAWrongType(string key, string value)
    {
        var failures = Refused(
            (key, value),
            ("Shipinator:Engine:RunnerSilence", "00:00:00"),
            ("Shipinator:Web:MaxBodyBytes", "1"),
            ("Shipinator:Artifacts:FollowInterval", "00:00:00")
        );
        Assert.Equal(4, failures.Count);
        foreach (var named in new[] { key, "Engine:RunnerSilence", "Web:MaxBodyBytes", "Artifacts:FollowInterval" })
        {
            Assert.Single(failures, f => f.Contains(named, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void InvalidValuesOfTheServer_AreReportedTogetherWithAnUnknownKey() =>
        Assert.Equal(
            [
                "Shipinator:Nonsense is not a valid setting.",
                "Shipinator:Port must be between 0 and 65535 (0 picks a free port), but was 70000.",
            ],
            Refused(("Shipinator:Nonsense", "1"), ("Shipinator:Port", "70000")).Select(f => f.Split(" Did you mean")[0])
        );

    [Theory]
    [InlineData("TimeoutMargin", "-00:00:01", "1.00:00:01", "00:00:00", "1.00:00:00")]
    [InlineData("CancelGrace", "-00:00:01", "1.00:00:01", "00:00:00", "1.00:00:00")]
    public void EngineDuration_OutsideItsRange_IsRejectedWithTheRange(string key, string below, string above, string least, string most)
    {
        foreach (var value in new[] { below, above })
        {
            var failure = Assert.Single(Failures(new EngineOptionsValidator(), Settings.Engine, key, value));
            Assert.Equal($"Shipinator:Engine:{key} must be between 00:00:00 and 1.00:00:00 (one day), but was {value}.", failure);
        }

        Assert.Empty(Failures(new EngineOptionsValidator(), Settings.Engine, key, least));
        Assert.Empty(Failures(new EngineOptionsValidator(), Settings.Engine, key, most));
    }

    [Theory]
    [InlineData("MaxBodyBytes", "1023", "1073741825", "1024", "1073741824")]
    [InlineData("MaxLogChunkBytes", "1023", "1073741825", "1024", "1073741824")]
    [InlineData("CancelGrace", "-00:00:01", "1.00:00:01", "00:00:00", "1.00:00:00")]
    public void WebNumber_OutsideItsRange_IsRejectedWithTheRange(string key, string below, string above, string least, string most)
    {
        foreach (var value in new[] { below, above })
        {
            var failure = Assert.Single(Failures(new WebOptionsValidator(), Settings.Web, key, value));
            Assert.StartsWith($"Shipinator:Web:{key} must be between {least} and {most}", failure, StringComparison.Ordinal);
            Assert.EndsWith($", but was {value}.", failure, StringComparison.Ordinal);
        }

        Assert.Empty(Failures(new WebOptionsValidator(), Settings.Web, key, least));
        Assert.Empty(Failures(new WebOptionsValidator(), Settings.Web, key, most));
    }

    [Fact]
    public void FreeFormKeys_AreAccepted()
    {
        var options = Settings.Read(
            Of(
                ("Shipinator:Secrets:DEPLOY_KEY", "x"),
                ("Shipinator:Secrets:0196:DEPLOY_KEY", "x"),
                ("Shipinator:GitCredentials:git.example.org:Username", "bot"),
                ("Shipinator:Kubernetes:Labels:team", "a"),
                ("Shipinator:Kubernetes:Tolerations:0:Key", "ci"),
                ("Shipinator:Kubernetes:RunnerCommand:0", "runner"),
                ("SHIPINATOR_DATA", "/elsewhere"),
                ("SHIPINATOR_ANYTHING", "1")
            )
        );
        Assert.Equal("a", options.Kubernetes.Labels["team"]);
        Assert.Equal("ci", Assert.Single(options.Kubernetes.Tolerations).Key);
    }

    [Theory]
    [InlineData(Settings.Engine)]
    [InlineData(Settings.Artifacts)]
    [InlineData(Settings.Process)]
    [InlineData(Settings.Web)]
    public void EveryKeyOfARoom_IsBound(string section)
    {
        var type = Settings.Rooms[section];
        var keys = SettingsTree
            .Root.Keys()
            .Where(k => k.StartsWith(section + ":", StringComparison.Ordinal) && k.Count(c => c == ':') == 1)
            .Select(k => k[(section.Length + 1)..])
            .Where(k => type.GetProperty(k) is not null)
            .ToList();
        Assert.NotEmpty(keys);
        foreach (var key in keys)
        {
            var property = type.GetProperty(key)!;
            var options = Activator.CreateInstance(type)!;
            var value = Another(property.GetValue(options), property.PropertyType);
            var configuration = Of(($"Shipinator:{section}:{key}", value));
            Assert.Empty(SettingsTree.Root.Check(configuration.GetSection("Shipinator")));
            Settings.Bind(configuration, section, options);
            Assert.Equal(value, Convert.ToString(property.GetValue(options), CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public void AdmissionLimitOfAnExecutor_IsBound()
    {
        var engine = new EngineOptions();
        Settings.Bind(Of(("Shipinator:Engine:AdmissionLimits:process", "3")), Settings.Engine, engine);
        Assert.Equal(3, engine.AdmissionLimits["process"]);
    }

    /// <summary>An error message must not name a setting that does not exist.</summary>
    [Fact]
    public void KeysInValidationMessages_Exist()
    {
        var messages = Messages(new ShipinatorOptionsValidator())
            .Concat(Messages(new EngineOptionsValidator()))
            .Concat(Messages(new WebOptionsValidator()))
            .Concat(Messages(new FileStoreOptionsValidator()))
            .Concat(Messages(new ForgeOptionsValidator()))
            .Concat(Messages(new ProcessExecutorOptionsValidator(TimeProvider.System)))
            .Concat(Messages(new Executors.Kubernetes.KubernetesOptionsValidator()))
            .ToList();
        Assert.True(messages.Count > 40, $"Only {messages.Count} messages were provoked.");
        Assert.All(messages, m => Assert.StartsWith("Shipinator:", m, StringComparison.Ordinal));
        AssertKnown(messages.Select(m => ("a validator", m)));
    }

    /// <summary>The test above covers all validators of all rooms.</summary>
    [Fact]
    public void Validators_AreAllCovered()
    {
        var found = AppDomain
            .CurrentDomain.GetAssemblies()
            .Concat(Settings.Rooms.Values.Select(t => t.Assembly))
            .Distinct()
            .Where(a => a.GetName().Name!.StartsWith("Shipinator.", StringComparison.Ordinal))
            .SelectMany(a => a.GetTypes())
            .Where(t =>
                t.IsClass && t.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IValidateOptions<>))
            )
            .Select(t => t.Name)
            .Order(StringComparer.Ordinal);
        Assert.Equal(
            [
                "EngineOptionsValidator",
                "FileStoreOptionsValidator",
                "ForgeOptionsValidator",
                "KubernetesOptionsValidator",
                "ProcessExecutorOptionsValidator",
                "ShipinatorOptionsValidator",
                "WebOptionsValidator",
            ],
            found
        );
    }

    [Fact]
    public void KeysInDocumentsAndCode_Exist()
    {
        var root = Repository.Root;
        var files = Directory
            .EnumerateFiles(root, "*.md", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories))
            .Where(f =>
                !Path.GetRelativePath(root, f)
                    .Split('/')
                    .Any(p => p is "bin" or "obj" or "tests" or "node_modules" or ".git" or ".shipinator-data" or "CHANGELOG.md")
            )
            .Select(f => (Path.GetRelativePath(root, f), File.ReadAllText(f)))
            .ToList();
        Assert.True(files.Count > 100);
        AssertKnown(files);
        AssertShortKeysKnown(files.Where(f => f.Item1.EndsWith(".md", StringComparison.Ordinal)));
    }

    /// <summary>The server names its settings with <see cref="SettingKey"/>; other rooms write each key at most once.</summary>
    [Theory]
    [InlineData("Silo", 0)]
    [InlineData("Executors", 1)]
    [InlineData("Artifacts", 1)]
    public void KeysInStrings_AreNotRepeated(string room, int allowed)
    {
        var keys = Directory
            .EnumerateFiles(Path.Combine(Repository.Root, room), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal))
            .SelectMany(File.ReadLines)
            .Where(l => !l.TrimStart().StartsWith("///", StringComparison.Ordinal))
            .SelectMany(l => KeyInText().Matches(l).Select(m => m.Groups[1].Value))
            .Where(k => allowed == 0 || k.Contains(':', StringComparison.Ordinal));
        Assert.All(keys.GroupBy(k => k), g => Assert.True(g.Count() <= allowed, $"{room} writes Shipinator:{g.Key} {g.Count()} times."));
    }

    [Fact]
    public void KeysInTexts_ThatDoNotExist_AreFound()
    {
        Assert.ThrowsAny<Exception>(() => AssertKnown([("a text", "set Shipinator:Orleans:SiloPrt")]));
        Assert.ThrowsAny<Exception>(() => AssertKnown([("a text", "export SHIPINATOR__ORLEANS__SILOPRT=1")]));
        Assert.ThrowsAny<Exception>(() => AssertShortKeysKnown([("a text", "set `Orleans:SiloPrt` to 1")]));
    }

    /// <summary>Keys without the prefix, such as <c>Orleans:SiloPort</c> in a code span.</summary>
    private static void AssertShortKeysKnown(IEnumerable<(string Place, string Text)> texts)
    {
        var sections = SettingsTree
            .Root.Keys()
            .Where(k => k.Contains(':', StringComparison.Ordinal))
            .Select(k => k.Split(':')[0])
            .Distinct();
        var key = new Regex($"`((?:{string.Join('|', sections)})(?::[A-Za-z]\\w*)+)[ `]");
        var named = texts.SelectMany(t => key.Matches(t.Text).Select(m => (t.Place, Key: m.Groups[1].Value))).Distinct().ToList();
        Assert.NotEmpty(named);
        Assert.All(named, n => Assert.True(SettingsTree.Root.Contains(n.Key), $"{n.Place} names {n.Key}, which can't be set."));
    }

    private static void AssertKnown(IEnumerable<(string Place, string Text)> texts)
    {
        var named = texts
            .SelectMany(t =>
                KeyInText()
                    .Matches(t.Text)
                    .Select(m => (t.Place, Key: m.Groups[1].Value.Replace("__", ":", StringComparison.Ordinal).TrimEnd(':')))
            )
            .Distinct()
            .ToList();
        Assert.NotEmpty(named);
        Assert.All(named, n => Assert.True(SettingsTree.Root.Contains(n.Key), $"{n.Place} names Shipinator:{n.Key}, which can't be set."));
    }

    /// <summary>The failures for invalid values of each member, one at a time.</summary>
    private static List<string> Messages<T>(IValidateOptions<T> validator)
        where T : class
    {
        var messages = new List<string>();
        foreach (var make in Broken(typeof(T)))
        {
            messages.AddRange(validator.Validate(null, (T)make()).Failures ?? []);
        }

        return [.. messages.Distinct()];
    }

    private static IEnumerable<Func<object>> Broken(Type type)
    {
        foreach (var property in type.GetProperties())
        {
            foreach (var value in Wrong(property.PropertyType).Where(_ => property.SetMethod is { IsPublic: true }))
            {
                yield return () => With(type, property, value);
            }

            if (property.GetValue(Activator.CreateInstance(type)) is IDictionary<string, int>)
            {
                yield return () =>
                {
                    var options = Activator.CreateInstance(type)!;
                    ((IDictionary<string, int>)property.GetValue(options)!)["x"] = -1;
                    return options;
                };
            }

            if (property.PropertyType.Namespace == typeof(ShipinatorOptions).Namespace && property.PropertyType.IsClass)
            {
                foreach (var inner in Broken(property.PropertyType))
                {
                    yield return () => With(type, property, inner());
                }
            }
        }
    }

    private static object With(Type type, PropertyInfo property, object? value)
    {
        var options = Activator.CreateInstance(type)!;
        property.SetValue(options, value);
        return options;
    }

    private static object?[] Wrong(Type type) =>
        type == typeof(int) ? [-1, 0, 70000]
        : type == typeof(long) ? [-1L]
        : type == typeof(TimeSpan) ? [TimeSpan.FromSeconds(-1), TimeSpan.Zero]
        : type == typeof(string) ? ["/ not , good", ""]
        : type == typeof(bool) ? [true]
        : type == typeof(Uri) ? [new Uri("ftp://x"), new Uri("x", UriKind.Relative)]
        : type == typeof(long?) ? [0L]
        : type == typeof(ClusteringKind) ? [ClusteringKind.AdoNet]
        : type == typeof(Dictionary<string, string>) ? [new Dictionary<string, string> { ["shipinator.io/x"] = "not good !" }]
        : type == typeof(List<Executors.Kubernetes.TolerationSetting>)
            ?
            [
                new List<Executors.Kubernetes.TolerationSetting>
                {
                    new() { Operator = "x", Effect = "y" },
                },
            ]
        : [];

    private static string Another(object? value, Type type) =>
        type == typeof(TimeSpan) ? ((TimeSpan)value! + TimeSpan.FromSeconds(1)).ToString()
        : type == typeof(bool) ? (!(bool)value!).ToString()
        : type == typeof(int) || type == typeof(long) || type == typeof(uint)
            ? (Convert.ToInt64(value, CultureInfo.InvariantCulture) + 1).ToString(CultureInfo.InvariantCulture)
        : type == typeof(string) ? "/another"
        : throw new NotSupportedException($"{type}: add another value of this type to the test.");

    private static List<string> Refused(params (string Key, string Value)[] settings) =>
        [.. Assert.Throws<OptionsValidationException>(() => Settings.Read(Of(settings))).Failures];

    private static IEnumerable<string> Failures<T>(IValidateOptions<T> validator, string section, string key, string value)
        where T : class, new()
    {
        var options = new T();
        Settings.Bind(Of(($"Shipinator:{section}:{key}", value)), section, options);
        return validator.Validate(null, options).Failures ?? [];
    }

    private static IConfiguration Of(params (string Key, string Value)[] settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(s => s.Key, s => (string?)s.Value)).Build();

    [GeneratedRegex(@"\b(?:Shipinator:|SHIPINATOR__)(?!KEY\b|Key\b)([A-Za-z]\w*(?::[A-Za-z]\w*)*)")]
    private static partial Regex KeyInText();
}
