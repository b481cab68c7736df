using System.Text.Json;
using Orleans.Storage;

namespace Shipinator.Schema;

/// <summary>
/// Coordinators' state as plain JSON: no type or assembly names, so that a renamed class still reads its state and a person
/// can read it in <c>psql</c>.
/// </summary>
public sealed class CoordinatorSerializer : IGrainStorageSerializer
{
    /// <inheritdoc/>
    public BinaryData Serialize<T>(T? input) => new(JsonSerializer.SerializeToUtf8Bytes(input, PlanJson.Options));

    /// <inheritdoc/>
    public T Deserialize<T>(BinaryData input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return JsonSerializer.Deserialize<T>(input.ToMemory().Span, PlanJson.Options)
            ?? throw new JsonException($"A stored {typeof(T).Name} is expected, not null.");
    }
}
