using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;

namespace Shipinator.Forges.Webhooks;

/// <summary>
/// An object in the JSON of a webhook. Only the members that are asked for are read, so that a forge may add and change others. Every
/// error is an <see cref="InvalidInputException"/> <c>payload_malformed</c> that names the member.
/// </summary>
internal readonly struct PayloadPart
{
    private const int DeepestLevel = 64;
    private readonly JsonElement _element;
    private readonly string _path;

    private PayloadPart(JsonElement element, string path) => (_element, _path) = (element, path);

    /// <summary>Reads a whole body, which must be a JSON object in UTF-8 without duplicate members.</summary>
    public static T Read<T>(ReadOnlyMemory<byte> json, Func<PayloadPart, T> read)
    {
        if (!Utf8.IsValid(json.Span))
        {
            throw Malformed("The body is not UTF-8.");
        }

        try
        {
            using var document = JsonDocument.Parse(json, new() { MaxDepth = DeepestLevel, AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? read(new(document.RootElement, ""))
                : throw Malformed("The body must be a JSON object.");
        }
        // The other one: a name with an escape that is half of a character.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            var place = e as JsonException;
            throw Malformed(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The body is not valid JSON (line {place?.LineNumber + 1 ?? 0}, byte {place?.BytePositionInLine ?? 0}), has a member "
                        + $"twice, or is nested deeper than {DeepestLevel} levels."
                )
            );
        }
    }

    /// <summary>The error for a body that can't be used.</summary>
    public static InvalidInputException Malformed(string problem) => new("payload_malformed", problem);

    /// <summary>Whether there is such a member that is not null.</summary>
    public bool Has(string name) => Find(name, JsonValueKind.Undefined) is not null;

    /// <summary>Errors: <see cref="InvalidInputException"/> when one of these members is absent or null.</summary>
    public void Require(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (!Has(name))
            {
                throw Malformed($"'{Path(name)}' is missing.");
            }
        }
    }

    /// <summary>A member that is an object; null when it is absent or null.</summary>
    public PayloadPart? Object(string name) => Find(name, JsonValueKind.Object) is { } found ? new(found, Path(name)) : null;

    /// <summary>A member that must be an object.</summary>
    public PayloadPart Required(string name) => Object(name) ?? throw Malformed($"'{Path(name)}' is missing; expected an object.");

    /// <summary>A text for display, shortened to a length; null when it is absent, null or empty.</summary>
    public string? Display(string name, int longest)
    {
        if (Find(name, JsonValueKind.String) is not { } found || Text(found, name) is not { Length: > 0 } text)
        {
            return null;
        }

        // The database stores no NUL.
        text = text.Replace('\0', '\uFFFD');
        return text.Length <= longest ? text
            : char.IsHighSurrogate(text[longest - 1]) ? text[..(longest - 1)]
            : text[..longest];
    }

    /// <summary>A name: not empty, no control characters, at most this many characters.</summary>
    public string RequiredName(string name, int longest) =>
        Name(name, longest) ?? throw Malformed($"'{Path(name)}' is missing or empty; expected a text.");

    /// <summary>A name as above; null when it is absent, null or empty.</summary>
    public string? Name(string name, int longest)
    {
        if (Find(name, JsonValueKind.String) is not { } found || Text(found, name) is not { Length: > 0 } text)
        {
            return null;
        }

        return text.Length > longest ? throw Malformed($"'{Path(name)}' must have at most {longest} characters, but has {text.Length}.")
            : text.Any(char.IsControl) ? throw Malformed($"'{Path(name)}' contains a control character.")
            : text;
    }

    /// <summary>The id of a commit or a tag, in lower case; null when it is absent, null, empty or all zeros.</summary>
    public string? ObjectId(string name)
    {
        if (Find(name, JsonValueKind.String) is not { } found || Text(found, name) is not { Length: > 0 } text)
        {
            return null;
        }

        if (text.Length is not (40 or 64) || !text.All(char.IsAsciiHexDigit))
        {
            throw Malformed($"'{Path(name)}' must be an object id of 40 or 64 hexadecimal digits.");
        }

        return text.All(c => c == '0') ? null : text.ToLowerInvariant();
    }

    /// <summary>An http or https URL; null when it is absent, another kind of URL, or longer than 2,000 characters.</summary>
    public string? Url(string name) =>
        Find(name, JsonValueKind.String) is { } found
        && Text(found, name) is { Length: > 0 and <= 2000 } text
        && !text.Any(char.IsControl)
        && Uri.TryCreate(text, UriKind.Absolute, out var url)
        && url.Scheme is "http" or "https"
            ? text
            : null;

    /// <summary>A whole number; null when it is absent or null.</summary>
    public long? Number(string name)
    {
        if (Find(name, JsonValueKind.Number) is not { } found)
        {
            return null;
        }

        return found.TryGetInt64(out var number) ? number : throw Malformed($"'{Path(name)}' must be a whole number.");
    }

    /// <summary>Whether a member is true; false when it is absent or null.</summary>
    public bool Flag(string name) => Find(name, JsonValueKind.True)?.ValueKind == JsonValueKind.True;

    /// <summary>The objects of a list; none when it is absent or null.</summary>
    public IEnumerable<PayloadPart> Objects(string name)
    {
        var path = Path(name);
        return Items(name, JsonValueKind.Object).Select(e => new PayloadPart(e, path));
    }

    /// <summary>The texts of a list; null when it is absent or null.</summary>
    public IReadOnlyList<string>? Texts(string name)
    {
        if (Find(name, JsonValueKind.Array) is null)
        {
            return null;
        }

        var texts = new List<string>();
        foreach (var item in Items(name, JsonValueKind.String))
        {
            texts.Add(Text(item, name));
        }

        return texts;
    }

    private IEnumerable<JsonElement> Items(string name, JsonValueKind kind)
    {
        if (Find(name, JsonValueKind.Array) is not { } list)
        {
            return [];
        }

        var path = Path(name);
        return list.EnumerateArray().Select(e => e.ValueKind == kind ? e : throw Malformed($"'{path}' has an item of another kind."));
    }

    private JsonElement? Find(string name, JsonValueKind kind)
    {
        if (!_element.TryGetProperty(name, out var found) || found.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        var isKind =
            kind == JsonValueKind.Undefined
            || found.ValueKind == kind
            || (kind == JsonValueKind.True && found.ValueKind == JsonValueKind.False);
        return isKind ? found : throw Malformed($"'{Path(name)}' is of another kind than expected ({Word(found.ValueKind)}).");
    }

    private string Text(JsonElement found, string name)
    {
        try
        {
            return found.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // An escape that is half of a character.
            throw Malformed($"'{Path(name)}' is not valid Unicode.");
        }
    }

    private string Path(string name) => _path.Length == 0 ? name : $"{_path}.{name}";

    private static string Word(JsonValueKind kind) =>
        kind switch
        {
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "a list",
            JsonValueKind.String => "a text",
            JsonValueKind.Number => "a number",
            _ => "true or false",
        };
}
