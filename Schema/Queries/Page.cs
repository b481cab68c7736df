using System.Buffers.Text;
using System.Text;

namespace Shipinator.Schema.Queries;

/// <summary>One page of a list; <see cref="NextCursor"/> is absent on the last.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor)
{
    /// <summary>The same page of something else.</summary>
    public Page<TOther> Select<TOther>(Func<T, TOther> map) => new([.. Items.Select(map)], NextCursor);
}

/// <summary>Which page is asked for: at most <see cref="Limit"/> items, after <see cref="Cursor"/>.</summary>
public sealed record PageRequest
{
    /// <summary>What a caller gets who names no limit.</summary>
    public const int DefaultLimit = 50;

    /// <summary>No page is longer.</summary>
    public const int MaxLimit = 200;

    /// <summary>
    /// Errors: <see cref="InvalidInputException"/> <c>limit</c> or <c>cursor</c>.
    /// </summary>
    public PageRequest(int? limit = null, string? cursor = null)
    {
        if (limit is < 1 or > MaxLimit)
        {
            throw new InvalidInputException("limit", $"limit={limit} is not possible: it is from 1 to {MaxLimit}.");
        }

        Limit = limit ?? DefaultLimit;
        Cursor = cursor;
    }

    /// <summary>How many at most.</summary>
    public int Limit { get; }

    /// <summary>As an earlier page's <c>NextCursor</c> gave it; absent for the first page.</summary>
    public string? Cursor { get; }
}

/// <summary>Cursors are opaque to callers: what they hold may change. One list's cursor is refused by another.</summary>
internal static class Cursors
{
    public static string Encode(string list, string position) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{list}:{position}"));

    /// <summary>The position in it; null for no cursor.</summary>
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
        new("cursor", "cursor is not one that this list gave out: take next_cursor of the page before, unchanged, or leave it out.");

    /// <summary>Cuts a list that was read one longer than its limit.</summary>
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
