using Shipinator.WebFrontend.Api.Problems;

namespace Shipinator.WebFrontend.Api;

/// <summary>Strict reading of what stands in routes and queries.</summary>
internal static class Ids
{
    /// <summary>An id of a route. Errors: 400.</summary>
    public static T Parse<T>(string text, string field = "id")
        where T : struct, IEntityId<T> =>
        EntityId.TryParse<T>(text, out var id)
            ? id
            : throw new MalformedException(
                "id_malformed",
                field,
                $"'{(text.Length > 64 ? text[..64] + "…" : text)}' is not a valid {typeof(T).Name}: expected a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057."
            );

    /// <summary>An id of the query, if it is there.</summary>
    public static T? ParseOptional<T>(string? text, string field)
        where T : struct, IEntityId<T> => text is null ? null : Parse<T>(text, field);

    /// <summary>The client's key for a request that must not be done twice. Errors: 400.</summary>
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
                "An Idempotency-Key has at most 200 characters."
            ),
        };
    }
}
