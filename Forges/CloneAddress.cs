using System.Collections.Immutable;
using System.Net;

namespace Shipinator.Forges;

/// <summary>
/// A strictly parsed http or https clone URL: comparing it, resolving its host and passing it to Git all refer to the same place.
/// Forms that programs interpret differently (user information, backslashes, dot segments, encoded slashes, unusual IP addresses) are
/// refused or normalized.
/// </summary>
public sealed record CloneAddress
{
    private const int MaxLength = 2000;

    private CloneAddress(string scheme, string host, int port, string path, ImmutableArray<string> segments) =>
        (Scheme, Host, Port, Path, Segments) = (scheme, host, port, path, segments);

    /// <summary><c>http</c> or <c>https</c>.</summary>
    public string Scheme { get; }

    /// <summary>Lower-case ASCII; an IPv6 address in brackets.</summary>
    public string Host { get; }

    /// <summary>The port; the scheme's default when the text has none.</summary>
    public int Port { get; }

    /// <summary>The path as written, with its leading slash.</summary>
    public string Path { get; }

    /// <summary>The path's segments, decoded.</summary>
    public ImmutableArray<string> Segments { get; }

    /// <summary>Scheme, host and port: <c>https://git.example.org</c>, <c>https://git.example.org:8443</c>.</summary>
    public string Origin =>
        Port == (Scheme == "https" ? 443 : 80) ? $"{Scheme}://{Host}" : string.Create(null, $"{Scheme}://{Host}:{Port}");

    /// <summary>The normalized URL.</summary>
    public string Url => Origin + Path;

    /// <summary>Set when the host is an IP address.</summary>
    public IPAddress? Literal => IPAddress.TryParse(Host.Trim('[', ']'), out var address) ? address : null;

    /// <summary>Whether this is the scope or below it: same origin, and the scope's path is a prefix by whole segments.</summary>
    public bool IsWithin(CloneAddress scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return Origin == scope.Origin
            && Segments.Length >= scope.Segments.Length
            && Segments.AsSpan()[..scope.Segments.Length].SequenceEqual(scope.Segments.AsSpan());
    }

    /// <summary>Parses a URL; null, with the reason in <paramref name="problem"/>, when it can't be cloned.</summary>
    public static CloneAddress? TryParse(string? text, out string problem)
    {
        problem = "expected an http or https URL";
        if (text is not { Length: > 0 and <= MaxLength })
        {
            return null;
        }

        if (text.Any(c => char.IsControl(c) || char.IsWhiteSpace(c) || c == '\\'))
        {
            problem = "it contains a space, a backslash or a control character";
            return null;
        }

        var authorityAt = text.IndexOf("://", StringComparison.Ordinal) + 3;
        if (
            authorityAt < 3
            || text[..(authorityAt - 3)].ToLowerInvariant() is not ("http" or "https")
            || !Uri.TryCreate(text, UriKind.Absolute, out var uri)
        )
        {
            return null;
        }

        var slash = text.IndexOf('/', authorityAt);
        var (authority, path) = slash < 0 ? (text[authorityAt..], "") : (text[authorityAt..slash], text[slash..]);
        if (authority.Contains('@', StringComparison.Ordinal))
        {
            problem = "it contains user information (before '@')";
            return null;
        }

        if (text.AsSpan().ContainsAny('?', '#'))
        {
            problem = "it has a query or a fragment";
            return null;
        }

        if (authority.Contains('%', StringComparison.Ordinal) || uri.Port is < 1 or > 65535 || HostOf(uri) is not { } host)
        {
            problem = "its host is not a plain host name or IP address";
            return null;
        }

        if (SegmentsOf(path) is not { } segments)
        {
            problem = "its path contains an empty, '.' or '..' segment, or an encoded slash";
            return null;
        }

        problem = "";
        return new(uri.Scheme, host, uri.Port, path, segments);
    }

    private static string? HostOf(Uri uri)
    {
        if (uri.HostNameType == UriHostNameType.IPv6)
        {
            return $"[{IPAddress.Parse(uri.Host.Trim('[', ']'))}]";
        }

        string host;
        try
        {
            // Parsed again, because an international name may turn out to be an address only in ASCII.
            host = new Uri($"http://{uri.IdnHost.ToLowerInvariant()}/").IdnHost;
        }
        catch (UriFormatException)
        {
            return null;
        }

        host = host.EndsWith('.') ? host[..^1] : host;
        var last = host[(host.LastIndexOf('.') + 1)..];
        return
            host.Length is > 0 and <= 253
            && host.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.' or '_')
            && !host.StartsWith('.')
            && !host.EndsWith('.')
            && !host.Contains("..", StringComparison.Ordinal)
            // Some resolvers take anything that looks like a number for an address.
            && (
                IPAddress.TryParse(host, out _)
                    ? host.Count(c => c == '.') == 3
                    : !last.All(char.IsAsciiDigit) && !last.StartsWith("0x", StringComparison.Ordinal)
            )
            ? host
            : null;
    }

    private static ImmutableArray<string>? SegmentsOf(string path)
    {
        var text = path.TrimStart('/');
        if (path.Length - text.Length > 1)
        {
            return null;
        }

        text = text.EndsWith('/') ? text[..^1] : text;
        if (text.Length == 0)
        {
            return [];
        }

        var segments = text.Split('/').Select(Uri.UnescapeDataString).ToImmutableArray();
        return segments.All(s => s is not ("" or "." or "..") && !s.AsSpan().ContainsAny('/', '\\') && !s.Any(char.IsControl))
            ? segments
            : null;
    }
}
