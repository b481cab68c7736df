using Shipinator.Triggers;

namespace Shipinator.WebFrontend.Api;

/// <summary>Reads ids of routes and queries, and the idempotency key. Errors: <see cref="MalformedException"/>.</summary>
internal static class Ids
{
    public static T Parse<T>(string text, string field = "id")
        where T : struct, IEntityId<T> =>
        EntityId.TryParse<T>(text, out var id)
            ? id
            : throw new MalformedException(
                "id_malformed",
                field,
                $"'{Fields.Excerpt(text)}' is not a valid {typeof(T).Name}; expected a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057."
            );

    public static T? ParseOptional<T>(string? text, string field)
        where T : struct, IEntityId<T> => text is null ? null : Parse<T>(text, field);

    /// <summary>The client's key for a request that must not be executed twice; null when it sent none.</summary>
    public static string? IdempotencyKey(HttpContext context)
    {
        var key = context.Request.Headers["Idempotency-Key"].ToString();
        return key.Length switch
        {
            0 => null,
            <= 200 => key,
            _ => throw new MalformedException(
                "idempotency_key_malformed",
                "Idempotency-Key",
                $"Idempotency-Key must have at most 200 characters, but has {key.Length}."
            ),
        };
    }
}
