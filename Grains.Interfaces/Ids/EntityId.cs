using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shipinator;

/// <summary>The common interface of typed ids, so that parsing, JSON and storage are implemented once.</summary>
public interface IEntityId<TSelf>
    where TSelf : struct, IEntityId<TSelf>
{
    /// <summary>The UUID itself, as the database keeps it.</summary>
    Guid Value { get; }

    /// <summary>Wraps a UUID that is known to identify this kind of entity.</summary>
    static abstract TSelf From(Guid value);
}

/// <summary>Creates and strictly parses typed ids.</summary>
public static class EntityId
{
    /// <summary>
    /// A UUID version 7 at the current time of <paramref name="time"/>. The twelve bits after the milliseconds are their fraction (RFC 9562
    /// §6.2, method 3): the order of ids is the order of creation, also within a millisecond.
    /// </summary>
    public static Guid NewValue(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        var now = time.GetUtcNow();
        var fraction = now.Ticks % TimeSpan.TicksPerMillisecond * 4096 / TimeSpan.TicksPerMillisecond;
        Span<byte> bytes = stackalloc byte[16];
        Guid.CreateVersion7(now).TryWriteBytes(bytes, bigEndian: true, out _);
        (bytes[6], bytes[7]) = ((byte)(0x70 | (fraction >> 8)), (byte)fraction);
        return new(bytes, bigEndian: true);
    }

    /// <summary>Parses only the canonical 36-character form; braces, missing hyphens and the empty UUID are rejected.</summary>
    public static bool TryParse<T>([NotNullWhen(true)] string? text, out T id)
        where T : struct, IEntityId<T>
    {
        // Guid's own parser trims white space and accepts "0x" and "+", so its result is compared with the text.
        Span<char> canonical = stackalloc char[36];
        if (
            Guid.TryParseExact(text, "D", out var value)
            && value != Guid.Empty
            && value.TryFormat(canonical, out _)
            && text.AsSpan().Equals(canonical, StringComparison.OrdinalIgnoreCase)
        )
        {
            id = T.From(value);
            return true;
        }

        id = default;
        return false;
    }

    /// <summary>As <see cref="TryParse{T}"/>, with an error that names the kind of id and the text.</summary>
    public static T Parse<T>(string? text)
        where T : struct, IEntityId<T> =>
        TryParse<T>(text, out var id)
            ? id
            : throw new FormatException(
                $"'{Shorten(text)}' is not a valid {typeof(T).Name}: expected a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057."
            );

    private static string Shorten(string? text) => text is { Length: > 64 } ? text[..64] + "…" : text ?? "";
}

/// <summary>An id is a JSON string in its canonical form.</summary>
public sealed class EntityIdJsonConverter<T> : JsonConverter<T>
    where T : struct, IEntityId<T>
{
    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && EntityId.TryParse<T>(reader.GetString(), out var id)
            ? id
            : throw new JsonException($"Expected a {typeof(T).Name}: a string with a UUID.");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);
}
