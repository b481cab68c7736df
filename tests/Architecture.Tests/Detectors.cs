using System.Text.RegularExpressions;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Shipinator.Architecture.Tests;

/// <summary>A violation and where it is: one line of a failure.</summary>
internal sealed record Finding(string Where, string What)
{
    public override string ToString() => $"{Where}: {What}";
}

/// <summary>Reads compiled code. <see cref="DetectorTests"/> shows each of them a deliberate violation.</summary>
internal static partial class Detectors
{
    /// <summary>Every type of a module, nested ones included.</summary>
    public static IEnumerable<TypeDefinition> AllTypes(ModuleDefinition module) => module.GetTypes();

    /// <summary>Which types use a type whose full name is forbidden: in signatures, bodies, bases, attributes.</summary>
    public static IEnumerable<Finding> TypeUses(IEnumerable<TypeDefinition> types, Func<string, bool> forbidden) =>
        types
            .SelectMany(t =>
                Uses(t).SelectMany(Flatten).Select(used => used.FullName).Where(forbidden).Select(used => new Finding(Owner(t), used))
            )
            .Distinct();

    /// <summary>Which types call (or take as a delegate) a method that is forbidden, as <c>Full.Type::Method</c>.</summary>
    public static IEnumerable<Finding> Calls(IEnumerable<TypeDefinition> types, Func<string, bool> forbidden) =>
        types
            .SelectMany(t =>
                Instructions(t)
                    .Select(i => i.Operand)
                    .OfType<MethodReference>()
                    .Select(m => $"{m.DeclaringType.GetElementType().FullName}::{m.Name}")
                    .Where(forbidden)
                    .Select(m => new Finding(Owner(t), m))
            )
            .Distinct();

    /// <summary>String literals that look like SQL statements.</summary>
    public static IEnumerable<Finding> SqlLiterals(IEnumerable<TypeDefinition> types) =>
        types
            .SelectMany(t =>
                Instructions(t)
                    .Select(i => i.Operand)
                    .OfType<string>()
                    .Concat(t.Fields.Where(f => f.HasConstant).Select(f => f.Constant).OfType<string>())
                    .Where(text => Sql().IsMatch(text))
                    .Select(text => new Finding(Owner(t), text))
            )
            .Distinct();

    /// <summary>The first string argument of an attribute; null when there is no such attribute, empty when it has none.</summary>
    public static string? AttributeText(ICustomAttributeProvider on, string attribute) =>
        on.CustomAttributes.FirstOrDefault(a => a.AttributeType.FullName == attribute) is { } found
            ? found.ConstructorArguments.Select(a => a.Value).OfType<string>().FirstOrDefault() ?? ""
            : null;

    /// <summary>Interfaces whose calls cross silo boundaries.</summary>
    public static IEnumerable<TypeDefinition> GrainInterfaces(IEnumerable<TypeDefinition> types) =>
        types.Where(t =>
            t.IsInterface
            && t.Interfaces.Any(i =>
                i.InterfaceType.FullName is "Orleans.IGrain" or "Orleans.Runtime.IAddressable" or "Orleans.IGrainObserver"
            )
        );

    /// <summary>Grain interfaces and methods without an alias.</summary>
    public static IEnumerable<Finding> GrainsWithoutAlias(IEnumerable<TypeDefinition> types) =>
        GrainInterfaces(types)
            .SelectMany(t =>
                t.Methods.Where(m => string.IsNullOrEmpty(AttributeText(m, Alias)))
                    .Select(m => new Finding(t.FullName, m.Name))
                    .Concat(
                        AttributeText(t, Alias) is { } alias && AliasForm().IsMatch(alias)
                            ? []
                            : [new Finding(t.FullName, "the interface itself")]
                    )
            );

    /// <summary>Types with <c>[GenerateSerializer]</c> and their aliases.</summary>
    public static IEnumerable<(TypeDefinition Type, string? Alias)> Serialized(IEnumerable<TypeDefinition> types) =>
        types.Where(t => AttributeText(t, "Orleans.GenerateSerializerAttribute") is not null).Select(t => (t, AttributeText(t, Alias)));

    /// <summary>Serialized types whose alias is missing, malformed or already taken.</summary>
    public static IEnumerable<Finding> BadAliases(IEnumerable<TypeDefinition> types)
    {
        var all = Serialized(types).ToList();
        return all.Where(s => s.Alias is null || !AliasForm().IsMatch(s.Alias))
            .Select(s => new Finding(s.Type.FullName, s.Alias is null ? "no alias" : $"alias '{s.Alias}'"))
            .Concat(
                all.GroupBy(s => s.Alias)
                    .Where(g => g.Key is not null && g.Count() > 1)
                    .SelectMany(g => g.Select(s => new Finding(s.Type.FullName, $"alias '{s.Alias}' is taken")))
            );
    }

