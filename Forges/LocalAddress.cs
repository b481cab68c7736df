namespace Shipinator.Forges;

/// <summary>A clone URL that names a repository on the server's machine: an absolute path, or a <c>file</c> URL.</summary>
public static class LocalAddress
{
    private const string Scheme = "file:";
    private const string Expected = "expected file:///PATH, file://localhost/PATH or the absolute path itself";

    /// <summary>Whether it is an absolute path or a <c>file</c> URL.</summary>
    public static bool IsLocal(string cloneUrl)
    {
        ArgumentNullException.ThrowIfNull(cloneUrl);
        return cloneUrl.StartsWith('/') || cloneUrl.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The absolute path that it names; null, and in <paramref name="problem"/> why, when it names none.</summary>
    public static string? TryParse(string cloneUrl, out string problem)
    {
        ArgumentNullException.ThrowIfNull(cloneUrl);
        problem = "";
        if (cloneUrl.StartsWith('/'))
        {
            return cloneUrl;
        }

        problem = Expected;
        if (!IsLocal(cloneUrl))
        {
            return null;
        }

        if (cloneUrl.AsSpan().ContainsAny('?', '#'))
        {
            problem = "a file URL has no query or fragment; write '?' as %3F and '#' as %23";
            return null;
        }

        var rest = cloneUrl[Scheme.Length..];
        if (rest.StartsWith("//", StringComparison.Ordinal))
        {
            var slash = rest.IndexOf('/', 2);
            var host = slash < 0 ? rest[2..] : rest[2..slash];
            if (slash < 0 || !(host.Length == 0 || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)))
            {
                problem = "the file URL names another machine or no path; " + Expected;
                return null;
            }

            rest = rest[slash..];
        }

        var path = Uri.UnescapeDataString(rest);
        if (!path.StartsWith('/') || path.Any(char.IsControl))
        {
            return null;
        }

        problem = "";
        return path;
    }
}
