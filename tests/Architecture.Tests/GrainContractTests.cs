using System.Text.RegularExpressions;
using Mono.Cecil;

namespace Shipinator.Architecture.Tests;

/// <summary>
/// What must not change under a running cluster or a stored state: names on the wire and in storage, and which code may change a state.
/// </summary>
public sealed partial class GrainContractTests
{
    private static IEnumerable<TypeDefinition> AllTypes => SourceTree.Rooms.SelectMany(r => Detectors.AllTypes(r.Module));

    [Fact]
    public void GrainInterfaces_AndTheirMethods_HaveAliases()
    {
        Assert.NotEmpty(Detectors.GrainInterfaces(AllTypes));
        BoundaryTests.None(Detectors.GrainsWithoutAlias(AllTypes));
    }

    [Fact]
    public void GrainInterfaces_MethodAliases_AreUniqueInTheirInterface() =>
        BoundaryTests.None(
            Detectors
                .GrainInterfaces(AllTypes)
                .SelectMany(t =>
                    t.Methods.GroupBy(m => Detectors.AttributeText(m, "Orleans.AliasAttribute"))
                        .Where(g => g.Count() > 1)
                        .Select(g => new Finding(t.FullName, $"alias '{g.Key}' is taken"))
                )
        );

    [Fact]
    public void SerializedTypes_HaveUniqueWellFormedAliases()
    {
        Assert.NotEmpty(Detectors.Serialized(AllTypes));
        BoundaryTests.None(Detectors.BadAliases(AllTypes));
    }

    [Fact]
    public void Exceptions_ThatAreOurs_AreSerialized() =>
        BoundaryTests.None(
            AllTypes
                .Where(t =>
                    t.BaseType?.FullName == "Shipinator.ShipinatorException"
                    && Detectors.AttributeText(t, "Orleans.GenerateSerializerAttribute") is null
                )
                .Select(t => new Finding(t.FullName, "has no [GenerateSerializer]"))
        );

    [Fact]
    public void Names_OnTheWireAndInStorage_AreLiterals()
    {
        var byName = SourceTree
            .Files("*.cs")
            .Where(f => !f.Contains("Architecture.Tests", StringComparison.Ordinal))
            .SelectMany(f =>
                NotLiteral().Matches(File.ReadAllText(f)).Select(m => new Finding(Path.GetRelativePath(SourceTree.Root, f), m.Value))
            );
        BoundaryTests.None(byName);
    }

    [Fact]
    public void StateNames_AreUniqueAndTheirStorageIsKnown()
    {
        var storages = SourceTree
            .Room("Grains.Interfaces")
            .Module.GetType("Shipinator.StorageNames")
            .Fields.Select(f => (string)f.Constant)
            .ToList();
        var states = Detectors.PersistentStates(AllTypes).ToList();
        Assert.NotEmpty(states);
        BoundaryTests.None(Detectors.SharedStateNames(AllTypes));
        BoundaryTests.None(states.Where(s => !storages.Contains(s.Storage!)).Select(s => new Finding(s.Grain, $"storage '{s.Storage}'")));
    }

    [Fact]
    public void Lifecycle_IsRestoredByStorageOnly() =>
        BoundaryTests.None(
            SourceTree
                .Rooms.Where(r => r.Name != "Schema")
                .SelectMany(r => Detectors.Calls(Detectors.AllTypes(r.Module), c => c == "Shipinator.Lifecycle::Restore"))
        );

    [Fact]
    public void Lifecycle_MovesOnlyInsideGrains() =>
        BoundaryTests.None(
            SourceTree
                .Rooms.Where(r => r.Name is not ("Grains" or "Grains.Interfaces"))
                .SelectMany(r => Detectors.Calls(Detectors.AllTypes(r.Module), c => c == "Shipinator.Lifecycle::MoveTo"))
        );

    [Fact]
    public void Grains_HaveUniqueWellFormedTypeNames()
    {
        var grains = AllTypes
            .Where(t => !t.IsAbstract && Bases(t).Contains("Orleans.Grain"))
            .Select(t => (t.FullName, Type: Detectors.AttributeText(t, "Orleans.GrainTypeAttribute")))
            .ToList();
        Assert.NotEmpty(grains);
        BoundaryTests.None(
            grains
                .Where(g => g.Type?.StartsWith("shipinator.", StringComparison.Ordinal) != true || grains.Count(o => o.Type == g.Type) > 1)
                .Select(g => new Finding(g.FullName, $"grain type '{g.Type}'"))
        );
    }

    [Fact]
    public void Lifecycle_CannotBeCreatedElsewhere()
    {
        var life = SourceTree.Room("Grains.Interfaces").Module.GetType("Shipinator.Lifecycle");
        Assert.All(life.Methods.Where(m => m.IsConstructor && !m.IsStatic), c => Assert.True(c.IsPrivate, c.FullName));
        Assert.True(life.IsSealed);
        Assert.DoesNotContain(life.Properties, p => p.SetMethod is not null);
        Assert.All(life.Fields.Where(f => !f.IsStatic), f => Assert.True(f.IsPrivate && f.IsInitOnly, f.FullName));
        // The methods that return one: creation, the table's move and fold, and storage's restore.
        Assert.Equal(
            ["Begin", "Fold", "MoveTo", "Restore"],
            life.Methods.Where(m => m.IsPublic && m.ReturnType.FullName == life.FullName && !m.Name.StartsWith('<'))
                .Select(m => m.Name)
                .Order(StringComparer.Ordinal)
        );
    }

    private static IEnumerable<string> Bases(TypeDefinition type)
    {
        // Only our own modules are resolved: a base type outside them ends the chain.
        for (var at = type.BaseType; at is not null; at = (at.GetElementType() as TypeDefinition)?.BaseType)
        {
            yield return at.GetElementType().FullName;
        }
    }

    [GeneratedRegex(@"\[[^\]\n]*\b(Alias|GrainType|PersistentState)\(\s*(?!"")[^)]{1,60}")]
    private static partial Regex NotLiteral();
}
