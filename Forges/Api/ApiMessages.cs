using System.Net.Http.Headers;
using System.Text;

namespace Shipinator.Forges.Api;

/// <summary>A request to a forge's API.</summary>
/// <param name="Method">The method; a redirect repeats it, with the body.</param>
/// <param name="Address">Below the API's base address.</param>
internal sealed record ApiRequest(HttpMethod Method, Uri Address)
{
    /// <summary>The body; null for none.</summary>
    public byte[]? Body { get; init; }

    /// <summary>The body's media type.</summary>
    public string ContentType { get; init; } = "application/json";

    /// <summary>The media type of the response.</summary>
    public string Accept { get; init; } = "application/json";

    /// <summary>The credential.</summary>
    public AuthenticationHeaderValue? Authorization { get; init; }

    /// <summary>The entity tag of a response that is known already.</summary>
    public string? IfNoneMatch { get; init; }
}

/// <summary>A response, whole.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Headers">The headers of message and content; names compare without case.</param>
/// <param name="Body">The body.</param>
internal sealed record ApiResponse(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public bool IsSuccess => Status is >= 200 and < 300;

    public string? Header(string name) => Headers.GetValueOrDefault(name);

    /// <summary>The body as text; bytes that are not UTF-8 are replaced.</summary>
    public string Text => Encoding.UTF8.GetString(Body);
}
