using Mono.Cecil;

namespace Shipinator.Architecture.Tests;

/// <summary>
/// A detector that sees nothing would let every test pass: each is shown the violations of <c>Planted.cs</c>, and code that is none.
/// </summary>
public sealed class DetectorTests
{
    private static readonly ModuleDefinition Module = ModuleDefinition.ReadModule(typeof(DetectorTests).Assembly.Location);

    private static List<TypeDefinition> Planted =>
        [
            .. Detectors
                .AllTypes(Module)
                .Where(t =>
                    t.FullName.Split('.', '/').Any(part => part.StartsWith("Planted", StringComparison.Ordinal) || part == "IPlantedGrain")
                ),
        ];

    [Fact]
    public void TypeUses_SeesUsesInAsyncBodiesAndIterators()
    {
        Assert.Contains(
            Detectors.TypeUses(Planted, n => n.StartsWith("Npgsql.", StringComparison.Ordinal)),
            f => Short(f) == nameof(PlantedSql)
        );
        Assert.Equal([nameof(PlantedFiles)], Detectors.TypeUses(Planted, n => n == "System.IO.File").Select(Short));
        Assert.Equal([nameof(PlantedFiles)], Detectors.TypeUses(Planted, n => n == "System.IO.StringReader").Select(Short));
    }

    [Fact]
    public void SqlLiterals_SeesStatementsButNotSentences() =>
        Assert.Equal(
            ["UPDATE jobs SET name = ", "select id from jobs where status = 'running'"],
            Detectors.SqlLiterals(Planted).Select(f => f.What).Order(StringComparer.Ordinal)
        );

    [Fact]
    public void Calls_SeesCallsInAsyncBodiesAndDelegates() =>
        Assert.Equal(
            ["System.DateTimeOffset::get_UtcNow", "System.Guid::NewGuid"],
            Detectors.Calls(Planted, BoundaryTests.Banned).Select(f => f.What).Order(StringComparer.Ordinal)
        );

    [Fact]
    public void Calls_SeesARestoredLifecycle() =>
        Assert.Equal([nameof(PlantedRestore)], Detectors.Calls(Planted, c => c == "Shipinator.Lifecycle::Restore").Select(Short));

    [Fact]
    public void GrainsWithoutAlias_SeesInterfaceAndMethod() =>
        Assert.Equal(
            ["Nameless", "the interface itself"],
            Detectors.GrainsWithoutAlias(Planted).Select(f => f.What).Order(StringComparer.Ordinal)
        );

    [Fact]
    public void BadAliases_SeesMissingMalformedAndTaken() =>
        Assert.Equal(
            [nameof(PlantedFirst), nameof(PlantedPascal), nameof(PlantedSecond), nameof(PlantedWithoutAlias)],
            Detectors.BadAliases(Planted).Select(Short).Order(StringComparer.Ordinal)
        );

    [Fact]
    public void SharedStateNames_SeesBothGrains() =>
        Assert.Equal(
            [nameof(PlantedGrainA), nameof(PlantedGrainB)],
            Detectors.SharedStateNames(Planted).Select(Short).Order(StringComparer.Ordinal)
        );

    private static string Short(Finding finding) => finding.Where[(finding.Where.LastIndexOf('.') + 1)..];
}
