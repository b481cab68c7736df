using System.Globalization;
using System.Text.RegularExpressions;
using Mono.Cecil;

namespace Shipinator.Architecture.Tests;

/// <summary>Event ids identify log messages for operators: explicit, unique, and within the room's range of CONTRIBUTING.md.</summary>
public sealed partial class LogMessageTests
{
    private const string Attribute = "Microsoft.Extensions.Logging.LoggerMessageAttribute";

    [Fact]
    public void EventIds_AreUniqueAndInTheRangeOfTheirRoom()
    {
        var ranges = Ranges(File.ReadAllText(Path.Combine(SourceTree.Root, "CONTRIBUTING.md")));
        var messages = SourceTree.Rooms.SelectMany(room => Messages(room.Name, Detectors.AllTypes(room.Module))).ToList();
        Assert.True(messages.Count > 20, $"{messages.Count} messages");
        BoundaryTests.None(Violations(messages, ranges));
        Assert.Equal(ranges.Count, ranges.Keys.Intersect(SourceTree.Rooms.Select(r => r.Name)).Count());
    }

    [Fact]
    public void Texts_EndWithoutAPeriod() =>
        BoundaryTests.None(Periods(SourceTree.Rooms.SelectMany(room => Messages(room.Name, Detectors.AllTypes(room.Module)))));

    [Fact]
    public void Periods_SeesOneAtTheEndOnly() =>
        Assert.Equal(
            ["B"],
            Periods([
                    new("Grains", "A", 1000, "Stopped. Retrying in {Delay}"),
                    new("Grains", "B", 1001, "Stopped."),
                    new("Grains", "C", 1002),
                ])
                .Select(f => f.Where)
        );

    [Fact]
    public void Rooms_LogThroughLoggerMessage_BecauseAPlainCallHasNoEventId() =>
        BoundaryTests.None(
            SourceTree.Rooms.SelectMany(r =>
                Detectors.Calls(
                    Detectors.AllTypes(r.Module),
                    call => call.StartsWith("Microsoft.Extensions.Logging.LoggerExtensions::Log", StringComparison.Ordinal)
                )
            )
        );

    [Fact]
    public void Violations_SeesMissingDuplicateAndMisplacedIds()
    {
        var ranges = new Dictionary<string, (int, int)> { ["Grains"] = (1000, 1999) };
        LogMessage[] messages =
        [
            new("Grains", "A", 1000),
            new("Grains", "B", 1001),
            new("Grains", "C", 1001),
            new("Grains", "D", 2000),
            new("Grains", "E", null),
            new("Cli", "F", 1),
        ];
        Assert.Equal(["B", "C", "D", "E", "F"], Violations(messages, ranges).Select(f => f.Where).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Messages_ReadsBothFormsOfTheAttribute() =>
        Assert.Equal(
            [("Named", (int?)2, "named"), ("Positional", 1, "positional"), ("Without", null, "without")],
            Messages("Planted", Detectors.AllTypes(ModuleDefinition.ReadModule(typeof(PlantedLog).Assembly.Location)))
                .Where(m => m.Where.Contains(nameof(PlantedLog), StringComparison.Ordinal))
                .Select(m => (m.Where.Split('.')[^1], m.Id, m.Text))
                .Order()
        );

    private sealed record LogMessage(string Room, string Where, int? Id, string Text = "");

    private static IEnumerable<LogMessage> Messages(string room, IEnumerable<TypeDefinition> types) =>
        from type in types
        from method in type.Methods
        from attribute in method.CustomAttributes
        where attribute.AttributeType.FullName == Attribute
        select new LogMessage(room, $"{type.FullName}.{method.Name}", EventId(attribute), Text(attribute));

    private static string Text(CustomAttribute attribute) =>
        attribute
            .Properties.Where(p => p.Name == "Message")
            .Select(p => p.Argument.Value)
            .Concat(attribute.ConstructorArguments.Select(a => a.Value))
            .OfType<string>()
            .FirstOrDefault("");

    private static IEnumerable<Finding> Periods(IEnumerable<LogMessage> messages) =>
        messages.Where(m => m.Text.EndsWith('.')).Select(m => new Finding(m.Where, "ends with a period"));

    private static int? EventId(CustomAttribute attribute) =>
        attribute.ConstructorArguments is [{ Value: int positional }, ..]
        && attribute.ConstructorArguments[0].Type.FullName == "System.Int32"
            ? positional
            : attribute.Properties.Where(p => p.Name == "EventId").Select(p => (int?)(int)p.Argument.Value).FirstOrDefault();

    private static IEnumerable<Finding> Violations(
        IReadOnlyList<LogMessage> messages,
        IReadOnlyDictionary<string, (int First, int Last)> ranges
    ) => messages.Select(m => new Finding(m.Where, Trouble(m, messages, ranges) ?? "")).Where(f => f.What.Length > 0);

    private static string? Trouble(
        LogMessage message,
        IReadOnlyList<LogMessage> all,
        IReadOnlyDictionary<string, (int First, int Last)> ranges
    ) =>
        message.Id is not { } id ? "has no event id"
        : !ranges.TryGetValue(message.Room, out var range) ? $"the room {message.Room} has no range in CONTRIBUTING.md"
        : id < range.First || id > range.Last ? $"event id {id} is not between {range.First} and {range.Last}"
        : all.Count(m => m.Id == id) > 1 ? $"event id {id} is used twice"
        : null;

    private static Dictionary<string, (int First, int Last)> Ranges(string contributing) =>
        Row()
            .Matches(contributing[contributing.IndexOf("## Log messages", StringComparison.Ordinal)..])
            .ToDictionary(m => m.Groups["room"].Value, m => (Number(m.Groups["first"]), Number(m.Groups["last"])));

    private static int Number(Group group) => int.Parse(group.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\| (?<room>[\w.]+) \| (?<first>\d{4})–(?<last>\d{4}) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
