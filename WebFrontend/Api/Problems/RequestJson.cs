using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Shipinator.Schema;

namespace Shipinator.WebFrontend.Api.Problems;

/// <summary>Reads the JSON of requests strictly; every <see cref="JsonException"/> becomes a 400.</summary>
internal static class RequestJson
{
    public static void Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.RespectNullableAnnotations = true;
        options.AllowDuplicateProperties = false;
        options.MaxDepth = 32;
        options.TypeInfoResolver = (options.TypeInfoResolver ?? new DefaultJsonTypeInfoResolver()).WithAddedModifier(CheckValues);
    }

    /// <summary>
    /// Refuses text that the database can't store, wherever it occurs, and null in a list or a map: the serializer does not check the
    /// nullability of elements.
    /// </summary>
    private static void CheckValues(JsonTypeInfo type)
    {
        foreach (var property in type.Kind == JsonTypeInfoKind.Object ? type.Properties : [])
        {
            if (property.Set is { } set && typeof(IEnumerable).IsAssignableFrom(property.PropertyType))
            {
                property.Set = (target, value) =>
                {
                    Check(property.Name, value);
                    set(target, value);
                };
            }
        }
    }

    private static void Check(string name, object? value)
    {
        switch (value)
        {
            case string text when StorableText.Flaw(text) is { } flaw:
                throw new JsonException($"{name} {flaw}.");
            case string or null:
                return;
            case IReadOnlyDictionary<string, string> map:
                foreach (var (key, entry) in map)
                {
                    Check(name, key);
                    CheckElement(name, entry);
                }

                return;
            case IEnumerable list:
                foreach (var element in list)
                {
                    CheckElement(name, element);
                }

                return;
        }
    }

    private static void CheckElement(string name, object? element)
    {
        if (element is null)
        {
            throw new JsonException($"{name} must not contain null.");
        }

        Check(name, element);
    }
}