    /// <summary>Every <c>[PersistentState]</c>: the grain, the state's name and its storage.</summary>
    public static IEnumerable<(string Grain, string? Name, string? Storage)> PersistentStates(IEnumerable<TypeDefinition> types) =>
        types.SelectMany(t =>
            t.Methods.Where(m => m.IsConstructor)
                .SelectMany(m => m.Parameters)
                .SelectMany(p => p.CustomAttributes)
                .Where(a => a.AttributeType.FullName == "Orleans.Runtime.PersistentStateAttribute")
                .Select(a =>
                    (t.FullName, a.ConstructorArguments[0].Value as string, a.ConstructorArguments.ElementAtOrDefault(1).Value as string)
                )
        );

    /// <summary>State names that two grain classes share: each would read the other's rows.</summary>
    public static IEnumerable<Finding> SharedStateNames(IEnumerable<TypeDefinition> types) =>
        PersistentStates(types)
            .Distinct()
            .GroupBy(s => s.Name)
            .Where(g => string.IsNullOrWhiteSpace(g.Key) || g.Count() > 1)
            .SelectMany(g => g.Select(s => new Finding(s.Grain, $"state '{s.Name}'")));

    private const string Alias = "Orleans.AliasAttribute";

    private static string Owner(TypeDefinition type)
    {
        while (type.DeclaringType is not null)
        {
            type = type.DeclaringType;
        }

        return type.FullName;
    }

    private static IEnumerable<Instruction> Instructions(TypeDefinition type) =>
        type.Methods.Where(m => m.HasBody).SelectMany(m => m.Body.Instructions);

    private static IEnumerable<TypeReference> Uses(TypeDefinition type)
    {
        var attributes = new ICustomAttributeProvider[] { type }
            .Concat(type.Methods)
            .Concat(type.Fields)
            .Concat(type.Properties)
            .Concat(type.Methods.SelectMany(m => m.Parameters));
        return (type.BaseType is null ? [] : new[] { type.BaseType })
            .Concat(type.Interfaces.Select(i => i.InterfaceType))
            .Concat(type.Fields.Select(f => f.FieldType))
            .Concat(type.Methods.SelectMany(Signature))
            .Concat(type.Methods.Where(m => m.HasBody).SelectMany(m => m.Body.Variables).Select(v => v.VariableType))
            .Concat(attributes.SelectMany(a => a.CustomAttributes).Select(a => a.AttributeType))
            .Concat(
                Instructions(type)
                    .SelectMany(i =>
                        i.Operand switch
                        {
                            TypeReference t => [t],
                            FieldReference f => [f.DeclaringType, f.FieldType],
                            GenericInstanceMethod m => Signature(m).Append(m.DeclaringType).Concat(m.GenericArguments),
                            MethodReference m => Signature(m).Append(m.DeclaringType),
                            _ => Enumerable.Empty<TypeReference>(),
                        }
                    )
            );
    }

    private static IEnumerable<TypeReference> Signature(MethodReference method) =>
        method.Parameters.Select(p => p.ParameterType).Append(method.ReturnType);

    private static IEnumerable<TypeReference> Flatten(TypeReference type) =>
        type switch
        {
            GenericInstanceType g => g.GenericArguments.SelectMany(Flatten).Append(g.ElementType),
            TypeSpecification s => Flatten(s.ElementType),
            _ => [type],
        };

    // A sentence begins with one capital letter, a statement with a word in one case.
    [GeneratedRegex(
        @"^\s*(?-i:(?=[A-Z]+\b|[a-z]+\b))(SELECT\b.+\bFROM\b|INSERT\s+INTO\b|UPDATE\s+[\w.""]+\s+SET\b|"
            + @"DELETE\s+FROM\b|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|DATABASE|ROLE|USER|SCHEMA|FUNCTION|VIEW)\b|"
            + @"WITH\s+\w+\s+AS\s*\(|TRUNCATE\s+\w+|(LISTEN|NOTIFY)\s+\w+$)",
        RegexOptions.IgnoreCase | RegexOptions.Singleline
    )]
    private static partial Regex Sql();

    [GeneratedRegex(@"^shipinator(\.[a-z0-9]+(-[a-z0-9]+)*)+(`\d+)?$")]
    private static partial Regex AliasForm();
}
