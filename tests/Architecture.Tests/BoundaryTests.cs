using System.Text.RegularExpressions;

namespace Shipinator.Architecture.Tests;

/// <summary>The "must not use" column of docs/architecture.md, checked against the compiled rooms.</summary>
public sealed class BoundaryTests
{
    private const string Sql = @"Npgsql\.|System\.Data\.|DbUp\.";
    private const string Kubernetes = @"k8s\.";
    private const string AspNet = @"Microsoft\.AspNetCore\.";
    private const string Http = @"System\.Net\.Http";
    private const string Network = @"System\.Net\.";
    private const string Grains =
        @"Orleans\.Grain$|Orleans\.IGrain\b|Orleans\.IGrainFactory|Orleans\.IClusterClient|Orleans\.Runtime\.|Shipinator\.I\w+Grain$";

    /// <summary>All of <c>System.IO</c> that can reach outside the process; readers and writers of text in memory are allowed.</summary>
    private const string InputOutput =
        @"System\.IO\.(?!(TextReader|TextWriter|StringReader|StringWriter|MemoryStream)$)"
        + @"|System\.Console$|System\.Diagnostics\.Process|System\.Threading\.Timer$";

    [Theory]
    [InlineData("Grains.Interfaces", Sql, Network, AspNet, Kubernetes)]
    [InlineData("Pipelines", Sql, Network, AspNet, Kubernetes, InputOutput, Grains)]
    [InlineData("Grains", Sql, Network, AspNet, Kubernetes, @"System\.IO\.(File|Directory|Path)")]
    [InlineData("Schema", AspNet, Http, Kubernetes)]
    [InlineData("Executors", Sql, AspNet, @"System\.Net\.HttpListener", Grains)]
    [InlineData("Artifacts", Sql, AspNet, Kubernetes, Grains)]
    [InlineData("Forges", Sql, AspNet, Kubernetes, Grains)]
    [InlineData("Triggers", Sql, AspNet, Http, Kubernetes)]
    [InlineData("WebFrontend", Sql, Kubernetes)]
    [InlineData("Silo", Sql, Kubernetes)]
    [InlineData("Runner", Sql, AspNet, Kubernetes, @"Orleans\.")]
    [InlineData("Client", Sql, AspNet, Kubernetes, @"Orleans\.", @"Shipinator\.(?!Client\b)")]
    [InlineData("Cli", Sql, AspNet, Kubernetes, @"Orleans\.")]
    public void Room_UsesNoForbiddenType(string room, params string[] walls)
    {
        var forbidden = new Regex($"^({string.Join('|', walls)})");
        None(Detectors.TypeUses(Detectors.AllTypes(SourceTree.Room(room).Module), forbidden.IsMatch));
    }

    [Fact]
    public void EveryRoom_HasItsRules()
    {
        var walled = typeof(BoundaryTests)
            .GetMethod(nameof(Room_UsesNoForbiddenType))!
            .GetCustomAttributesData()
            .Where(a => a.AttributeType == typeof(InlineDataAttribute))
            .Select(a =>
                (string)((IReadOnlyList<System.Reflection.CustomAttributeTypedArgument>)a.ConstructorArguments[0].Value!)[0].Value!
            );
        Assert.Equal(SourceTree.Rooms.Select(r => r.Name).Order(StringComparer.Ordinal), walled.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Executors_KubernetesTypes_StayInTheirFolder() =>
        None(
            Detectors.TypeUses(
                Detectors
                    .AllTypes(SourceTree.Room("Executors").Module)
                    .Where(t => !t.FullName.StartsWith("Shipinator.Executors.Kubernetes.", StringComparison.Ordinal)),
                name => name.StartsWith("k8s.", StringComparison.Ordinal)
            )
        );

    [Fact]
    public void SqlText_IsInSchemaAlone() =>
        None(SourceTree.Rooms.Where(r => r.Name != "Schema").SelectMany(r => Detectors.SqlLiterals(Detectors.AllTypes(r.Module))));

    [Fact]
    public void Schema_ContainsSqlText_SoTheDetectorSeesRealCode() =>
        Assert.NotEmpty(Detectors.SqlLiterals(Detectors.AllTypes(SourceTree.Room("Schema").Module)));

    [Fact]
    public void Grains_NeverBlockAThread() =>
        None(
            Detectors.Calls(
                Detectors.AllTypes(SourceTree.Room("Grains").Module),
                call =>
                    call
                        is "System.Threading.Monitor::Enter"
                            or "System.Threading.Monitor::TryEnter"
                            or "System.Threading.Tasks.Task::Wait"
                            or "System.Threading.Tasks.Task::WaitAll"
                            or "System.Threading.Tasks.Task::WaitAny"
                            or "System.Threading.Lock::EnterScope"
            )
        );

    [Fact]
    public void Rooms_TakeTimeAndIdsFromATimeProvider() =>
        None(SourceTree.Rooms.SelectMany(r => Detectors.Calls(Detectors.AllTypes(r.Module), Banned)));

    /// <summary>The calls that <c>BannedSymbols.txt</c> bans: a suppressed warning doesn't get past this test.</summary>
    internal static bool Banned(string call) =>
        call
            is "System.DateTime::get_UtcNow"
                or "System.DateTime::get_Now"
                or "System.DateTimeOffset::get_UtcNow"
                or "System.DateTimeOffset::get_Now"
                or "System.Guid::NewGuid"
                or "System.Threading.Thread::Sleep"
        || call.StartsWith("System.Diagnostics.Stopwatch::", StringComparison.Ordinal);

    internal static void None(IEnumerable<Finding> findings)
    {
        var all = findings.Select(f => f.ToString()).Distinct().Order(StringComparer.Ordinal).ToList();
        Assert.True(all.Count == 0, string.Join('\n', all.Prepend($"{all.Count} found:")));
    }
}
