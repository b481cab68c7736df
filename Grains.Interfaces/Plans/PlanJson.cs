using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shipinator;

/// <summary>The JSON format of plans and specs, in <c>jsonb</c> and in the API: snake_case; absent members have their defaults.</summary>
public static class PlanJson
{
    /// <summary>
    /// Reflection, not source generation: generated code overwrites the defaults of init-only properties that the text omits, and plans
    /// of older versions must keep them.
    /// </summary>
    public static JsonSerializerOptions Options { get; } = Create();

    public static string Serialize<T>(T value) => JsonSerializer.Serialize(value, Options);

    /// <summary>Errors: <see cref="JsonException"/>.</summary>
    public static T Deserialize<T>(string json) =>
        JsonSerializer.Deserialize<T>(json, Options) ?? throw new JsonException($"Expected a {typeof(T).Name}, but was null.");

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
