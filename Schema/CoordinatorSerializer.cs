using System.Text.Json;
using Orleans.Storage;

namespace Shipinator.Schema;

/// <summary>
/// Serializes coordinators' state as plain JSON without type or assembly names, so that a renamed class still reads its state and it can be
/// read in <c>psql</c>.
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
            ?? throw new JsonException($"Expected a stored {typeof(T).Name}, but found null.");
    }
}
