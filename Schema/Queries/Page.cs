using System.Buffers.Text;
using System.Text;

namespace Shipinator.Schema.Queries;

/// <summary>One page of a list; <see cref="NextCursor"/> is absent on the last.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor)
{
    /// <summary>The page with mapped items.</summary>
    public Page<TOther> Select<TOther>(Func<T, TOther> map) => new([.. Items.Select(map)], NextCursor);
}

/// <summary>A requested page: at most <see cref="Limit"/> items after <see cref="Cursor"/>.</summary>
public sealed record PageRequest
{
    /// <summary>The limit when none is given.</summary>
    public const int DefaultLimit = 50;

    /// <summary>The largest limit.</summary>
    public const int MaxLimit = 200;

    /// <summary>
    /// Errors: <see cref="InvalidInputException"/> <c>limit</c> or <c>cursor</c>.
    /// </summary>
    public PageRequest(int? limit = null, string? cursor = null)
    {
        if (limit is < 1 or > MaxLimit)
        {
            throw new InvalidInputException("limit", $"limit must be between 1 and {MaxLimit}, but was {limit}.");
        }

        Limit = limit ?? DefaultLimit;
        Cursor = cursor;
    }

    /// <summary>The maximum number of items.</summary>
    public int Limit { get; }

    /// <summary>The <c>NextCursor</c> of the page before; null for the first page.</summary>
    public string? Cursor { get; }
}

/// <summary>Cursors are opaque to callers: their content may change. A cursor of one list is not valid for another.</summary>
internal static class Cursors
{
    public static string Encode(string list, string position) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{list}:{position}"));

    /// <summary>The position; null without a cursor.</summary>
    public static string? Decode(string list, string? cursor)
    {
        if (cursor is null)
        {
            return null;
        }

        if (cursor.Length <= 400 && Base64Url.IsValid(cursor))
        {
            var text = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor));
            if (text.StartsWith(list + ":", StringComparison.Ordinal))
            {
                return text[(list.Length + 1)..];
            }
        }

        throw Invalid();
    }

    public static Guid? DecodeId(string list, string? cursor) =>
        Decode(list, cursor) switch
        {
            null => null,
            var text => Guid.TryParseExact(text, "D", out var id) ? id : throw Invalid(),
        };

    public static InvalidInputException Invalid() =>
        new("cursor", "cursor is not valid for this list. Use next_cursor of the previous page unchanged, or omit it.");

    /// <summary>Creates a page of a list that was read with one item more than the limit.</summary>
    public static Page<T> Cut<T>(string list, List<T> items, int limit, Func<T, string> position)
    {
        if (items.Count <= limit)
        {
            return new(items, null);
        }

        items.RemoveRange(limit, items.Count - limit);
        return new(items, Encode(list, position(items[^1])));
    }
}
