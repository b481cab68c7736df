using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shipinator;

/// <summary>How plans and specs are kept in <c>jsonb</c> and shown by the API: snake_case; what is absent has its default.</summary>
public static class PlanJson
{
    /// <summary>
    /// Reflection, not source generation: generated code overwrites the defaults of init-only properties that the text
    /// leaves out, and plans of older versions must keep them.
    /// </summary>
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>The text of a plan or spec.</summary>
    public static string Serialize<T>(T value) => JsonSerializer.Serialize(value, Options);

    /// <summary>Reads a stored plan or spec. Errors: <see cref="JsonException"/>.</summary>
    public static T Deserialize<T>(string json) =>
        JsonSerializer.Deserialize<T>(json, Options) ?? throw new JsonException($"A {typeof(T).Name} is expected, not null.");

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            TypeInfoResolver = new System.Text.Json.Serialization.Metadata.DefaultJsonTypeInfoResolver(),
        };
        options.MakeReadOnly();
        return options;
    }
}
